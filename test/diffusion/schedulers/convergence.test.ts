/**
 * @file The samplers as solvers of a problem with a known solution. For data x_0 ~ N(0, s²) the best model is linear,
 * and the probability-flow ODE carries x = σ_T ε to x · √(α² s² + σ²) / √(α_T² s² + σ_T²): every deterministic sampler
 * has to come close, the better the more steps and the higher its order.
 */
import { describe, expect, it } from "vitest";
import { createScheduler, type Scheduler } from "../../../src/diffusion/schedulers/index.ts";

const DATA_DEVIATION = 0.6;
const config = {
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  clip_sample: false,
  skip_prk_steps: true,
  set_alpha_to_one: false,
};

/** α and σ of the variance-preserving sample at a timestep that may be fractional. */
function coefficients(scheduler: Scheduler, stepIndex: number): readonly [alpha: number, sigma: number] {
  const sigma = scheduler.sigmas?.[stepIndex];
  if (sigma !== undefined) return [1 / Math.sqrt(sigma ** 2 + 1), sigma / Math.sqrt(sigma ** 2 + 1)];
  const alphaCumprod = scheduler.noiseSchedule.alphaCumprod(scheduler.timesteps[stepIndex]);
  return [Math.sqrt(alphaCumprod), Math.sqrt(1 - alphaCumprod)];
}

/**
 * Error of the final sample of one run from 1 (times initNoiseSigma), relative to the solution at the last noise level.
 */
function errorOf(
  name: string,
  options: object,
  steps: number,
  predictionType: "epsilon" | "v_prediction" | "sample",
): number {
  const scheduler = createScheduler(name, { ...config, ...options, prediction_type: predictionType });
  scheduler.setTimesteps(steps);
  const isSigmaSpace = ["euler", "heun", "kdpm2", "lms"].includes(name);
  let sample = Float32Array.of(scheduler.initNoiseSigma);
  const [firstAlpha, firstSigma] = coefficients(scheduler, 0);
  const start = (isSigmaSpace ? firstAlpha : 1) * sample[0];
  for (const i of scheduler.timesteps.keys()) {
    const [alpha, sigma] = coefficients(scheduler, i);
    const variance = alpha ** 2 * DATA_DEVIATION ** 2 + sigma ** 2;
    const modelOutput = scheduler.scaleModelInput(sample, i).map((x) => {
      const original = (alpha * DATA_DEVIATION ** 2 * x) / variance;
      const epsilon = (sigma * x) / variance;
      return { epsilon, sample: original, v_prediction: alpha * epsilon - sigma * original }[predictionType];
    });
    sample = new Float32Array(scheduler.step(modelOutput, i, sample).prevSample);
  }
  const lastAlphaCumprod = scheduler.noiseSchedule.alphaCumprod(0);
  const final = ["ddim", "pndm", "deis"].includes(name) || "final_sigmas_type" in options ? lastAlphaCumprod : 1;
  const deviation = (alpha2: number): number => Math.sqrt(alpha2 * DATA_DEVIATION ** 2 + 1 - alpha2);
  const toVariancePreserving = isSigmaSpace ? Math.sqrt(final) : 1;
  const expected = (start * deviation(final)) / Math.sqrt(firstAlpha ** 2 * DATA_DEVIATION ** 2 + firstSigma ** 2);
  return Math.abs((sample[0] * toVariancePreserving) / expected - 1);
}

const samplers = [
  ["ddim", { timestep_spacing: "trailing" }],
  ["pndm", { timestep_spacing: "trailing" }],
  ["euler", {}],
  ["euler", { use_karras_sigmas: true }],
  ["dpmpp2m", {}],
  ["dpmpp2m", { solver_type: "heun" }],
  ["dpmpp2m", { solver_order: 3 }],
  ["dpmpp2m", { use_karras_sigmas: true, final_sigmas_type: "sigma_min", solver_type: "heun" }],
  ["unipc", {}],
  ["unipc", { solver_type: "bh1" }],
  ["unipc", { solver_order: 3, use_karras_sigmas: true }],
  ["unipc", { lower_order_final: false }],
  ["euler", { use_exponential_sigmas: true }],
  ["dpmpp2m", { use_lu_lambdas: true }],
  ["dpmpp2m", { use_beta_sigmas: true }],
  ["dpmpp2m", { euler_at_final: true }],
  ["dpmpp2s", {}],
  ["dpmpp2s", { solver_type: "heun", use_karras_sigmas: true }],
  ["dpmpp2s", { solver_order: 3 }],
  ["dpmpp2s", { solver_order: 3, solver_type: "heun" }],
  ["heun", {}],
  ["heun", { use_karras_sigmas: true }],
  ["heun", { use_beta_sigmas: true }],
  ["kdpm2", {}],
  ["kdpm2", { use_karras_sigmas: true }],
  ["lms", {}],
  ["lms", { use_exponential_sigmas: true }],
  ["deis", {}],
  ["deis", { solver_order: 3, use_karras_sigmas: true }],
] as const;

describe.each(samplers)("%s %o", (name, options) => {
  it.each(["epsilon", "v_prediction"] as const)("comes to the solution with %s", (predictionType) => {
    expect(errorOf(name, options, 200, predictionType)).toBeLessThan(0.02);
  });
});

describe("solvers of higher order", () => {
  const karras = { use_karras_sigmas: true, final_sigmas_type: "sigma_min", lower_order_final: false };
  it.each(["dpmpp2m", "unipc", "deis"])(
    "%s: each order is better than the one below, and gains more from twice the steps",
    (name) => {
      const errors = [1, 2, 3].map((solver_order) => {
        const options = { ...karras, solver_order };
        return { coarse: errorOf(name, options, 40, "epsilon"), fine: errorOf(name, options, 80, "epsilon") };
      });
      const [first, second, third] = errors;
      if (!first || !second || !third) throw new Error("three orders");
      expect(second.fine).toBeLessThan(first.fine / 4);
      expect(third.fine).toBeLessThan(second.fine / 1.5);
      expect(first.coarse / first.fine).toBeGreaterThan(1.7);
      expect(second.coarse / second.fine).toBeGreaterThan(3);
    },
  );

  it.each(["heun", "kdpm2", "lms"])("%s is better than Euler at the same number of calls, by far", (name) => {
    const calls = 79;
    const steps = name === "lms" ? calls : (calls + 1) / 2;
    const spacing = { use_karras_sigmas: true };
    expect(errorOf(name, spacing, steps, "epsilon")).toBeLessThan(errorOf("euler", spacing, calls, "epsilon") / 4);
  });

  it("gives the same sample for every prediction type, but for PNDM, which combines the outputs as they are", () => {
    for (const [name, options] of samplers.filter(([sampler]) => sampler !== "pndm")) {
      const epsilon = errorOf(name, options, 20, "epsilon");
      expect(errorOf(name, options, 20, "v_prediction")).toBeCloseTo(epsilon, 4);
      expect(errorOf(name, options, 20, "sample")).toBeCloseTo(epsilon, 4);
    }
  });
});
