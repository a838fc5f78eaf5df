/**
 * @file The example concepts as a benchmark needs them: encoded training views, held-out views, and a prompt for the
 * setting of each held-out view.
 */
import { join } from "node:path";
import { KeepsakeError } from "../../src/errors.ts";
import type { SequenceConcept } from "../../src/learning/learn-sequence.ts";
import { encodeTrainingPhotos } from "../../src/training/photos/encode-photos.ts";
import { loadPhotos, readPhoto } from "../../src/training/photos/photos.ts";
import type { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { BUILT_IN } from "../../src/library/model/model-profile.ts";
import type { JudgedConcept } from "../../src/evaluation/sequence-run.ts";
import { readJson } from "../../src/io/json.ts";

const FOLDER = join("examples", "concepts");

export interface ExampleView {
  /** Below the folder of the concepts. */
  readonly file: string;
  /** In the words of the world's captions: "in the forest". */
  readonly setting: string;
}

export interface ExampleConcept {
  readonly name: string;
  readonly classNoun: string;
  readonly train: readonly ExampleView[];
  readonly test: readonly ExampleView[];
}

/** Written by this project's own recipe: its layout needs no check. */
async function exampleConcepts(): Promise<readonly ExampleConcept[]> {
  const { concepts } = (await readJson(join(FOLDER, "concepts.json"))) as { concepts: readonly ExampleConcept[] };
  return concepts;
}

/** @throws KeepsakeError ("usage") for a name that no example has */
export async function exampleOf(name: string): Promise<ExampleConcept> {
  const found = (await exampleConcepts()).find((concept) => concept.name === name);
  if (found === undefined)
    throw new KeepsakeError("usage", `There is no example concept "${name}"; examples/concepts has them.`);
  return found;
}

/** The files of views. */
export const pathsOf = (views: readonly ExampleView[]): string[] => views.map(({ file }) => join(FOLDER, file));

/**
 * @param names - in the order wanted
 * @param repeats - pictures drawn for the setting of each held-out view
 * @throws KeepsakeError ("usage") for a name that no example has
 */
export async function judgedExamples(
  pipeline: StableDiffusionPipeline,
  names: readonly string[],
  repeats: number,
): Promise<JudgedConcept[]> {
  const { width: side } = pipeline.defaultSize;
  const judged: JudgedConcept[] = [];
  for (const name of names) {
    const example = await exampleOf(name);
    const photos = await loadPhotos(pathsOf(example.train), side);
    const taught: SequenceConcept = {
      name,
      classNoun: example.classNoun,
      vectors: BUILT_IN.vectors,
      photos: await encodeTrainingPhotos(pipeline.vae, photos, side, {}),
    };
    judged.push({
      ...taught,
      heldOut: await Promise.all(pathsOf(example.test).map((path) => readPhoto(path, side))),
      prompts: Array.from({ length: repeats }, () =>
        example.test.map(({ setting }) => `a photo of a {} ${setting}`),
      ).flat(),
    });
  }
  return judged;
}
