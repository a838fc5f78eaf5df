/**
 * @file CLIP-I and CLIP-T: how like the real pictures, and how like their prompts, generated pictures are (Gal et al.
 * 2022, section 5; Ruiz et al., "DreamBooth", CVPR 2023, section 4.1).
 */
import { cosine } from "../diffusion/clip/clip-features.ts";
import { meanOf } from "./estimate.ts";
import type { Features } from "./kernels.ts";

/**
 * CLIP-I: the mean cosine over all pairs of a generated and a real picture, in [-1, 1].
 *
 * @param generated - of length 1, as `ClipFeatures` gives them; so are the others
 * @throws RangeError for an empty set
 */
export function clipI(generated: Features, real: Features): number {
  return meanOf(generated.flatMap((picture) => real.map((other) => cosine(picture, other))));
}

/**
 * CLIP-T: the mean cosine of each generated picture and its own prompt, in [-1, 1].
 *
 * @param prompts - features of the prompts, one for each picture. CLIP does not know learned tokens: a concept's class
 *   noun stands for it.
 * @throws RangeError for no pictures, or not as many prompts
 */
export function clipT(generated: Features, prompts: Features): number {
  if (generated.length !== prompts.length) {
    throw new RangeError(`${generated.length} pictures cannot be compared with ${prompts.length} prompts`);
  }
  return meanOf(generated.map((picture, i) => cosine(picture, prompts[i])));
}
