/**
 * @file The diffusion classifier: a conditional diffusion model says what a picture shows by which prompt lets it
 * predict the noise best (Li et al., "Your Diffusion Model is Secretly a Zero-Shot Classifier", ICCV 2023). All
 * candidates are compared at the same (t, ε): paired differences need far fewer draws.
 */
import { concatenated } from "../diffusion/flat-arrays.ts";
import type { NoiseSchedule } from "../diffusion/schedulers/index.ts";
import { RandomStream } from "../random/random.ts";
import type { DenoisingError, Trainable } from "./denoising-error.ts";

/** One noise at one timestep, under which all candidates are compared. */
export interface PairedDraw {
  readonly timestep: number;
  /** The size of the latents, standard normal. */
  readonly noise: Float32Array;
}

/** Denoising errors of some candidates at some draws: one array for each candidate, one number for each draw. */
export type CandidateErrors = (
  candidates: readonly number[],
  draws: readonly PairedDraw[],
) => Promise<readonly (readonly number[])[]>;

/**
 * Draws with evenly spaced timesteps (the middles of `count` equal parts of the schedule, or of a part of it), in an
 * order in which every beginning is spread over the whole schedule: candidates can be given up after a few.
 *
 * @param size - numbers in the latents
 * @param part - from and to, as shares of the schedule in [0, 1]. Default: all of it. Where little noise is left, or
 *   little else, all candidates predict alike
 */
export function pairedDraws(
  count: number,
  { numTrainTimesteps }: Pick<NoiseSchedule, "numTrainTimesteps">,
  size: number,
  seed: number,
  [from, to]: readonly [number, number] = [0, 1],
): PairedDraw[] {
  const stride = strideThroughAll(count);
  return Array.from({ length: count }, (_, i) => ({
    timestep: Math.floor((from + ((((i * stride) % count) + 0.5) / count) * (to - from)) * numTrainTimesteps),
    noise: new RandomStream(seed, "classifier", i).normal(size),
  }));
}

/** Coprime to the count, and nearest to its golden section, whose multiples fill a circle most evenly. */
function strideThroughAll(count: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let stride = Math.max(1, Math.round(count * 0.618));
  while (divisor(count, stride) > 1) stride++;
  return stride;
}

/**
 * P(c_i | x) = softmax_i(-e_i / temperature) (docs/method.md, "Classifier scores").
 *
 * @param errors - mean squared errors
 * @param temperature - above 0, in the units of the errors
 */
