/** @file Learned tokens from files: new ids in prompts, and what the text encoders make of them. */
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readTokenEmbeddings } from "../../../src/adapters/formats/token-embedding.ts";
import type { TokenEmbedding } from "../../../src/adapters/textual-inversion.ts";
import { endOfTextRows } from "../../../src/diffusion/clip/text-inputs.ts";
import { addLearnedTokens, onlyInputs, PromptEncoder } from "../../../src/diffusion/prompt-encoder.ts";
import type { TextConditioning } from "../../../src/diffusion/text-conditioning.ts";
import { input, Program } from "../../../src/graph/index.ts";
import type { CaseKind } from "../case-kind.ts";
import type { Computed, TensorCase } from "../tensor-case.ts";
import type { Tree } from "../tree.ts";

export const textualInversion: CaseKind = {
  description: "textual inversion",
  matches: (test) => test.fields.has("added_tokens") && test.hasOutputs("input_ids"),
  async run(test, tree, checks) {
    const prompts = test.fields.strings("prompts");
    const text = await tree.text(test.fields.string("model"));
    const learnedEmbeddings = test.fields.has("files") ? await namedEmbeddings(test) : await embeddingsBeside(test);
    const tokenizer = text.newTokenizer();
    const learned = addLearnedTokens(tokenizer, learnedEmbeddings, text.width);
    const [ids, secondIds] = tokenizer.tokenizers.map((each) =>
      prompts.map((prompt) => [...each.encode(prompt).inputIds]),
    );
    const encoder = new PromptEncoder(text, tree.programOptions);
    const encoded = await encoder.encode(prompts, { learnedEmbeddings });
    await encoder.clear();
    const states = encoded.flatMap(({ encoderHiddenStates }) => [...encoderHiddenStates]);
    if (text.projectionDim === undefined) {
      const atEndOfText = [...endOfTextRows(ids, text.encoders[0].config)].flatMap((row) =>
        states.slice(row * text.width, (row + 1) * text.width),
      );
      test.compare(checks, {
        input_ids: ids.flat(),
        last_hidden_state: states,
        last_hidden_state_at_eot: atEndOfText,
      });
      return;
    }
    test.compare(checks, {
      input_ids: ids.flat(),
      input_ids_2: secondIds.flat(),
      encoder_hidden_states: states,
      text_embeds_at_eot: encoded.flatMap(({ textEmbeds }) => [...(textEmbeds ?? [])]),
      text_embeds_at_argmax: await embedsAtHighestId(tree, text, { ids, secondIds, learned: learned.values }),
    });
  },
};

/** What transformers pools where a prompt has added tokens: the state at the highest id, which is one of them. */
async function embedsAtHighestId(
  tree: Tree,
  text: TextConditioning,
  { ids, secondIds, learned }: { ids: number[][]; secondIds: number[][]; learned: Float32Array },
): Promise<Computed[string]> {
  const rows = learned.length / text.width;
  const count = ids.length;
  const { textEmbeds } = text.trace(count, { learned: input("learned", [rows, text.width]) });
  if (textEmbeds === undefined) throw new Error("the model has no projection");
  const program = await Program.create({ textEmbeds }, tree.programOptions);
  const prompts = ids.map((first, i) => [...first, ...secondIds[i]]);
  const highest = secondIds.map((prompt, i) => i * text.positions + prompt.indexOf(Math.max(...prompt)));
  const feeds = { ...text.feeds(prompts, rows), learned, "endOfTextRows 2": Int32Array.from(highest) };
  const outputs = await program.run(onlyInputs(program, feeds));
  await program.dispose();
  return outputs.textEmbeds;
}

/** The embeddings of the files that the case lists, in its order; such files do not name their tokens. */
async function namedEmbeddings(test: TensorCase): Promise<TokenEmbedding[]> {
  const found: TokenEmbedding[] = [];
  for (const fields of test.fields.objects("files")) {
    const path = join(dirname(test.path), fields.string("file"));
    found.push(...(await readTokenEmbeddings(path, { token: fields.string("token") })));
  }
  return found;
}

/**
 * The embeddings of the files beside the case that hold its tokens, in the order of the ids that the tokens are to get.
 */
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
