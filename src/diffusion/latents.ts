/**
 * @file Between pictures and latents: compiled encoder and decoder of the VAE for one size of picture.
 */
import type { PictureSize } from "./picture-size.ts";
import { KeepsakeError } from "../errors.ts";
import { type ProgramOptions, div, input, Program } from "../graph/index.ts";
import type { Component } from "./checkpoint.ts";
import { type AutoencoderKlConfig, vaeScaleFactor } from "./config/autoencoder-kl-config.ts";
import { checkMemory } from "./memory.ts";
import { decode, encode } from "./models/autoencoder-kl.ts";
import type { Weights } from "./weights.ts";

/** Shape of a picture's latents, without the batch: `[latentChannels, height, width]`. */
export type LatentShape = readonly [number, number, number];

/**
 * What the VAE's encoder says about one picture; arrays are `[latentChannels, height, width]`, in the VAE's own units.
 */
export interface LatentDistribution {
  readonly mean: Float32Array;
  readonly logvar: Float32Array;
}

/** Beyond it, no machine has the memory, and arrays have no such length. */
export const LONGEST_SIDE = 16_384;

/**
 * The shape of the latents of a picture.
 * @throws KeepsakeError unless both sides are positive multiples of the VAE's scale factor (8 in Stable Diffusion), of
 *   at most 16,384 pixels.
 */
export function latentShape(config: AutoencoderKlConfig, { height, width }: PictureSize): LatentShape {
  const factor = vaeScaleFactor(config);
  if (![height, width].every((side) => Number.isInteger(side) && side > 0 && side % factor === 0)) {
    throw new KeepsakeError(
      "usage",
      `The picture size ${width}x${height} does not fit: both sides must be multiples of ${factor}.`,
    );
  }
  if (Math.max(height, width) > LONGEST_SIDE) {
    throw new KeepsakeError(
      "usage",
      `The picture size ${width}x${height} is too large: at most ${LONGEST_SIDE} a side.`,
    );
  }
  return [config.latentChannels, height / factor, width / factor];
}

/** How many times larger or smaller than the model's own size a picture may be before there is a warning. */
const USUAL_SIZES = 2;

/** What to tell about a size that is far from the one of training; undefined: nothing. */
export function sizeWarning({ width, height }: PictureSize, own: PictureSize): string | undefined {
  const isFar = (side: number, ownSide: number) => side > USUAL_SIZES * ownSide || side * USUAL_SIZES < ownSide;
  if (!isFar(width, own.width) && !isFar(height, own.height)) return undefined;
  const fault = `${width}x${height} pixels are far from the ${own.width}x${own.height} that this model was trained on`;
  return `${fault}: it repeats things or draws none at such sizes; from half to twice its own works best.`;
}

/**
 * The latents of a picture, as the UNet sees them: mean, or mean + exp(logvar / 2) * noise, times the VAE's scaling
 * factor.
 * @param noise standard normal, the size of the mean; absent: the mean itself.
 */
export function latentsFrom(
  { mean, logvar }: LatentDistribution,
  config: AutoencoderKlConfig,
  noise?: Float32Array,
): Float32Array {
  return mean.map((value, i) => {
    const spread = noise === undefined ? 0 : Math.exp(logvar[i] / 2) * noise[i];
    return (value + spread) * config.scalingFactor;
  });
}

/** The VAE's encoder, compiled for one size of picture. */
export class ImageEncoder {
  readonly #program: Program<"mean" | "logvar">;
  readonly #config: AutoencoderKlConfig;

  private constructor(program: Program<"mean" | "logvar">, config: AutoencoderKlConfig) {
    this.#program = program;
    this.#config = config;
  }

  /** @throws KeepsakeError if the size does not fit or the checkpoint lacks a tensor. */
  static async create(
    { config, weights }: Component<AutoencoderKlConfig>,
    size: PictureSize,
    options: ProgramOptions = {},
  ): Promise<ImageEncoder> {
    ImageEncoder.checkMemory({ config, weights }, size, options);
    return new ImageEncoder(await Program.create(encoderOutputs({ config, weights }, size), options), config);
  }

  /**
   * Whether pictures of this size can be encoded at all. @throws KeepsakeError if the size does not fit, or the memory
   */
  static checkMemory(vae: Component<AutoencoderKlConfig>, size: PictureSize, options: ProgramOptions = {}): void {
    const { height, width } = size;
    checkMemory([encoderOutputs(vae, size)], options, {
      what: `Encoding a picture of ${width}x${height}`,
      advice: () => "use a smaller --resolution",
    });
  }

  /** @param image `[3, height, width]` in [-1, 1]. */
  async distribution(image: Float32Array): Promise<LatentDistribution> {
    return this.#program.run({ image });
  }

  /**
   * Latents `[latentChannels, height, width]`, times the scaling factor.
   * @param image `[3, height, width]` in [-1, 1].
   * @param noise standard normal, the size of the latents; absent: the most probable latents.
   */
  async encode(image: Float32Array, noise?: Float32Array): Promise<Float32Array> {
    return latentsFrom(await this.distribution(image), this.#config, noise);
  }

  async dispose(): Promise<void> {
    await this.#program.dispose();
  }
}

/** What of a VAE is traced. */
interface TracedVae {
  readonly config: AutoencoderKlConfig;
  readonly weights: Pick<Weights, "frozen">;
}

/** What the encoder computes for one picture. @throws KeepsakeError if the size does not fit */
export function encoderOutputs({ config, weights }: TracedVae, size: PictureSize) {
  latentShape(config, size);
  const image = input("image", [1, config.inChannels, size.height, size.width]);
  const { mean, logvar } = encode(weights.frozen(), config, image);
  return { mean, logvar };
}

/** What the decoder computes: see {@link compileDecoder}. */
export function decoderOutputs({ config, weights }: TracedVae, size: PictureSize) {
  const latents = input("latents", [1, ...latentShape(config, size)]);
  return { decoded: decode(weights.frozen(), config, div(latents, config.scalingFactor)) };
}

/**
 * Compiles the VAE's decoder: `latents` `[1, latentChannels, h, w]` (with the scaling factor) -> `decoded`
 * `[1, 3, H, W]`, not clamped.
 */
export async function compileDecoder(
  vae: Component<AutoencoderKlConfig>,
  size: PictureSize,
  options: ProgramOptions = {},
): Promise<Program<"decoded">> {
  return Program.create(decoderOutputs(vae, size), options);
}
