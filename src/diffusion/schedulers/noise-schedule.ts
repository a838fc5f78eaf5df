/**
 * @file The noise schedule of a diffusion model: betas, cumulative alphas, and the forward process x_t = √ᾱ_t x_0 + √(1
 * - ᾱ_t) ε that training uses. Tables are computed in the float32 steps of the reference, so that they agree with it to
 * the last bit or two.
 */
import { SchedulerConfig } from "./config.ts";
import { mixNoise } from "./elementwise.ts";

/**
 * What the model predicts: the noise ε, the clean sample x_0, or the velocity v = √ᾱ ε - √(1 - ᾱ) x_0 (Salimans & Ho
 * 2022).
 */
export type PredictionType = "epsilon" | "sample" | "v_prediction";

/** All of them. */
export const PREDICTION_TYPES: readonly PredictionType[] = ["epsilon", "sample", "v_prediction"];
const BETA_SCHEDULES = ["linear", "scaled_linear", "squaredcos_cap_v2"] as const;
type BetaSchedule = (typeof BETA_SCHEDULES)[number];

/** Defaults of the options that differ between the schedulers of diffusers. */
export interface NoiseScheduleDefaults {
  readonly betaStart: number;
  readonly betaEnd: number;
  readonly betaSchedule: BetaSchedule;
}

const DDPM_DEFAULTS: NoiseScheduleDefaults = { betaStart: 0.0001, betaEnd: 0.02, betaSchedule: "linear" };

const { fround } = Math;

/** Betas, cumulative alphas and prediction type of one model; immutable. */
export class NoiseSchedule {
  /** β_t of every training timestep, `[numTrainTimesteps]`. */
  readonly betas: Float32Array;
  /**
   * ᾱ_t = Π (1 - β_s), `[numTrainTimesteps]`; falls from nearly 1 to nearly (or, with zero terminal SNR, exactly) 0.
   */
  readonly alphasCumprod: Float32Array;
  readonly predictionType: PredictionType;
  /** Whether the betas were rescaled so that ᾱ is 0 at the last timestep. */
  readonly zeroTerminalSnr: boolean;

  /**
   * Reads `num_train_timesteps`, `beta_start`, `beta_end`, `beta_schedule`, `trained_betas`, `rescale_betas_zero_snr`
   * and `prediction_type`.
   * @param config The scheduler options, or the parsed `scheduler_config.json` itself.
   * @throws KeepsakeError that names the option whose value is not supported.
   */
  constructor(config: unknown, defaults: NoiseScheduleDefaults = DDPM_DEFAULTS) {
    const options = config instanceof SchedulerConfig ? config : new SchedulerConfig(config, "scheduler config");
    const count = options.integer("num_train_timesteps", 1000, 1, 1_000_000);
    const trainedBetas = options.numbers("trained_betas", 0, 1);
    if (trainedBetas !== undefined && trainedBetas.length !== count) {
      throw options.conflict("trained_betas", `it has ${trainedBetas.length} entries, num_train_timesteps is ${count}`);
    }
    const betas =
      trainedBetas === undefined
        ? makeBetas(
            options.choice("beta_schedule", BETA_SCHEDULES, defaults.betaSchedule),
            options.number("beta_start", defaults.betaStart, 0, 1),
            options.number("beta_end", defaults.betaEnd, 0, 1),
            count,
          )
        : Float32Array.from(trainedBetas);
    const whole = betas.findIndex((beta) => !(beta > 0 && beta < 1));
    if (whole >= 0) {
      const option = trainedBetas !== undefined ? "trained_betas" : betas[whole] === 0 ? "beta_start" : "beta_end";
      throw options.conflict(
        option,
        "betas have to be above 0 and below 1: else there is no noise to take away, or only noise",
      );
    }
    this.predictionType = options.choice("prediction_type", PREDICTION_TYPES, "epsilon");
    this.zeroTerminalSnr = options.boolean("rescale_betas_zero_snr", false);
    this.betas = this.zeroTerminalSnr ? rescaleToZeroTerminalSnr(betas) : betas;
    this.alphasCumprod = cumulativeAlphas(this.betas);
  }

  get numTrainTimesteps(): number {
    return this.betas.length;
  }

