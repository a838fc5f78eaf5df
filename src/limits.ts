/**
 * @file Which numbers make sense. A number without an upper bound would reach native code, which ends the process.
 */
import { KeepsakeError } from "./errors.ts";

/** From the least to the most, both included. */
export type Range = readonly [least: number, most: number];

/** Ranges of whole numbers that a person may give. */
export const LIMITS = {
  /** Optimiser steps of one concept. */
  steps: [1, 1_000_000],
  /** Photos in one step. */
  batchSize: [1, 256],
  /** Embeddings of one token; how many fit a prompt, its tokenizer says. */
  vectors: [1, 1000],
  rank: [1, 4096],
  snapshotEvery: [1, 1_000_000],
  warmupSteps: [0, 1_000_000],
  /** Batches of photos that make up one step. */
  gradientAccumulation: [1, 1024],
  /** Pictures of the class, for prior preservation. */
  priorPictures: [1, 10_000],
  /** Steps between pictures, or measurements, on the way. */
  sampleEvery: [1, 1_000_000],
  /** Side of a picture, in pixels. */
  side: [8, 16_384],
  /** Pictures of one command. */
  pictures: [1, 100_000],
  denoisingSteps: [1, 1000],
  /** Layers of a text encoder, from the last; how many there are, the model says. */
  clipSkip: [1, 100],
  /** Noises that the classifier tries on one picture. */
  draws: [1, 100_000],
  /** Earlier states of a library. */
  keep: [0, 10_000],
  /** Of what is trained or measured, which a library records as a number. */
  trainingSeed: [0, Number.MAX_SAFE_INTEGER],
} as const satisfies Readonly<Record<string, Range>>;

/** Ranges of other numbers; 0 itself is excluded where it makes no sense. */
export const REAL_LIMITS = {
  learningRate: [0, 100],
  weightDecay: [0, 100],
  maxGradNorm: [Number.MIN_VALUE, 1e6],
  minSnrGamma: [Number.MIN_VALUE, 1e6],
  noiseOffset: [0, 10],
  emaDecay: [0, 0.999999],
  priorWeight: [0, 1000],
  guidanceScale: [0, 1000],
  loraAlpha: [Number.MIN_VALUE, 1e6],
  /** Strength of a LoRA in a drawing; below 0 it leads away from what it has learned. */
  adapterScale: [-100, 100],
  temperature: [Number.MIN_VALUE, 1e6],
  /** In seconds: 30 days are the most. */
  budget: [0, 30 * 24 * 3600],
} as const satisfies Readonly<Record<string, Range>>;

/** Whether a value is a whole number in a range. */
export function isWhole(value: number, [least, most]: Range): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

/** Whether a value is a number in a range. */
export function isReal(value: number, [least, most]: Range): boolean {
  return value >= least && value <= most;
}

/** "a whole number from 1 to 256". */
export function describeWhole([least, most]: Range): string {
  return `a whole number from ${least} to ${most}`;
}

/** "a number from 0 to 100". */
export function describeReal([least, most]: Range): string {
  return `a number ${least === Number.MIN_VALUE ? `above 0, at most ${most}` : `from ${least} to ${most}`}`;
}

/**
 * @param what - the quantity, as the subject of a sentence: "The batch size"
 * @throws KeepsakeError ("usage") unless it is a whole number in the range
 */
export function checkWhole(what: string, value: number, range: Range): void {
  if (isWhole(value, range)) return;
  throw new KeepsakeError("usage", `${what} is ${value}, expected ${describeWhole(range)}.`);
}

/**
 * @param what - as for {@link checkWhole}
 * @throws KeepsakeError ("usage") unless it is a number in the range
 */
export function checkReal(what: string, value: number, range: Range): void {
  if (isReal(value, range)) return;
  throw new KeepsakeError("usage", `${what} is ${value}, expected ${describeReal(range)}.`);
}
