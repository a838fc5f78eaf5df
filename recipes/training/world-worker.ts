/**
 * @file A thread that makes pictures of the world.
 */
import { PICTURE_SIZE } from "../model/architecture.ts";
import { World, type SampleOptions } from "../world/world.ts";
import { answerTasks } from "./task-thread.ts";

/** Answered by a `Batch`. */
export interface PicturesTask {
  readonly seed: number | bigint;
  readonly first: number;
  readonly count: number;
  readonly options: SampleOptions;
}

const world = new World();

answerTasks((message) => {
  const { seed, first, count, options } = message as PicturesTask; // made by world-threads.ts
  return world.renderBatch(seed, first, count, PICTURE_SIZE, options);
});