export function posterior(errors: readonly number[], temperature: number): number[] {
  const least = Math.min(...errors);
  const powers = errors.map((error) => Math.exp((least - error) / temperature));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** -log P(c_target | x). */
export function crossEntropy(errors: readonly number[], target: number, temperature: number): number {
  const least = Math.min(...errors);
  const total = errors.reduce((sum, error) => sum + Math.exp((least - error) / temperature), 0);
  return Math.log(total) + (errors[target] - least) / temperature;
}

/**
 * The derivative of {@link crossEntropy} in each error: ((i = target) - P(c_i | x)) / temperature. The gradient of the
 * cross-entropy in any parameters is the sum of the errors' gradients with these weights; they sum to 0, and a single
 * candidate has none.
 */
export function crossEntropyGradient(errors: readonly number[], target: number, temperature: number): number[] {
  return posterior(errors, temperature).map((p, i) => ((i === target ? 1 : 0) - p) / temperature);
}

export interface ClassifyOptions {
  /** Default {@link DEFAULT_TEMPERATURE}. */
  readonly temperature?: number;
  /** Draws between two looks at the evidence. Default 4. */
  readonly drawsAtOnce?: number;
  /**
   * A candidate is given up when its mean paired difference from the best one exceeds so many standard errors of that
   * mean, its own or, after few draws often the surer, the median of all candidates'. Default 3; `Infinity`: never.
   */
  readonly giveUpAt?: number;
  /** Whether those that are left need no further draws. Default: when there is one. */
  readonly isSettled?: (alive: readonly number[]) => boolean;
  /** Called after each look at the evidence but the last, with the candidates that are not given up. */
  readonly onLook?: (soFar: Classification, alive: readonly number[]) => void;
}

/**
 * With it and three standard errors each of fifty concepts took 9 evaluations in the mean, and the answers stayed
 * (docs/method.md).
 */
export const DRAWS_AT_ONCE = 4;

/** Errors are means of squares of about unit variance, and those of rival prompts differ in the third digit. */
export const DEFAULT_TEMPERATURE = 1e-3;

export interface Classification {
  /** Of each candidate, sums to 1. */
  readonly probabilities: readonly number[];
  /** Estimated mean error of each candidate over all draws: that of the best one plus the paired difference. */
  readonly errors: readonly number[];
  /**
   * Of each candidate's paired difference from the best one, in the mean over all draws: of those that were evaluated
   * at fewer, as large as it would become. 0 for the best one itself, `Infinity` where fewer than two draws leave it
   * open.
   */
  readonly standardErrors: readonly number[];
  /** Draws that each candidate was evaluated at. */
  readonly draws: readonly number[];
  /** UNet evaluations in all. */
  readonly evaluations: number;
}

/**
 * Finds the most probable candidate, and stops evaluating those that cannot be it any more.
 *
 * @throws RangeError without candidates or draws
 */
export async function classify(
  count: number,
  draws: readonly PairedDraw[],
  errorsOf: CandidateErrors,
  options: ClassifyOptions = {},
): Promise<Classification> {
  const { temperature = DEFAULT_TEMPERATURE, drawsAtOnce = DRAWS_AT_ONCE, giveUpAt = 3 } = options;
  const { isSettled = (left: readonly number[]) => left.length === 1 && count > 1 } = options;
  if (count < 1 || draws.length < 1) throw new RangeError("a classification needs a candidate and a draw");
  const seen = Array.from({ length: count }, (): number[] => []);
  let alive = seen.map((_, candidate) => candidate);
  for (let first = 0; first < draws.length; first += drawsAtOnce) {
    const errors = await errorsOf(alive, draws.slice(first, first + drawsAtOnce));
    alive.forEach((candidate, i) => seen[candidate].push(...errors[i]));
    const best = leastMean(seen, alive);
    alive = withHope(seen, alive, best, giveUpAt);
    if (isSettled(alive)) break;
    const all = first + drawsAtOnce;
    if (all < draws.length) options.onLook?.(conclusion(seen, alive, temperature, all), alive);
  }
  return conclusion(seen, alive, temperature, draws.length);
}

/**
 * @param seen - errors of each candidate at the draws that it has been evaluated at
 * @param all - how many draws there are. Who is given up early is far behind; counted in the larger standard error of
 *   few draws it would seem to be less far, and fifty such rivals would leave the best one little to be sure of
 */
function conclusion(
  seen: readonly (readonly number[])[],
  alive: readonly number[],
  temperature: number,
  all: number,
): Classification {
  const best = leastMean(seen, alive);
  const standardErrorOf = (own: readonly number[]) =>
    standardError(differences(own, seen[best])) * Math.sqrt(own.length / all);
  const errors = seen.map((own) => meanOf(seen[best]) + meanOf(differences(own, seen[best])));
  return {
    probabilities: posterior(errors, temperature),
    errors,
    standardErrors: seen.map((own, i) => (i === best ? 0 : standardErrorOf(own))),
    draws: seen.map(({ length }) => length),
    evaluations: seen.reduce((sum, { length }) => sum + length, 0),
  };
}

/**
 * Evaluates candidates with the denoising-error program, which needs no derivatives; `latents` are those of one
 * picture, as the UNet sees them.
 */
export function denoisingErrors(
  program: DenoisingError,
  trainable: Trainable,
  schedule: NoiseSchedule,
  latents: Float32Array,
  tokenIds: readonly (readonly number[])[],
): CandidateErrors {
  const { batchSize } = program;
  return async (candidates, draws) => {
    const pairs = candidates.flatMap((candidate) => draws.map((draw) => ({ candidate, draw })));
    const flat: number[] = [];
    for (let first = 0; first < pairs.length; first += batchSize) {
      const items = pairs.slice(first, first + batchSize);
      // The program's batch has one size: the last one is filled up, and what is too much not read.
      const filled = Array.from({ length: batchSize }, (_, i) => items[Math.min(i, items.length - 1)]);
      const timesteps = filled.map(({ draw }) => draw.timestep);
      const original = concatenated(filled.map(() => latents));
      const noise = concatenated(filled.map(({ draw }) => draw.noise));
      const { errors } = await program.run(
        {
          noisyLatents: schedule.addNoise(original, noise, timesteps),
          target: schedule.trainingTarget(original, noise, timesteps),
          timesteps,
          tokenIds: filled.map(({ candidate }) => tokenIds[candidate]),
        },
        trainable,
      );
      flat.push(...errors.subarray(0, items.length));
    }
    return candidates.map((_, i) => flat.slice(i * draws.length, (i + 1) * draws.length));
  };
}

function leastMean(seen: readonly (readonly number[])[], candidates: readonly number[]): number {
  return candidates.reduce((best, candidate) => (meanOf(seen[candidate]) < meanOf(seen[best]) ? candidate : best));
}

function withHope(
  seen: readonly (readonly number[])[],
  alive: readonly number[],
  best: number,
  giveUpAt: number,
): number[] {
  const apart = new Map(
    alive.filter((candidate) => candidate !== best).map((each) => [each, differences(seen[each], seen[best])]),
  );
  const errors = Array.from(apart.values(), standardError).sort((a, b) => a - b);
  const usual = errors[Math.floor(errors.length / 2)] ?? 0;
  return alive.filter((candidate) => {
    const own = apart.get(candidate);
    return own === undefined || !(meanOf(own) > giveUpAt * Math.max(usual, standardError(own)));
  });
}

/** Of the mean of the values. */
function standardError(values: readonly number[]): number {
  if (values.length < 2) return Infinity;
  const mean = meanOf(values);
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
  return Math.sqrt(variance / values.length);
}

/** Over the draws that both have seen. */
function differences(own: readonly number[], best: readonly number[]): number[] {
  return own.slice(0, best.length).map((error, i) => error - best[i]);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
