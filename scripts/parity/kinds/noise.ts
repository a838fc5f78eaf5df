/**
 * @file The forward process: noisy inputs that a case holds ready-made must be what the model's own noise schedule
 * gives.
 */
import { NoiseSchedule } from "../../../src/diffusion/schedulers/index.ts";
import type { Checks } from "../checks.ts";
import type { TensorCase } from "../tensor-case.ts";
import type { Tree } from "../tree.ts";

/** The noise schedule of the case's model. @throws if its folder has no scheduler. */
export async function noiseSchedule(test: TensorCase, tree: Tree): Promise<NoiseSchedule> {
  return new NoiseSchedule(await tree.schedulerConfig(test.fields.string("model")));
}

/** Compares the stored noisy latents with the ones that the schedule gives for `latents`. */
export function checkNoisy(test: TensorCase, schedule: NoiseSchedule, latents: Float32Array, checks: Checks): void {
  const noisy = schedule.addNoise(latents, test.floats("noise"), test.floats("timesteps"));
  checks.close("noisy (from the latents)", noisy, test.floats("noisy"), test.rule);
}
