/**
 * @file From what the model predicts to the clean sample and the noise, for a sample x = α x_0 + σ ε with α² + σ² = 1.
 */
import { KeepsakeError } from "../../errors.ts";
import { linearCombination } from "./elementwise.ts";
import type { PredictionType } from "./noise-schedule.ts";

/** A model output together with the sample it is about. */
export interface Prediction {
  readonly type: PredictionType;
  readonly modelOutput: Float32Array;
  /** x = α x_0 + σ ε. */
  readonly sample: Float32Array;
  /** α, in [0, 1]. */
  readonly signal: number;
  /** σ = √(1 - α²). */
  readonly noise: number;
}

/**
 * The clean sample x_0.
 * @throws KeepsakeError for noise prediction at zero signal, where x_0 is not determined.
 */
export function predictOriginalSample({ type, modelOutput, sample, signal, noise }: Prediction): Float32Array {
  switch (type) {
    case "epsilon":
      if (signal === 0) {
        throw new KeepsakeError(
          "input",
          'scheduler option "rescale_betas_zero_snr" true needs a model with prediction_type v_prediction: pure noise says nothing about its noise.',
        );
      }
      return linearCombination([1 / signal, sample], [-noise / signal, modelOutput]);
    case "sample":
      return modelOutput;
    case "v_prediction":
      return linearCombination([signal, sample], [-noise, modelOutput]);
  }
}

/** The noise ε. */
export function predictEpsilon({ type, modelOutput, sample, signal, noise }: Prediction): Float32Array {
  switch (type) {
    case "epsilon":
      return modelOutput;
    case "sample":
      return linearCombination([1 / noise, sample], [-signal / noise, modelOutput]);
    case "v_prediction":
      return linearCombination([signal, modelOutput], [noise, sample]);
  }
}
