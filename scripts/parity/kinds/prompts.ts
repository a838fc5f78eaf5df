/** @file Token ids of prompts: the tokenizer of a case's model must give the ids that the case holds. */
import type { Checks } from "../checks.ts";
import type { TensorCase } from "../tensor-case.ts";
import type { Tree } from "../tree.ts";

/** Compares `input_ids` and `input_ids_2` with the ids of the prompts, where the model's folder has a tokenizer. */
export async function checkPromptIds(
  test: TensorCase,
  tree: Tree,
  checks: Checks,
  prompts: readonly string[],
): Promise<void> {
  const tokenizers = await tree.tokenizers(test.fields.string("model"));
  const names = ["input_ids", "input_ids_2"].filter((name) => test.hasInputs(name));
  if (tokenizers.length > 0 && tokenizers.length < names.length) throw new Error("the model has one tokenizer");
  for (const [i, tokenizer] of tokenizers.slice(0, names.length).entries()) {
    const ids = prompts.flatMap((prompt) => [...tokenizer.encode(prompt).inputIds]);
    checks.equal(`${names[i]} (from the prompts)`, ids, test.ints(names[i]));
  }
}