  /**
   * ᾱ_t of a training timestep.
   * @throws RangeError if `timestep` is not a whole number in [0, numTrainTimesteps).
   */
  alphaCumprod(timestep: number): number {
    const value = this.alphasCumprod[timestep];
    if (value === undefined)
      throw new RangeError(`timestep ${timestep} is not one of the ${this.numTrainTimesteps} training timesteps`);
    return value;
  }

  /** The signal-to-noise ratio ᾱ_t / (1 - ᾱ_t) of a training timestep. @throws RangeError as {@link alphaCumprod} */
  snr(timestep: number): number {
    const alphaCumprod = this.alphaCumprod(timestep);
    return alphaCumprod / (1 - alphaCumprod);
  }

  /**
   * The forward process: √ᾱ_t · original + √(1 - ᾱ_t) · noise, with one timestep for each batch item.
   * @param original Clean samples `[batch, ...]`.
   * @param noise Standard normal noise of the same shape.
   * @param timesteps `[batch]`, whole numbers in [0, numTrainTimesteps).
   * @throws RangeError if the sizes do not fit each other or a timestep is out of range.
   * Source: diffusers: schedulers/scheduling_ddpm.py (add_noise); Ho et al. 2020, equation 4.
   */
  addNoise(original: Float32Array, noise: Float32Array, timesteps: ArrayLike<number>): Float32Array {
    return mixNoise(original, noise, this.#rootCoefficients(timesteps));
  }

  /**
   * The training target of v-prediction: √ᾱ_t · noise - √(1 - ᾱ_t) · original, with one timestep for each batch item.
   * Arguments and errors as for {@link addNoise}. Source: diffusers: schedulers/scheduling_ddpm.py (get_velocity);
   * Salimans & Ho 2022, section 4.
   */
  velocity(original: Float32Array, noise: Float32Array, timesteps: ArrayLike<number>): Float32Array {
    const coefficients = this.#rootCoefficients(timesteps).map(([signal, scale]) => [-scale, signal] as const);
    return mixNoise(original, noise, coefficients);
  }

  /**
   * What the model should answer for `addNoise(original, noise, timesteps)` under its prediction type; arguments as
   * there.
   */
  trainingTarget(original: Float32Array, noise: Float32Array, timesteps: ArrayLike<number>): Float32Array {
    switch (this.predictionType) {
      case "epsilon":
        return noise;
      case "sample":
        return original;
      case "v_prediction":
        return this.velocity(original, noise, timesteps);
    }
  }

  /** √ᾱ_t and √(1 - ᾱ_t) of each timestep. */
  #rootCoefficients(timesteps: ArrayLike<number>): (readonly [signal: number, noise: number])[] {
    return Array.from(timesteps, (timestep) => {
      const alpha = this.alphaCumprod(timestep);
      return [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
    });
  }
}

function makeBetas(schedule: BetaSchedule, start: number, end: number, count: number): Float32Array {
  switch (schedule) {
    case "linear":
      return linspaceFloat32(start, end, count);
    case "scaled_linear":
      return linspaceFloat32(Math.sqrt(start), Math.sqrt(end), count).map((root) => root * root);
    case "squaredcos_cap_v2": {
      const alphaBar = (t: number): number => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
      return Float32Array.from({ length: count }, (_, i) =>
        Math.min(1 - alphaBar((i + 1) / count) / alphaBar(i / count), 0.999),
      );
    }
  }
}

/** torch.linspace in float32: the second half counts down from the end, so that the end is exact. */
function linspaceFloat32(start: number, end: number, count: number): Float32Array {
  const first = fround(start);
  const last = fround(end);
  const step = fround(fround(last - first) / (count - 1));
  return Float32Array.from({ length: count }, (_, i) =>
    i < count / 2 ? first + step * i : last - step * (count - 1 - i),
  );
}

function cumulativeAlphas(betas: Float32Array): Float32Array {
  let product = 1;
  return betas.map((beta) => (product *= fround(1 - beta)));
}

/** Lin et al. 2024 ("Common diffusion noise schedules and sample steps are flawed"), algorithm 1. */
function rescaleToZeroTerminalSnr(betas: Float32Array): Float32Array {
  const roots = cumulativeAlphas(betas).map(Math.sqrt);
  const first = roots[0];
  const last = roots.at(-1) ?? NaN;
  const scale = fround(first / fround(first - last));
  const alphasCumprod = roots.map((root) => fround(fround(root - last) * scale) ** 2);
  return alphasCumprod.map((value, i) => 1 - fround(i === 0 ? value : value / alphasCumprod[i - 1]));
}
