/** @file Options of the loss: golden values, what they leave as it was, and their limits. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";
import { RandomStream } from "../../src/random/random.ts";
import {
  latentMask,
  lossMask,
  minSnrWeight,
  priorPreservationWeights,
  withNoiseOffset,
} from "../../src/training/loss-options.ts";
import { openCase, relativeError } from "../diffusion/support.ts";

const config = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: "scaled_linear" };
const normal = (purpose: string, count: number) => new RandomStream(1, "test", purpose).normal(count);

describe("minSnrWeight", () => {
  it.each([
    ["epsilon", 5, ""],
    ["epsilon", 1, ""],
    ["v_prediction", 5, ""],
    ["v_prediction", 1, ""],
    ["v_prediction", 5, "_zero_terminal"],
  ])("has the weights of diffusers and sd-scripts: %s, gamma %d%s", async (prediction_type, gamma, suffix) => {
    const golden = await openCase("training/min-snr");
    const schedule = new NoiseSchedule({ ...config, prediction_type, rescale_betas_zero_snr: suffix !== "" });
    const timesteps = await golden.numbers("timesteps");
    const weights = timesteps.map((timestep) => minSnrWeight(schedule, timestep, gamma));
    await golden.expectClose(`weights_${prediction_type}_gamma${gamma}${suffix}`, Float32Array.from(weights), 1e-5);
    const snr = timesteps.map((timestep) => schedule.snr(timestep));
    await golden.expectClose(`snr${suffix}`, Float32Array.from(snr), 1e-5);
  });

  it("is the same weight for the same prediction, whatever the model says of it", () => {
    // The squared error of ε is the one of x_0 times the SNR, and that of v the one of x_0 times SNR + 1.
    const schedule = (prediction_type: string) => new NoiseSchedule({ ...config, prediction_type });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 999 }),
        fc.double({ min: 0.1, max: 20, noNaN: true }),
        (timestep, gamma) => {
          const snr = schedule("epsilon").snr(timestep);
          const ofSample = minSnrWeight(schedule("sample"), timestep, gamma);
          expect(minSnrWeight(schedule("epsilon"), timestep, gamma) * snr).toBeCloseTo(ofSample, 6);
          expect(minSnrWeight(schedule("v_prediction"), timestep, gamma) * (snr + 1)).toBeCloseTo(ofSample, 6);
        },
      ),
    );
  });

  it("is finite where there is no signal at all", () => {
    for (const [prediction_type, weight] of [
      ["epsilon", 1],
      ["v_prediction", 0],
      ["sample", 0],
    ] as const) {
      const schedule = new NoiseSchedule({ ...config, prediction_type, rescale_betas_zero_snr: true });
      expect(minSnrWeight(schedule, 999, 5)).toBe(weight);
    }
  });
});

describe("withNoiseOffset", () => {
  it.each([
    ["noise_with_offset", 0],
    ["noise_with_adaptive_offset", 0.05],
  ])("is sd-scripts' %s", async (name, adaptiveScale) => {
    const golden = await openCase("training/noise-offset");
    const [latents, noise, offsets] = await Promise.all(
      ["latents", "noise", "offset_noise"].map((key) => golden.read(key)),
    );
    const result = [0, 1].flatMap((item) => {
      const part = (all: Float32Array) => all.subarray((item * all.length) / 2, ((item + 1) * all.length) / 2);
      return [...withNoiseOffset(part(noise), part(offsets), part(latents), { amount: 0.1, adaptiveScale })];
    });
    expect(relativeError(Float32Array.from(result), await golden.read(name))).toBeLessThan(1e-6);
  });

  it("never takes noise away, and leaves it as it is for an amount of 0", () => {
    const [noise, offsets, latent] = [normal("noise", 12), normal("offsets", 3), normal("latent", 12)];
    expect(withNoiseOffset(noise, offsets, latent, { amount: 0 })).toEqual(noise);
    expect(withNoiseOffset(noise, offsets, latent, { amount: 0.1, adaptiveScale: -1e6 })).toEqual(noise);
  });
});

describe("masks", () => {
  it("become latents' by area, keep a little of what is masked, or are a mean over what is not", async () => {
    const golden = await openCase("training/masked-loss");
    const image = await golden.read("mask_image");
    const masks = [0, 1].map((i) => latentMask(image.slice(i * 48 * 64, (i + 1) * 48 * 64), 64, 8));
    await golden.expectClose("mask_latent", Float32Array.from(masks.flatMap((mask) => [...mask])), 1e-6);
    expect(lossMask(Float32Array.of(0, 0.5, 1, 0))).toEqual(Float32Array.of(0, 0.5, 1, 0));
    expect(lossMask(Float32Array.of(0, 0.5, 1, 0), { unmaskedWeight: 0.25 })).toEqual(
      Float32Array.of(0.25, 0.5, 1, 0.25),
    );
    expect(lossMask(Float32Array.of(0, 0.5, 1, 0), { perArea: true })).toEqual(Float32Array.of(0, 4 / 3, 8 / 3, 0));
    expect(lossMask(new Float32Array(3), { perArea: true })).toEqual(new Float32Array(3));
  });
});

describe("priorPreservationWeights", () => {
  it("are means over the photos and over the pictures of the class", () => {
    expect(priorPreservationWeights(2, 4, 0.5)).toEqual([0.5, 0.5, 0.125, 0.125, 0.125, 0.125]);
    expect(priorPreservationWeights(2, 0, 1)).toEqual([0.5, 0.5]);
  });
});
