/**
 * @file From photo files to what training sees: cropped, encoded by the VAE, kept in memory only. Nothing here is written.
 */
import { createHash } from "node:crypto";
import type { Component } from "../diffusion/checkpoint.ts";
import type { AutoencoderKlConfig } from "../diffusion/config/autoencoder-kl-config.ts";
import { ImageEncoder, type Posterior } from "../diffusion/latents.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { decodeImage, imageToTensor, listImages, resizeAndCrop } from "../io/image.ts";

export interface Photos {
  /** Cropped photos, `[3, resolution, resolution]` in [-1, 1], in the order of the files' names. */
  readonly images: readonly Float32Array[];
  /** Identifies the cropped pixels, so that an interrupted run goes on with the same photos only. */
  readonly digest: string;
}

/**
 * Decodes every photo before any training starts: the short side is scaled to `resolution`, the middle is kept.
 *
 * @param paths - files and folders
 * @throws KeepsakeError naming the file that is missing or no picture, or the folder without pictures
 */
export async function loadPhotos(paths: readonly string[], resolution: number): Promise<Photos> {
  const hash = createHash("sha256");
  const images: Float32Array[] = [];
  for (const file of await listImages(paths)) {
    const cropped = await resizeAndCrop(await decodeImage(file), resolution, resolution);
    hash.update(cropped.data);
    images.push(imageToTensor(cropped));
  }
  return { images, digest: hash.digest("hex") };
}

/** Encodes photos to the distributions from which training draws latents. */
export async function encodePhotos(
  vae: Component<AutoencoderKlConfig>,
  images: readonly Float32Array[],
  resolution: number,
  options: ProgramOptions,
): Promise<Posterior[]> {
  const encoder = await ImageEncoder.create(vae, { height: resolution, width: resolution }, options);
  try {
    const posteriors: Posterior[] = [];
    for (const image of images) posteriors.push(await encoder.posterior(image));
    return posteriors;
  } finally {
    await encoder.dispose();
  }
}
