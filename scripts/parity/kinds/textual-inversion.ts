/** @file Learned tokens from files: new ids in prompts, and what the text encoder makes of them. */
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TokenEmbedding, readTokenEmbeddings } from "../../../src/adapters/textual-inversion.ts";
import { endOfTextRows } from "../../../src/diffusion/clip/text-inputs.ts";
import { addLearnedTokens, PromptEncoder } from "../../../src/diffusion/prompt-encoder.ts";
import type { CaseKind } from "../case-kind.ts";
import type { TensorCase } from "../tensor-case.ts";

export const textualInversion: CaseKind = {
  description: "textual inversion",
  matches: (test) => test.fields.has("added_tokens") && test.hasOutputs("input_ids", "last_hidden_state"),
  async run(test, tree, checks) {
    const model = test.fields.string("model");
    const prompts = test.fields.strings("prompts");
    const textEncoder = await tree.clipText(model);
    const width = textEncoder.config.hiddenSize;
    const learnedEmbeddings = await embeddingsBeside(test);
    const newTokenizer = await tree.tokenizers(model);
    if (newTokenizer === undefined) throw new Error(`${model} has no tokenizer`);

    const tokenizer = newTokenizer();
    addLearnedTokens(tokenizer, learnedEmbeddings, width);
    const ids = prompts.map((prompt) => [...tokenizer.encode(prompt).inputIds]);
    const encoder = new PromptEncoder(textEncoder, newTokenizer, tree.programOptions);
    const states = await encoder.encode(prompts, { learnedEmbeddings }).finally(() => encoder.clear());
    const flat = states.flatMap((state) => [...state]);
    const atEndOfText = [...endOfTextRows(ids, textEncoder.config)].flatMap((row) =>
      flat.slice(row * width, (row + 1) * width),
    );
    test.compare(checks, {
      input_ids: ids.flat(),
      last_hidden_state: flat,
      last_hidden_state_at_eot: atEndOfText,
    });
  },
};

/** The embeddings of the files beside the case that hold its tokens, in the order of the ids that the tokens are to get. */
async function embeddingsBeside(test: TensorCase): Promise<TokenEmbedding[]> {
  const folder = dirname(test.path);
  const idOf = test.fields.object("added_tokens");
  const found: TokenEmbedding[] = [];
  const entries = await readdir(folder);
  for (const entry of entries) {
    // A file with a JSON beside it is a case.
    if (!entry.endsWith(".safetensors") || entries.includes(entry.replace(/safetensors$/, "json"))) continue;
    const embeddings = await readTokenEmbeddings(join(folder, entry));
    found.push(...embeddings.filter(({ token }) => idOf.has(token)));
  }
  return found.sort((a, b) => idOf.number(a.token) - idOf.number(b.token));
}
