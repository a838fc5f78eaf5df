/**
 * @file The world that the built-in model learns: captioned pictures, each a pure function of (seed, index).
 *
 * Scenes and captions need no pictures; `World` draws the figures and paints.
 */
import { Sprites } from "../figures/sprites.ts";
import { captionOf, DEFAULT_CAPTIONS, type CaptionOptions } from "./captions.ts";
import { Dice } from "./dice.ts";
import { DEFAULT_OPTIONS, figuresAt, sampleScene, type WorldOptions } from "./sampler.ts";
import { paintScene, type Scene } from "./scene.ts";

export { isHeldOut } from "./scene.ts";
export { captionWords, FULL_CAPTIONS, type CaptionOptions } from "./captions.ts";
export { EASY_WORLD, type WorldOptions } from "./sampler.ts";

/** What to draw, and how to speak of it. */
export interface SampleOptions extends WorldOptions {
  readonly captions?: CaptionOptions;
  /** Whether a batch says where marks are. Default: false. */
  readonly markMask?: boolean;
}

export interface CaptionedScene {
  readonly scene: Scene;
  readonly caption: string;
}

export interface Batch {
  /** `[count, 3, size, size]`, -1 to 1. */
  readonly pixels: Float32Array;
  readonly captions: readonly string[];
  readonly scenes: readonly Scene[];
  /** `[count, size, size]`: 1 where a mark is painted, 0 elsewhere. */
  readonly markMask?: Float32Array | undefined;
}

/** So many pictures in a row share one set of figures: each figure is drawn once and seen about six times. */
const BLOCK = 8192;

/** Steps of 255 by which a channel must change for a mark to be seen there. */
const FAINT = 12;

export function completed(options: SampleOptions): {
  world: Required<WorldOptions>;
  captions: Required<CaptionOptions>;
} {
  const { captions, ...world } = options;
  return { world: { ...DEFAULT_OPTIONS, ...world }, captions: { ...DEFAULT_CAPTIONS, ...captions } };
}

/** The scene and caption number `index` of the stream `seed`. */
export function captionedScene(seed: number | bigint, index: number, options: SampleOptions = {}): CaptionedScene {
  const { world, captions } = completed(options);
  const dice = new Dice(seed, "world", index);
  const scene = sampleScene(dice, world, figuresAt(String(seed), Math.floor(index / BLOCK)));
  return { scene, caption: captionOf(scene, dice, captions) };
}

function withoutMarks({ subjects, ...scene }: Scene): Scene {
  return {
    ...scene,
    subjects: subjects.map((subject) => ({ ...subject, figure: { ...subject.figure, hidesMarks: true } })),
  };
}

/** The world with its pictures. */
export class World {
  readonly #sprites = new Sprites();

  /** Bytes, `[size, size, 3]`, of each scene. */
  async render(scenes: readonly Scene[], size: number): Promise<Uint8Array[]> {
    const sprites = await this.#sprites.of(scenes.flatMap(({ subjects }) => subjects.map(({ figure }) => figure)));
    let next = 0;
    return scenes.map((scene) => {
      const own = sprites.slice(next, next + scene.subjects.length);
      next += own.length;
      return paintScene(scene, size, own).toBytes();
    });
  }

  /** The samples `firstIndex` to `firstIndex + count - 1`, ready for training. */
  async renderBatch(
    seed: number | bigint,
    firstIndex: number,
    count: number,
    size: number,
    options: SampleOptions = {},
  ): Promise<Batch> {
    const samples = Array.from({ length: count }, (_, i) => captionedScene(seed, firstIndex + i, options));
    const batch = await this.renderScenes(samples, size);
    return options.markMask === true ? { ...batch, markMask: await this.#markMask(batch, size) } : batch;
  }

  async #markMask({ pixels, scenes }: Batch, size: number): Promise<Float32Array> {
    const area = size * size;
    const mask = new Float32Array(scenes.length * area);
    const bare = await this.render(scenes.map(withoutMarks), size);
    bare.forEach((bytes, i) => {
      bytes.forEach((byte, at) => {
        const [pixel, channel] = [Math.floor(at / 3), at % 3];
        const shown = (pixels[(i * 3 + channel) * area + pixel] + 1) * 127.5;
        if (Math.abs(shown - byte) > FAINT) mask[i * area + pixel] = 1;
      });
    });
    return mask;
  }

  /** Any captioned scenes as a batch. */
  async renderScenes(samples: readonly CaptionedScene[], size: number): Promise<Batch> {
    const area = size * size;
    const pixels = new Float32Array(samples.length * 3 * area);
    const scenes = samples.map(({ scene }) => scene);
    (await this.render(scenes, size)).forEach((bytes, i) => {
      for (let c = 0; c < 3; c += 1) {
        const plane = (i * 3 + c) * area;
        for (let p = 0; p < area; p += 1) pixels[plane + p] = bytes[p * 3 + c] / 127.5 - 1;
      }
    });
    return { pixels, captions: samples.map(({ caption }) => caption), scenes };
  }
}
