/**
 * @file What the solvers in λ share (DPM-Solver++, DEIS, UniPC): noise levels, and a history of predictions.
 * They solve the probability-flow ODE for the variance-preserving sample α x_0 + σ_t ε, in steps of λ = log(α / σ_t).
 */
import type { SchedulerConfig } from "../config.ts";
import { mixNoise } from "../elementwise.ts";
import { NoiseSchedule } from "../noise-schedule.ts";
import type { Prediction } from "../prediction.ts";
import { at, type NoiseSource, type Scheduler, type SchedulerStep } from "../scheduler.ts";
import { readSigmaSpacing, spacedSigmas, type SigmaSpacing } from "../sigma-spacing.ts";
import {
  FINAL_SIGMAS,
  requireSupportedSigmas,
  sigmasAt,
  signalAndNoise,
  timestepsOf,
  trainingSigmas,
  type FinalSigmas,
} from "../sigmas.ts";
import { StepOrder } from "../step-order.ts";
import {
  checkStepCount,
  readTimestepOptions,
  roundHalfToEven,
  solverTimesteps,
  type TimestepOptions,
} from "../timesteps.ts";

/** What a solver has of its own. */
export interface SolverTraits {
  /** The spacings of σ that it has beside even timesteps. */
  readonly spacings?: readonly SigmaSpacing[];
  /** Whether the timesteps are spaced by "linspace", whatever the config says. */
  readonly isLinspaced?: boolean;
  /** What follows the last step, where no option says it. */
  readonly finalSigmas?: FinalSigmas;
  /** The default of `lower_order_final`: true unless given. */
  readonly lowerOrderFinal?: boolean;
}

/** A solver of order 1 to 3. */
export abstract class MultistepSolver implements Scheduler {
  abstract readonly className: string;
  readonly noiseSchedule: NoiseSchedule;
  readonly initNoiseSigma = 1;
  protected readonly solverOrder: number;
  protected readonly lowerOrderFinal: boolean;
  readonly #timestepOptions: TimestepOptions;
  readonly #spacing: SigmaSpacing | undefined;
  protected readonly finalSigmas: FinalSigmas;
  readonly #trainingSigmas: Float32Array;
  readonly #order = new StepOrder();
  #timesteps: readonly number[] = [];
  #sigmas = new Float32Array();
  #history: readonly Float32Array[] = [];

  constructor(config: SchedulerConfig, traits: SolverTraits = {}) {
    this.noiseSchedule = new NoiseSchedule(config);
    this.#trainingSigmas = trainingSigmas(this.noiseSchedule);
    const timestepConfig = traits.isLinspaced === true ? config.without("timestep_spacing", "steps_offset") : config;
    this.#timestepOptions = readTimestepOptions(timestepConfig, this.noiseSchedule.numTrainTimesteps, "linspace");
    this.#spacing = readSigmaSpacing(config, traits.spacings);
    this.finalSigmas = traits.finalSigmas ?? config.sampling("final_sigmas_type", FINAL_SIGMAS, "zero");
    // Solvers of other kinds have orders above 3.
    this.solverOrder = Math.min(config.integer("solver_order", 2, 1, config.isForeign ? Infinity : 3), 3);
    this.lowerOrderFinal = config.boolean("lower_order_final", traits.lowerOrderFinal ?? true);
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
    if (this.#spacing !== undefined) {
      sigmas = spacedSigmas(this.#spacing, finalSigma, at(table, table.length - 1), numInferenceSteps);
      // diffusers rounds these timesteps for two spacings and cuts their fractions off for the others.
      const isRounded = this.#spacing === "karras" || this.#spacing === "lu";
      this.#timesteps = timestepsOf(sigmas, table).map(isRounded ? roundHalfToEven : Math.floor);
      finalSigma = at(sigmas, numInferenceSteps - 1);
    } else {
      this.#timesteps = solverTimesteps(this.#timestepOptions, numInferenceSteps);
      sigmas = sigmasAt(this.#timesteps, table);
    }
    this.#sigmas = Float32Array.from([...sigmas, this.finalSigmas === "zero" ? 0 : finalSigma]);
  }

  scaleModelInput(sample: Float32Array): Float32Array {
    return sample;
  }

  abstract step(modelOutput: Float32Array, stepIndex: number, sample: Float32Array, noise?: NoiseSource): SchedulerStep;

  addNoise(original: Float32Array, noise: Float32Array, stepIndices: ArrayLike<number>): Float32Array {
    const coefficients = Array.from(stepIndices, (i) => signalAndNoise(at(this.#sigmas, i)));
    return mixNoise(original, noise, coefficients);
  }

  /**
   * What the model says at this step.
   * @throws RangeError if the step does not follow the last one.
   */
  protected prediction(modelOutput: Float32Array, stepIndex: number, sample: Float32Array): Prediction {
    const [signal, noise] = signalAndNoise(at(this.#sigmas, stepIndex));
    this.#order.advanceTo(stepIndex);
    if (stepIndex === 0) this.#history = [];
    return { type: this.noiseSchedule.predictionType, modelOutput, sample, signal, noise };
  }

  /** Adds what was predicted at this step to the history. */
  protected remember(predicted: Float32Array): void {
    this.#history = [predicted, ...this.#history.slice(0, this.solverOrder - 1)];
  }

  /** What was remembered `back` steps before the latest one. */
  protected remembered(back: number): Float32Array {
    const predicted = this.#history[back];
    if (predicted === undefined) throw new RangeError(`no prediction from ${back} steps before`);
    return predicted;
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
