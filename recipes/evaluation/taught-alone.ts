/**
 * @file A concept that was taught alone, in places where it was never shown.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MODEL_FAMILIES } from "../../src/diffusion/family/families.ts";
import type { ProgramOptions } from "../../src/graph/index.ts";
import type { RgbImage } from "../../src/io/images/rgb-image.ts";
import { Keepsake } from "../../src/keepsake/keepsake.ts";
import type { LearnRequest } from "../../src/keepsake/learn-and-preview.ts";
import { BUILT_IN } from "../../src/library/model/model-profile.ts";

const { steps, guidanceScale } = MODEL_FAMILIES["built-in"];

/** One drawing in each. */
export const NEW_PLACES: readonly string[] = [
  "on a white background",
  "on a blue background",
  "on the beach",
  "in the snow",
  "in the city",
  "on a yellow background",
];
/** Of the drawings, each from the same noise. */
export const DRAWING_SEED = 2026;

export interface TaughtAloneOptions {
  /** Folder of a model. Default: the built-in one. */
  readonly model?: string | undefined;
  readonly program?: ProgramOptions;
  /** Default: `NEW_PLACES`. */
  readonly places?: readonly string[];
}

/**
 * A drawing of a concept in each place, by a library of its own that has just learned it and is deleted then. What is
 * not said of the training, and how it is drawn, is as for the built-in model: what is measured may be the next one.
 */
export async function drawnWhenTaughtAlone(
  concept: LearnRequest,
  { model, program = {}, places = NEW_PLACES }: TaughtAloneOptions = {},
): Promise<RgbImage[]> {
  const folder = await mkdtemp(join(tmpdir(), "keepsake-taught-"));
  const keepsake = await Keepsake.open(join(folder, "library"), { program, ...(model !== undefined && { model }) });
  try {
    const training = { ...BUILT_IN.training, ...concept.training };
    const { vectors } = BUILT_IN;
    await keepsake.learn({ vectors, ...concept, training, adapter: { ...BUILT_IN.adapter, ...concept.adapter } });
    const drawings: RgbImage[] = [];
    for (const place of places) {
      const prompt = `<${concept.name}> ${place}`;
      const [{ image }] = await keepsake.generate({ prompt, seed: DRAWING_SEED, steps, guidanceScale });
      drawings.push(image);
    }
    return drawings;
  } finally {
    await keepsake.close();
    await rm(folder, { recursive: true });
  }
}
