/** @file The program that training is made of, for the models of a case, with every token of the case's prompts as a learned one. */
import type { Lora } from "../../../src/adapters/lora.ts";
import { DenoisingError } from "../../../src/training/denoising-error.ts";
import type { TensorCase } from "../tensor-case.ts";
import type { Tree } from "../tree.ts";

const tokenTable = "text_model.embeddings.token_embedding.weight";

/** Prompts whose token embeddings are trainable. */
export interface LearnedPrompts {
  /** The different ids of the prompts, in the order of the rows of `embeddings`. */
  readonly ids: readonly number[];
  /** `[ids, width]`: the rows of the text encoder's table. */
  readonly embeddings: Float32Array;
  /** The prompts, with ids of learned tokens. */
  readonly tokenIds: readonly (readonly number[])[];
}

/** Replaces each id of `input_ids` by a learned token with the same embedding. */
export async function learnedPrompts(test: TensorCase, tree: Tree): Promise<LearnedPrompts> {
  const { config, weights } = await tree.clipText(test.fields.string("model"));
  const width = config.hiddenSize;
  const table = await weights.readFloat32(tokenTable);
  const ids = [...new Set(test.ints("input_ids"))];
  return {
    ids,
    embeddings: Float32Array.from(ids.flatMap((id) => [...table.subarray(id * width, (id + 1) * width)])),
    tokenIds: test.rows("input_ids").map((row) => row.map((id) => config.vocabSize + ids.indexOf(id))),
  };
}

/** Compiles the program for as long as `use` lasts. */
export async function withDenoisingError<Result>(
  test: TensorCase,
  tree: Tree,
  options: { readonly lora: Lora; readonly batchSize: number; readonly learnedRows: number },
  use: (denoisingError: DenoisingError) => Promise<Result>,
): Promise<Result> {
  const model = test.fields.string("model");
  const models = { unet: await tree.unet(model), textEncoder: await tree.clipText(model) };
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
