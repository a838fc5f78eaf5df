/**
 * @file What the multistep solvers share (DPM-Solver++, UniPC): noise levels, and a history of predicted clean samples.
 * They solve the probability-flow ODE for the variance-preserving sample α x_0 + σ_t ε, in steps of λ = log(α / σ_t).
 */
import type { SchedulerConfig } from "./config.ts";
import { mixNoise } from "./elementwise.ts";
import { NoiseSchedule } from "./noise-schedule.ts";
import { predictOriginalSample } from "./prediction.ts";
import { at, type Scheduler, type SchedulerStep } from "./scheduler.ts";
import {
  FINAL_SIGMAS,
  karrasSigmas,
  requireSupportedSigmas,
  sigmasAt,
  signalAndNoise,
  timestepsOf,
  trainingSigmas,
  type FinalSigmas,
} from "./sigmas.ts";
import { StepOrder } from "./step-order.ts";
import {
  checkStepCount,
  readTimestepOptions,
  roundHalfToEven,
  solverTimesteps,
  type TimestepOptions,
} from "./timesteps.ts";

/** A solver of order 1 to 3 that works on predicted clean samples. */
export abstract class MultistepSolver implements Scheduler {
  abstract readonly className: string;
  readonly noiseSchedule: NoiseSchedule;
  readonly initNoiseSigma = 1;
  protected readonly solverOrder: number;
  protected readonly lowerOrderFinal: boolean;
  readonly #timestepOptions: TimestepOptions;
  readonly #useKarrasSigmas: boolean;
  readonly #finalSigmas: FinalSigmas;
  readonly #trainingSigmas: Float32Array;
  readonly #order = new StepOrder();
  #timesteps: readonly number[] = [];
  #sigmas = new Float32Array();
  #originals: readonly Float32Array[] = [];

  constructor(config: SchedulerConfig) {
    this.noiseSchedule = new NoiseSchedule(config);
    this.#trainingSigmas = trainingSigmas(this.noiseSchedule);
    this.#timestepOptions = readTimestepOptions(config, this.noiseSchedule.numTrainTimesteps, "linspace");
    this.#useKarrasSigmas = config.boolean("use_karras_sigmas", false);
    this.#finalSigmas = config.sampling("final_sigmas_type", FINAL_SIGMAS, "zero");
    // Solvers of other kinds have orders above 3.
    this.solverOrder = Math.min(config.integer("solver_order", 2, 1, config.isForeign ? Infinity : 3), 3);
    this.lowerOrderFinal = config.boolean("lower_order_final", true);
    requireSupportedSigmas(config);
    config.requireOff("thresholding", false);
  }

  get timesteps(): readonly number[] {
    return this.#timesteps;
  }

  get sigmas(): Float32Array {
    return this.#sigmas;
  }

  setTimesteps(numInferenceSteps: number): void {
    checkStepCount(numInferenceSteps, this.noiseSchedule.numTrainTimesteps);
    const table = this.#trainingSigmas;
    let sigmas: number[];
    let finalSigma = at(table, 0);
    if (this.#useKarrasSigmas) {
      sigmas = karrasSigmas(finalSigma, at(table, table.length - 1), numInferenceSteps);
      this.#timesteps = timestepsOf(sigmas, table).map(roundHalfToEven);
      finalSigma = at(sigmas, numInferenceSteps - 1);
    } else {
      this.#timesteps = solverTimesteps(this.#timestepOptions, numInferenceSteps);
      sigmas = sigmasAt(this.#timesteps, table);
    }
    this.#sigmas = Float32Array.from([...sigmas, this.#finalSigmas === "zero" ? 0 : finalSigma]);
  }

  scaleModelInput(sample: Float32Array): Float32Array {
    return sample;
  }

  abstract step(modelOutput: Float32Array, stepIndex: number, sample: Float32Array): SchedulerStep;

  addNoise(original: Float32Array, noise: Float32Array, stepIndices: ArrayLike<number>): Float32Array {
    const coefficients = Array.from(stepIndices, (i) => signalAndNoise(at(this.#sigmas, i)));
    return mixNoise(original, noise, coefficients);
  }

  /**
   * The clean sample as predicted at this step.
   * @throws RangeError if the step does not follow the last one.
   */
  protected predictOriginalSample(modelOutput: Float32Array, stepIndex: number, sample: Float32Array): Float32Array {
    const [signal, noise] = signalAndNoise(at(this.#sigmas, stepIndex));
    this.#order.advanceTo(stepIndex);
    if (stepIndex === 0) this.#originals = [];
    return predictOriginalSample({ type: this.noiseSchedule.predictionType, modelOutput, sample, signal, noise });
  }

  /** Adds the prediction of this step to the history. */
  protected remember(original: Float32Array): void {
    this.#originals = [original, ...this.#originals.slice(0, this.solverOrder - 1)];
  }

  /** The clean sample predicted `back` steps before the latest one that was remembered. */
  protected original(back: number): Float32Array {
    const original = this.#originals[back];
    if (original === undefined) throw new RangeError(`no prediction from ${back} steps before`);
    return original;
  }

  /** λ = log(α / σ_t) = -log σ at the beginning of a step; infinite after the last one if that ends at σ = 0. */
  protected lambda(stepIndex: number): number {
    return -Math.log(at(this.#sigmas, stepIndex));
  }

  /** Whether the step must be of first order, because it is infinitely long in λ (to σ = 0) or has no length. */
  protected isDegenerate(stepIndex: number): boolean {
    const nextSigma = at(this.#sigmas, stepIndex + 1);
    return nextSigma === 0 || nextSigma === at(this.#sigmas, stepIndex);
  }
}
