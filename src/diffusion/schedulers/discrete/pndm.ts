/**
 * @file PNDM without Runge-Kutta warm-up, that is PLMS: a linear multistep method on the noise (Liu et al. 2022), as
 * Stable Diffusion uses it. Source: diffusers: schedulers/scheduling_pndm.py.
 */
import type { SchedulerConfig } from "../config.ts";
import { DiscreteScheduler } from "./discrete-scheduler.ts";
import { linearCombination } from "../elementwise.ts";
import { predictEpsilon } from "../prediction.ts";
import { at, type SchedulerStep } from "../scheduler.ts";
import { StepOrder } from "../step-order.ts";
import { checkStepCount, readTimestepOptions, spacedTimesteps, type TimestepOptions } from "../timesteps.ts";

/** Adams-Bashforth weights of the latest outputs, newest first, by how many there are. */
const MULTISTEP_WEIGHTS: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/**
 * The PLMS sampler: n steps take n + 1 model calls, since the first is done twice (Heun's method) for lack of history.
 */
export class PNDMScheduler extends DiscreteScheduler {
  readonly className = "PNDMScheduler";
  readonly #timestepOptions: TimestepOptions;
  /** ᾱ after the last step. */
  readonly #finalAlphaCumprod: number;
  readonly #order = new StepOrder();
  /** Training timesteps from one step to the next. */
  #stride = 0;
  /** The latest model outputs, newest first. */
  #outputs: readonly Float32Array[] = [];
  #firstSample: Float32Array = new Float32Array();

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    // diffusers' PNDM has no such option: the table of training is used as it is.
    super(config.without("rescale_betas_zero_snr"));
    this.#timestepOptions = readTimestepOptions(config, this.noiseSchedule.numTrainTimesteps, "leading");
    this.#finalAlphaCumprod = config.boolean("set_alpha_to_one", false) ? 1 : this.noiseSchedule.alphaCumprod(0);
    // The config of another class says nothing of Runge-Kutta steps, so this sampler runs as it can.
    if (!config.isForeign && !config.boolean("skip_prk_steps", false)) {
      throw config.conflict("skip_prk_steps", "PNDM runs without Runge-Kutta steps only: true");
    }
    if (this.noiseSchedule.predictionType === "sample") {
      throw config.conflict("prediction_type", "PNDM takes epsilon or v_prediction");
    }
  }

  override step(modelOutput: Float32Array, stepIndex: number, sample: Float32Array): SchedulerStep {
    const timestep = at(this.timesteps, stepIndex);
    this.#order.advanceTo(stepIndex);
    if (stepIndex === 1) {
      // The first step once more, from the same sample, with the mean of the outputs at both its ends.
      const [first] = this.#outputs;
      const mean = linearCombination([1 / 2, modelOutput], [1 / 2, first]);
      return { prevSample: this.#transfer(this.#firstSample, mean, timestep + this.#stride, timestep) };
    }
    if (stepIndex === 0) {
      this.#outputs = [];
      this.#firstSample = sample;
    }
    this.#outputs = [modelOutput, ...this.#outputs.slice(0, 3)];
    const weights = MULTISTEP_WEIGHTS[this.#outputs.length - 1];
    const combined = linearCombination(...this.#outputs.map((output, i) => [weights[i], output] as const));
    return { prevSample: this.#transfer(sample, combined, timestep, timestep - this.#stride) };
  }

  protected override chooseTimesteps(numInferenceSteps: number): number[] {
    const { numTrainTimesteps } = this.noiseSchedule;
    checkStepCount(numInferenceSteps, numTrainTimesteps);
    this.#stride = Math.floor(numTrainTimesteps / numInferenceSteps);
    const timesteps = spacedTimesteps(this.#timestepOptions, numInferenceSteps, true);
    return [...timesteps.slice(0, 2), ...timesteps.slice(1)];
  }

  /** Equation 9 of the paper: the sample at `prevTimestep` if the model output holds all the way. */
  #transfer(sample: Float32Array, modelOutput: Float32Array, timestep: number, prevTimestep: number): Float32Array {
    const alphaCumprod = this.noiseSchedule.alphaCumprod(timestep);
    const prevAlphaCumprod =
      prevTimestep >= 0 ? this.noiseSchedule.alphaCumprod(prevTimestep) : this.#finalAlphaCumprod;
    const denominator =
      alphaCumprod * Math.sqrt(1 - prevAlphaCumprod) + Math.sqrt(alphaCumprod * (1 - alphaCumprod) * prevAlphaCumprod);
    return linearCombination(
      [Math.sqrt(prevAlphaCumprod / alphaCumprod), sample],
      [
        (alphaCumprod - prevAlphaCumprod) / denominator,
        predictEpsilon(this.prediction(modelOutput, sample, alphaCumprod)),
      ],
    );
  }
}
