/**
 * @file Noise levels σ = √((1 - ᾱ) / ᾱ) for the samplers that are written in σ (Karras et al. 2022): the table of the
 * training timesteps, interpolation in it, and back from σ to the timestep.
 */
import type { SchedulerConfig } from "./config.ts";
import type { NoiseSchedule } from "./noise-schedule.ts";

const { fround } = Math;

/** What follows the last step: σ = 0, or the smallest σ of training. */
export type FinalSigmas = "zero" | "sigma_min";
export const FINAL_SIGMAS: readonly FinalSigmas[] = ["zero", "sigma_min"];

/** Stands for ᾱ = 0 at the last timestep, whose σ would be infinite (diffusers uses the same value). */
const SMALLEST_ALPHA_CUMPROD = 2 ** -24;

/** σ of every training timestep, `[numTrainTimesteps]`, ascending. */
export function trainingSigmas(schedule: NoiseSchedule): Float32Array {
  const last = schedule.numTrainTimesteps - 1;
  return schedule.alphasCumprod.map((value, t) => {
    const alpha = schedule.zeroTerminalSnr && t === last ? SMALLEST_ALPHA_CUMPROD : value;
    return Math.sqrt(fround(fround(1 - alpha) / alpha));
  });
}

/** σ at the given timesteps, which may be fractional; linear in between. */
export function sigmasAt(timesteps: readonly number[], table: Float32Array): number[] {
  return timesteps.map((t) => {
    const low = Math.min(Math.floor(t), table.length - 2);
    const lowSigma = table[low];
    return lowSigma + (table[low + 1] - lowSigma) * (t - low);
  });
}

/** The fractional timesteps whose σ these are, by interpolation in log σ (diffusers: _sigma_to_t). */
export function timestepsOf(sigmas: readonly number[], table: Float32Array): number[] {
  const logTable = table.map(Math.log);
  return sigmas.map((sigma) => {
    const logSigma = Math.log(Math.max(sigma, 1e-10));
    const above = logTable.findIndex((value) => value > logSigma);
    const low = Math.min(Math.max((above < 0 ? table.length : above) - 1, 0), table.length - 2);
    const lowLog = logTable[low];
    const weight = (lowLog - logSigma) / (lowLog - logTable[low + 1]);
    return low + Math.min(Math.max(weight, 0), 1);
  });
}

/**
 * Signal and noise coefficients (α, σ_t) of the variance-preserving sample at noise level σ: α = 1 / √(σ² + 1), σ_t = σ
 * α.
 */
export function signalAndNoise(sigma: number): readonly [alpha: number, sigmaT: number] {
  const alpha = 1 / Math.sqrt(sigma * sigma + 1);
  return [alpha, sigma * alpha];
}

/** Refuses the noise levels that are not implemented. */
export function requireSupportedSigmas(config: SchedulerConfig): void {
  config.requireOff("use_flow_sigmas", false);
  config.requireOff("use_dynamic_shifting", false);
  config.requireOff("sigma_min");
  config.requireOff("sigma_max");
}
