/**
 * @file What the VAE and the UNet learn from: pictures of the world, and figures among them.
 */
import { Figures } from "../figures/figures.ts";
import { PICTURE_SIZE } from "../model/architecture.ts";
import { Dice } from "../world/dice.ts";
import { World, type SampleOptions } from "../world/world.ts";

/** Of all pictures, this share shows a figure. */
const FIGURE_SHARE = 0.4;
/** Addresses the designs of the figures, the same in every recipe. */
const FIGURES_SEED = 2026;
const FIGURES = 3000;

/** Pictures and what they show. */
export interface CaptionedPictures {
  /** `[count, 3, PICTURE_SIZE, PICTURE_SIZE]`, -1 to 1. */
  readonly pixels: Float32Array;
  readonly captions: readonly string[];
}

export class TrainingPictures {
  readonly #world: World;
  readonly #figures: Figures;

  private constructor(world: World, figures: Figures) {
    this.#world = world;
    this.#figures = figures;
  }

  /** Renders all sprites: about twenty seconds, 250 MB; a smoke run has few figures. */
  static async load(isSmoke: boolean): Promise<TrainingPictures> {
    return new TrainingPictures(await World.load(), await Figures.load(FIGURES_SEED, isSmoke ? 50 : FIGURES));
  }

  /** The pictures number `first` to `first + count - 1` of the stream `seed`. */
  batch(seed: number | bigint, first: number, count: number, options: SampleOptions = {}): CaptionedPictures {
    const pictures = Array.from({ length: count }, (_, i) => this.#picture(seed, first + i, options));
    const area = PICTURE_SIZE * PICTURE_SIZE;
    const pixels = new Float32Array(count * 3 * area);
    pictures.forEach(({ bytes }, i) => {
      for (let channel = 0; channel < 3; channel++) {
        const plane = (i * 3 + channel) * area;
        for (let p = 0; p < area; p++) pixels[plane + p] = bytes[p * 3 + channel] / 127.5 - 1;
      }
    });
    return { pixels, captions: pictures.map(({ caption }) => caption) };
  }

  #picture(seed: number | bigint, index: number, options: SampleOptions): { caption: string; bytes: Uint8Array } {
    if (new Dice(seed, "is a figure", index).chance(FIGURE_SHARE)) {
      return this.#figures.picture(seed, index, PICTURE_SIZE);
    }
    const sample = this.#world.sample(seed, index, options);
    return { caption: sample.caption, bytes: sample.render(PICTURE_SIZE) };
  }
}
