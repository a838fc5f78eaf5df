/**
 * @file Which of the training timesteps a sampler visits ("leading", "trailing" and "linspace" of Lin et al. 2024,
 * table 2), with the rounding of NumPy (half to even).
 */
import { KeepsakeError } from "../../errors.ts";
import type { SchedulerConfig } from "./config.ts";

const SPACINGS = ["leading", "trailing", "linspace"] as const;
export type TimestepSpacing = (typeof SPACINGS)[number];

/** The options that place the timesteps. */
export interface TimestepOptions {
  readonly spacing: TimestepSpacing;
  /** Added to the timesteps of "leading" spacing. */
  readonly stepsOffset: number;
  readonly numTrainTimesteps: number;
}

/** Reads `timestep_spacing` and `steps_offset`. */
export function readTimestepOptions(
  config: SchedulerConfig,
  numTrainTimesteps: number,
  defaultSpacing: TimestepSpacing,
): TimestepOptions {
  return {
    spacing: config.sampling("timestep_spacing", SPACINGS, defaultSpacing),
    stepsOffset: config.integer("steps_offset", 0, 0),
    numTrainTimesteps,
  };
}

/**
 * Checks a number of denoising steps.
 * @throws KeepsakeError if it is not a whole number from 1 to `max`.
 */
export function checkStepCount(numInferenceSteps: number, max: number): void {
  if (!Number.isInteger(numInferenceSteps) || numInferenceSteps < 1 || numInferenceSteps > max) {
    throw new KeepsakeError(
      "usage",
      `${numInferenceSteps} denoising steps: this scheduler takes a whole number from 1 to ${max}.`,
    );
  }
}

/**
 * The timesteps of samplers that end at timestep 0 (or near it), from noisy to clean.
 * @param rounded Whether "linspace" is rounded to whole timesteps (all but Euler).
 * @throws KeepsakeError if `count` timesteps do not fit.
 */
export function spacedTimesteps(options: TimestepOptions, count: number, rounded: boolean): number[] {
  const { spacing, numTrainTimesteps } = options;
  switch (spacing) {
    case "linspace":
      return linspace(numTrainTimesteps - 1, count)
        .map((t) => (rounded ? roundHalfToEven(t) : Math.fround(t)))
        .reverse();
    case "leading":
      return leading(options, count, count);
    case "trailing":
      return trailing(numTrainTimesteps, count);
  }
}

/**
 * The timesteps of the multistep solvers, from noisy to clean: `count + 1` points without the cleanest one, since the
 * last step goes to σ = 0.
 * @throws KeepsakeError if `count` timesteps do not fit.
 */
export function solverTimesteps(options: TimestepOptions, count: number): number[] {
  const { spacing, numTrainTimesteps } = options;
  switch (spacing) {
    case "linspace":
      return linspace(numTrainTimesteps - 1, count + 1)
        .map(roundHalfToEven)
        .reverse()
        .slice(0, -1);
    case "leading":
      return leading(options, count + 1, count);
    case "trailing":
      return trailing(numTrainTimesteps, count);
  }
}

/** `count` evenly spaced points from 0 to `end`, both included (numpy.linspace). */
export function linspace(end: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (count === 1 ? 0 : i === count - 1 ? end : i * (end / (count - 1))));
}

export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function leading(options: TimestepOptions, points: number, count: number): number[] {
  const { numTrainTimesteps, stepsOffset } = options;
  const stride = Math.floor(numTrainTimesteps / points);
  const first = (points - 1) * stride + stepsOffset;
  if (stride === 0 || first >= numTrainTimesteps) {
    throw new KeepsakeError(
      "usage",
      `${count} denoising steps do not fit into ${numTrainTimesteps} timesteps with "leading" spacing and steps_offset ${stepsOffset}: use fewer.`,
    );
  }
  return Array.from({ length: count }, (_, i) => first - i * stride);
}

function trailing(numTrainTimesteps: number, count: number): number[] {
  const stride = numTrainTimesteps / count;
  return Array.from({ length: count }, (_, i) => roundHalfToEven(numTrainTimesteps - i * stride) - 1);
}
