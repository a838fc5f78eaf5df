/**
 * @file The 120 views of the ten example concepts, which no part of the model is trained on, at the model's size.
 */
import { join } from "node:path";
import { imageToTensor } from "../../src/io/images/image.ts";
import { readPhoto } from "../../src/training/photos/photos.ts";
import { CONCEPTS } from "../concepts/concepts.ts";
import { PICTURE_SIZE } from "../model/architecture.ts";

export interface ConceptView {
  readonly concept: string;
  readonly part: "train" | "test";
  /** `[3, PICTURE_SIZE, PICTURE_SIZE]`, -1 to 1. */
  readonly pixels: Float32Array;
}

/** Twelve of each concept, one concept after another. */
export async function conceptViews(): Promise<ConceptView[]> {
  const views: ConceptView[] = [];
  for (const { name } of CONCEPTS) {
    for (const part of ["train", "test"] as const) {
      for (let i = 0; i < 6; i++) {
        const file = join("examples", "concepts", name, part, `0${i}.png`);
        views.push({ concept: name, part, pixels: imageToTensor(await readPhoto(file, PICTURE_SIZE)) });
      }
    }
  }
  return views;
}
