/**
 * @file Options of the training loss on given predictions: masks, min-SNR weights, noise offset, prior preservation. No
 * model runs.
 */
import { NoiseSchedule } from "../../../src/diffusion/schedulers/index.ts";
import {
  latentMask,
  lossMask,
  minSnrWeight,
  priorPreservationWeights,
  withNoiseOffset,
} from "../../../src/training/loss-options.ts";
import { PredictionLoss, squaredError } from "../../../src/training/prediction-loss.ts";
import type { CaseKind } from "../case-kind.ts";
import type { Computed, TensorCase } from "../tensor-case.ts";

export const minSnr: CaseKind = {
  description: "min-SNR weights",
  matches: (test) => test.hasInputs("timesteps", "prediction", "target") && test.hasOutputs("snr"),
  run(test, _tree, checks) {
    const timesteps = [...test.ints("timesteps")];
    const [predictions, targets] = [items(test, "prediction"), items(test, "target")];
    const errors = predictions.map((prediction, i) => squaredError(prediction, targets[i]));
    const computed: Record<string, ArrayLike<number>> = { errors };
    for (const [isZeroTerminal, suffix] of [
      [false, ""],
      [true, "_zero_terminal"],
    ] as const) {
      for (const type of ["epsilon", "v_prediction"]) {
        const schedule = scheduleOf(test, { prediction_type: type, rescale_betas_zero_snr: isZeroTerminal });
        computed[`snr${suffix}`] = timesteps.map((timestep) => schedule.snr(timestep));
        for (const gamma of test.fields.numbers("gammas")) {
          const weights = timesteps.map((timestep) => minSnrWeight(schedule, timestep, gamma));
          computed[`weights_${type}_gamma${gamma}${suffix}`] = weights;
          const share = weights.map((weight) => weight / weights.length);
          const losses = targets.map((target, i) => new PredictionLoss(target).addSquaredError(0, share[i]));
          computed[`loss_${type}_gamma${gamma}${suffix}`] = [total(losses, predictions)];
          computed[`grad.prediction_${type}_gamma${gamma}${suffix}`] = gradient(losses, predictions);
        }
      }
    }
    test.compare(checks, computed);
  },
};

export const maskedLoss: CaseKind = {
  description: "masked loss",
  matches: (test) => test.hasInputs("prediction", "target", "mask_image") && test.hasOutputs("mask_latent"),
  run(test, _tree, checks) {
    const [predictions, targets] = [items(test, "prediction"), items(test, "target")];
    const [, channels = 0, , latentWidth = 0] = test.shape("prediction");
    const width = test.shape("mask_image").at(-1) ?? 0;
    const masks = items(test, "mask_image").map((mask) => latentMask(mask, width, width / latentWidth));
    const computed: Record<string, ArrayLike<number>> = { mask_latent: masks.flatMap((mask) => [...mask]) };
    for (const [name, options] of Object.entries({
      mean: {},
      per_mask: { perArea: true },
      unmasked_weight: { unmaskedWeight: test.fields.number("unmasked_weight") },
    })) {
      const losses = targets.map((target, i) =>
        new PredictionLoss(target, lossMask(masks[i], options)).addSquaredError(0, 1 / targets.length),
      );
      computed[`loss_${name}`] = [total(losses, predictions)];
      computed[`grad.prediction_loss_${name}`] = gradient(losses, predictions);
    }
    // Custom Diffusion's script divides by the area of the mask alone, and not by the number of channels.
    computed.loss_custom_diffusion = [channels * computed.loss_per_mask[0]];
    test.compare(checks, computed);
  },
};

export const noiseOffset: CaseKind = {
  description: "noise offset",
  matches: (test) => test.hasInputs("latents", "noise", "offset_noise", "timesteps"),
  run(test, _tree, checks) {
    const [latents, noises, offsets] = [items(test, "latents"), items(test, "noise"), items(test, "offset_noise")];
    const amount = test.fields.number("noise_offset");
    const noisesWith = (adaptiveScale: number): Float32Array =>
      Float32Array.from(
        noises.flatMap((noise, i) => [...withNoiseOffset(noise, offsets[i], latents[i], { amount, adaptiveScale })]),
      );
    const noise = noisesWith(0);
    const [original, timesteps] = [test.floats("latents"), test.ints("timesteps")];
    const target = (type: string) =>
      scheduleOf(test, { prediction_type: type }).trainingTarget(original, noise, timesteps);
    test.compare(checks, {
      noise_with_offset: noise,
      noise_with_adaptive_offset: noisesWith(test.fields.number("adaptive_noise_scale")),
      noisy: scheduleOf(test, {}).addNoise(original, noise, timesteps),
      target_epsilon: target("epsilon"),
      target_v_prediction: target("v_prediction"),
    });
  },
};

export const priorPreservation: CaseKind = {
  description: "prior preservation",
  matches: (test) => test.hasInputs("prediction", "target") && test.hasOutputs("loss_instance", "loss_prior"),
  run(test, _tree, checks) {
    const [predictions, targets] = [items(test, "prediction"), items(test, "target")];
    const half = targets.length / 2;
    const lossesWith = (weights: readonly number[]) =>
      targets.map((target, i) => new PredictionLoss(target).addSquaredError(0, weights[i]));
    const weights = priorPreservationWeights(half, half, test.fields.number("prior_loss_weight"));
    const whole = lossesWith(weights);
    const each = priorPreservationWeights(half, half, 1);
    const sumOf = (first: number, last: number) =>
      total(lossesWith(each).slice(first, last), predictions.slice(first, last));
    test.compare(checks, {
      errors: predictions.map((prediction, i) => squaredError(prediction, targets[i])),
      loss: [total(whole, predictions)],
      loss_instance: [sumOf(0, half)],
      loss_prior: [sumOf(half, 2 * half)],
      "grad.prediction": gradient(whole, predictions),
    });
  },
};

function scheduleOf(test: TensorCase, options: Readonly<Record<string, unknown>>): NoiseSchedule {
  return new NoiseSchedule({ ...test.fields.object("scheduler").toJson(), ...options });
}

/** The items of a batch. */
function items(test: TensorCase, name: string): Float32Array[] {
  const [count = 0] = test.shape(name);
  const all = test.floats(name);
  const size = all.length / count;
  return Array.from({ length: count }, (_, i) => all.slice(i * size, (i + 1) * size));
}

function total(losses: readonly PredictionLoss[], predictions: readonly Float32Array[]): number {
  return losses.reduce((sum, loss, i) => sum + loss.value([predictions[i]]), 0);
}

/** d Σ loss / d prediction of each item, from the squared errors that training would differentiate. */
function gradient(losses: readonly PredictionLoss[], predictions: readonly Float32Array[]): Computed[string] {
  return losses.flatMap((loss, i) => {
    const prediction = predictions[i];
    const sum = new Float64Array(prediction.length);
    for (const { weight, target } of loss.regressions([prediction])) {
      prediction.forEach((value, k) => (sum[k] += (2 * weight * (value - target[k])) / prediction.length));
    }
    return [...sum];
  });
}
