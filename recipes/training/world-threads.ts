/**
 * @file Pictures of the world, made in this thread or in several others. Each depends on its number alone, so the
 * result is the same.
 */
import { concatenated } from "../../src/diffusion/flat-arrays.ts";
import { PICTURE_SIZE } from "../model/architecture.ts";
import { World, type Batch, type SampleOptions } from "../world/world.ts";
import { TaskThread } from "./task-thread.ts";
import type { PicturesTask } from "./world-worker.ts";

/** Where a training gets its pictures. */
export interface PictureSource {
  /** The pictures number `first` to `first + count - 1` of the stream `seed`. */
  batch(seed: number | bigint, first: number, count: number, options?: SampleOptions): Promise<Batch>;
  dispose(): Promise<void>;
}

/** @param threads - that make pictures; none: the calling thread makes them */
export function openPictures(threads: number): PictureSource {
  if (threads > 0) return new WorldThreads(threads);
  const world = new World();
  return {
    batch: (seed, first, count, options) => world.renderBatch(seed, first, count, PICTURE_SIZE, options),
    dispose: () => Promise.resolve(),
  };
}

class WorldThreads implements PictureSource {
  readonly #threads: readonly TaskThread<PicturesTask, Batch>[];

  constructor(threads: number) {
    const module = import.meta.resolve("./world-worker.ts");
    this.#threads = Array.from({ length: threads }, () => new TaskThread(module, undefined));
  }

  /** Each thread makes an equal part. */
  async batch(seed: number | bigint, first: number, count: number, options: SampleOptions = {}): Promise<Batch> {
    const boundary = (i: number) => first + Math.floor((count * i) / this.#threads.length);
    const parts = await Promise.all(
      this.#threads.map((thread, i) =>
        thread.ask({ seed, first: boundary(i), count: boundary(i + 1) - boundary(i), options }),
      ),
    );
    const masks = parts.flatMap(({ markMask }) => markMask ?? []);
    return {
      ...(masks.length > 0 && { markMask: concatenated(masks) }),
      pixels: concatenated(parts.map(({ pixels }) => pixels)),
      captions: parts.flatMap(({ captions }) => captions),
      scenes: parts.flatMap(({ scenes }) => scenes),
    };
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.dispose()));
  }
}
