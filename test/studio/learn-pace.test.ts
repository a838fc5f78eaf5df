/**
 * @file The time left that Watch shows: steps that are left, and the samples that are drawn between them, as long as
 * they take here.
 */
import { expect, it } from "vitest";
import type { LearnPlan } from "../../src/keepsake/planning/learn-plan.ts";
import { LearnPace, type Sampling } from "../../src/studio/lanes/learn-pace.ts";

/** Ten seconds for a step, and 32 for all samples. */
const PLAN: LearnPlan = {
  ...{ steps: 8, stepsDone: 0, photos: 2, secondsPerStep: 10 },
  seconds: { loading: 0, encoding: 0, training: 80, consolidation: 0, extras: 32, previews: 0, total: 112 },
  memory: { mode: "full", peak: 0 },
  disk: { kept: 0, snapshot: 0 },
  speed: { forward: 1, training: 1 },
};

/** A pace with a clock that goes on by seconds. */
function paceOf(sampling: Sampling) {
  let seconds = 0;
  const pace = new LearnPace(sampling, () => 1000 * seconds);
  pace.planned(PLAN);
  return { pace, wait: (more: number) => (seconds += more) };
}

it("Without samples it is the steps that are left, as the plan has them and then as they are measured", () => {
  const { pace, wait } = paceOf({ every: 0, pictures: 1 });
  wait(100);
  expect(pace.step(1, 8).secondsLeft).toBe(70);
  wait(5);
  expect(pace.step(2, 8)).toEqual({ done: 2, count: 8, secondsLeft: 30 });
  wait(7);
  expect(pace.step(3, 8).secondsLeft).toBe(30);
});

it("With samples it counts every picture that is to come: as the plan has them, and then as they are measured", () => {
  // Looks before the first step, after steps 4 and 8: the plan has 32 / 6 seconds for each of their pictures.
  const { pace, wait } = paceOf({ every: 4, pictures: 2 });
  expect(pace.picture(0, 8).secondsLeft).toBeCloseTo(80 + (5 * 32) / 6);
  wait(3);
  expect(pace.picture(0, 8).secondsLeft).toBe(80 + 4 * 3);
  for (const step of [1, 2, 3]) {
    wait(10);
    expect(pace.step(step, 8).secondsLeft).toBe((8 - step) * 10 + 4 * 3);
  }
  wait(10);
  expect(pace.step(4, 8).secondsLeft).toBe(40 + 4 * 3);
  wait(5);
  // What was drawn last took longer than before.
  expect(pace.picture(4, 8).secondsLeft).toBe(40 + 3 * 4);
  wait(4);
  expect(pace.picture(4, 8).secondsLeft).toBe(40 + 2 * 4);
  // Drawing takes its time, and is no step.
  wait(10);
  expect(pace.step(5, 8).secondsLeft).toBe(30 + 2 * 4);
});

it("A run that is gone on with counts the looks that are left, the last one too", () => {
  const { pace, wait } = paceOf({ every: 4, pictures: 1 });
  // 32 seconds for three pictures: one is left.
  expect(pace.step(6, 8).secondsLeft).toBeCloseTo(20 + 32 / 3);
  wait(10);
  pace.step(7, 8);
  wait(10);
  expect(pace.step(8, 8).secondsLeft).toBeCloseTo(32 / 3);
  wait(2);
  expect(pace.picture(8, 8).secondsLeft).toBe(0);
});
