/**
 * @file The program that training is made of, for the models of a case, with the tokens of its prompts as learned ones.
 */
import type { Lora } from "../../../src/adapters/lora.ts";
import { endOfTextRows } from "../../../src/diffusion/clip/text-inputs.ts";
import { type DenoisingBatch, DenoisingError } from "../../../src/training/denoising-error.ts";
import type { TensorCase } from "../tensor-case.ts";
import type { Tree } from "../tree.ts";

export const TOKEN_TABLE = "text_model.embeddings.token_embedding.weight";

/** The tensors with the ids for each text encoder. */
export const ID_TENSORS: readonly string[] = ["input_ids", "input_ids_2"];

/** Prompts whose token embeddings are trainable. */
export interface LearnedPrompts {
  /** The different ids of the prompts, in the order of the rows of `embeddings`. */
  readonly ids: readonly number[];
  /** `[ids, width]`: the rows of the text encoders' tables, side by side. */
  readonly embeddings: Float32Array;
  /** The prompts, with ids of learned tokens. */
  readonly tokenIds: readonly (readonly number[])[];
  /** Width of each text encoder's part of a row. */
  readonly widths: readonly number[];
}

/**
 * Replaces each id by a learned token with the same embedding; the end of the text stays if something is pooled there.
 */
export async function learnedPrompts(test: TensorCase, tree: Tree): Promise<LearnedPrompts> {
  const { encoders, widths } = await tree.text(test.fields.string("model"));
  const tables: Float32Array[] = [];
  for (const { weights } of encoders) tables.push(await weights.readFloat32(TOKEN_TABLE));
  const prompts = encoders.map((_, i) => test.rows(ID_TENSORS[i]));
  const kept = encoders.flatMap(({ config }, i) => {
    if (config.projectionDim === undefined) return [];
    const flat = prompts[i].flat();
    return [...endOfTextRows(prompts[i], config)].map((row) => flat[row]);
  });
  const ids = [...new Set(prompts.flat(2))].filter((id) => !kept.includes(id));
  const rowOf = (id: number) => tables.flatMap((table, i) => [...table.subarray(id * widths[i], (id + 1) * widths[i])]);
  return {
    ids,
    embeddings: Float32Array.from(ids.flatMap(rowOf)),
    tokenIds: prompts[0].map((_, prompt) =>
      encoders.flatMap(({ tokenizer }, i) =>
        prompts[i][prompt].map((id) => (ids.includes(id) ? tokenizer.vocabSize + ids.indexOf(id) : id)),
      ),
    ),
    widths,
  };
}

/** The framings of a case of SDXL. */
export function timeIdsOfCase(test: TensorCase): Pick<DenoisingBatch, "timeIds"> {
  if (!test.hasInputs("time_ids")) return {};
  const [count, width] = test.shape("time_ids");
  const flat = [...test.floats("time_ids")];
  return { timeIds: Array.from({ length: count }, (_, i) => flat.slice(i * width, (i + 1) * width)) };
}

/** Compiles the program for as long as `use` lasts. */
export async function withDenoisingError<Result>(
  test: TensorCase,
  tree: Tree,
  options: { readonly lora: Lora; readonly batchSize: number; readonly learnedRows: number },
  use: (denoisingError: DenoisingError) => Promise<Result>,
): Promise<Result> {
  const model = test.fields.string("model");
  const models = { unet: await tree.unet(model), text: await tree.text(model) };
  const [, , height, width] = test.shape("noisy");
  const { lora, batchSize, learnedRows } = options;
  const shape = { batchSize, height, width, learnedRows };
  const denoisingError = await DenoisingError.create(models, lora, { ...tree.programOptions, ...shape });
  try {
    return await use(denoisingError);
  } finally {
    await denoisingError.dispose();
  }
}
