/**
 * @file What a VAE keeps of pictures: of held-out ones of the world, and of the ten concepts' views, whose marks must
 * survive.
 */
import type { Component } from "../../src/diffusion/checkpoint.ts";
import type { AutoencoderKlConfig } from "../../src/diffusion/config/autoencoder-kl-config.ts";
import { compileDecoder, ImageEncoder } from "../../src/diffusion/latents.ts";
import { PICTURE_SIZE } from "../model/architecture.ts";
import type { ConceptView } from "./concept-views.ts";
import { edgePsnr, psnr, sharpness } from "./fidelity.ts";

export interface Fidelity {
  readonly pictures: number;
  /** In dB, means over the pictures. */
  readonly psnr: number;
  readonly edgePsnr: number;
  /** Of the reconstructions, as a share of the originals'. */
  readonly sharpness: number;
}

/** decode(encode(picture)) for each picture. */
export async function reconstructions(
  vae: Component<AutoencoderKlConfig>,
  pictures: readonly Float32Array[],
): Promise<Float32Array[]> {
  const size = { height: PICTURE_SIZE, width: PICTURE_SIZE };
  const encoder = await ImageEncoder.create(vae, size);
  const decoder = await compileDecoder(vae, size);
  const all: Float32Array[] = [];
  for (const picture of pictures) {
    const { decoded } = await decoder.run({ latents: await encoder.encode(picture) });
    all.push(decoded.slice());
  }
  await Promise.all([encoder.dispose(), decoder.dispose()]);
  return all;
}

export function fidelityOf(decoded: readonly Float32Array[], originals: readonly Float32Array[]): Fidelity {
  const mean = (measure: (picture: Float32Array, original: Float32Array) => number) =>
    decoded.reduce((sum, picture, i) => sum + measure(picture, originals[i]), 0) / decoded.length;
  return {
    pictures: decoded.length,
    psnr: mean(psnr),
    edgePsnr: mean(edgePsnr),
    sharpness: mean((picture) => sharpness(picture)) / mean((_, original) => sharpness(original)),
  };
}

/** Of all views, and the mean PSNR of each concept's. */
export async function fidelityToConcepts(vae: Component<AutoencoderKlConfig>, views: readonly ConceptView[]) {
  const originals = views.map(({ pixels }) => pixels);
  const decoded = await reconstructions(vae, originals);
  const names = [...new Set(views.map(({ concept }) => concept))];
  const byConcept = names.map((name) => {
    const own = views.map((_, i) => i).filter((i) => views[i].concept === name);
    const { psnr: ratio } = fidelityOf(
      own.map((i) => decoded[i]),
      own.map((i) => originals[i]),
    );
    return [name, ratio] as const;
  });
  return { ...fidelityOf(decoded, originals), byConcept: Object.fromEntries(byConcept) };
}
