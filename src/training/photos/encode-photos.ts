/**
 * @file Photos become latents, as training sees them: encoded by the VAE, kept in memory only.
 */
import type { Component } from "../../diffusion/checkpoint.ts";
import type { AutoencoderKlConfig } from "../../diffusion/config/autoencoder-kl-config.ts";
import { ImageEncoder, latentShape, type LatentDistribution } from "../../diffusion/latents.ts";
import type { PictureFraming } from "../../diffusion/time-ids.ts";
import { damagedWeights } from "../../diffusion/weights.ts";
import { KeepsakeError } from "../../errors.ts";
import type { ProgramOptions } from "../../graph/index.ts";
import { latentMask, lossMask } from "../loss-options.ts";
import { mirroredFraming, type PhotoFraming } from "./photo-framing.ts";
import type { Photos } from "./photos.ts";

/** A photo as training sees it, encoded. */
export interface PhotoView extends LatentDistribution {
  /** Default: it is whole. Only SDXL is told. */
  readonly framing?: PictureFraming;
  /** `[height, width]` of the latent: what each pixel counts in the loss. Default: all count 1. */
  readonly mask?: Float32Array;
}

/** A photo that is trained on, with the words for what is not the thing. */
export interface TrainingPhoto extends PhotoView {
  readonly caption?: string | undefined;
  /** The same photo mirrored, left and right exchanged: each step sees one of the two. Default: none does. */
  readonly mirrored?: PhotoView;
}

/**
 * Encodes photos to distributions: training draws latents from them, and their means are the most probable latents.
 *
 * @param images - `[3, resolution, resolution]` each, in [-1, 1]
 * @throws KeepsakeError if the memory does not suffice, or the VAE's numbers are damaged
 */
export async function encodePhotos(
  vae: Component<AutoencoderKlConfig>,
  images: Iterable<Float32Array> | AsyncIterable<Float32Array>,
  resolution: number,
  options: ProgramOptions,
): Promise<LatentDistribution[]> {
  const encoder = await ImageEncoder.create(vae, { height: resolution, width: resolution }, options);
  try {
    const distributions: LatentDistribution[] = [];
    for await (const image of images) distributions.push(await encoder.distribution(image));
    if (!distributions.every(({ mean, logvar }) => mean.every(Number.isFinite) && logvar.every(Number.isFinite))) {
      const fault = "The model's VAE encodes a photo as NaN or infinity; use another checkpoint";
      throw (await damagedWeights([vae.weights])) ?? new KeepsakeError("input", `${fault}.`);
    }
    return distributions;
  } finally {
    await encoder.dispose();
  }
}

/**
 * Photos with their captions and masks, encoded.
 *
 * @param flip - whether each is encoded mirrored too, so that a step may see it either way
 * @throws KeepsakeError as {@link encodePhotos}; the signal's reason when aborted
 */
export async function encodeTrainingPhotos(
  vae: Component<AutoencoderKlConfig>,
  {
    images,
    framings = [],
    captions,
    masks = [],
  }: Pick<Photos, "images" | "captions"> & Partial<Pick<Photos, "framings" | "masks">>,
  resolution: number,
  options: ProgramOptions,
  { flip = false, signal }: { readonly flip?: boolean; readonly signal?: AbortSignal | undefined } = {},
): Promise<TrainingPhoto[]> {
  const [, , columns] = latentShape(vae.config, { height: resolution, width: resolution });
  const views = async (
    seen: (rows: Float32Array) => Float32Array,
    framed: (framing: PhotoFraming) => PictureFraming,
  ): Promise<PhotoView[]> => {
    const distributions = await encodePhotos(vae, untilAborted(images, seen, signal), resolution, options);
    return distributions.map((distribution, i) => {
      const [mask, framing] = [masks[i], framings[i]];
      const view = { ...distribution, ...(framing !== undefined && { framing: framed(framing) }) };
      if (mask === undefined) return view;
      return { ...view, mask: lossMask(latentMask(seen(mask), resolution, resolution / columns)) };
    });
  };
  const usual = await views(
    (rows) => rows,
    (framing) => framing,
  );
  const photos = usual.map((view, i) => ({ ...view, caption: captions[i] }));
  if (!flip) return photos;
  const mirrored = await views((rows) => mirroredRows(rows, resolution), mirroredFraming);
  return photos.map((photo, i) => ({ ...photo, mirrored: mirrored[i] }));
}

function* untilAborted(
  images: readonly Float32Array[],
  seen: (rows: Float32Array) => Float32Array,
  signal: AbortSignal | undefined,
): Generator<Float32Array> {
  for (const image of images) {
    signal?.throwIfAborted();
    yield seen(image);
  }
}

/** @param rows - rows of `width` numbers, each of which is turned round */
function mirroredRows(rows: Float32Array, width: number): Float32Array {
  const mirrored = rows.slice();
  for (let start = 0; start < rows.length; start += width) mirrored.subarray(start, start + width).reverse();
  return mirrored;
}
