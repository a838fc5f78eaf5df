/** @file Token ids of prompts: the tokenizer of a case's model must give the ids that the case holds. */
import type { Checks } from "../checks.ts";
import type { TensorCase } from "../tensor-case.ts";
import type { Tree } from "../tree.ts";

/** Compares `input_ids` with the ids of the prompts, where the model's folder has a tokenizer. */
export async function checkPromptIds(
  test: TensorCase,
  tree: Tree,
  checks: Checks,
  prompts: readonly string[],
): Promise<void> {
  const newTokenizer = await tree.tokenizers(test.fields.string("model"));
  if (newTokenizer === undefined) return;
  const tokenizer = newTokenizer();
  const ids = prompts.flatMap((prompt) => [...tokenizer.encode(prompt).inputIds]);
  checks.equal("input_ids (from the prompts)", ids, test.ints("input_ids"));
}
