/** @file A scheduler that a person chose, on the config of a checkpoint that was made for another one. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createScheduler, schedulerClass, schedulerNames } from "../../../src/diffusion/schedulers/index.ts";
import { StableDiffusionPipeline } from "../../../src/diffusion/pipeline.ts";
import { failure } from "../../io/failure.ts";
import { MODEL } from "../../keepsake/support.ts";

const names = schedulerNames();
const base = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: "scaled_linear", num_train_timesteps: 1000 };
/** Configs as diffusers writes them, with options that only their own class, or none of ours, can do. */
const configs: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  DDIMScheduler: { ...base, clip_sample: false, set_alpha_to_one: false, steps_offset: 1, thresholding: true },
  DDPMScheduler: { ...base, clip_sample: false, variance_type: "learned_range" },
  DDIMInverseScheduler: { ...base, clip_sample: false, timestep_spacing: "quadratic" },
  EulerDiscreteScheduler: { ...base, interpolation_type: "log_linear", use_beta_sigmas: true, sigma_max: 80 },
  DPMSolverMultistepScheduler: { ...base, algorithm_type: "sde-dpmsolver++", euler_at_final: true, solver_order: 2 },
  DEISMultistepScheduler: { ...base, algorithm_type: "deis", solver_type: "logrho", solver_order: 4 },
  UniPCMultistepScheduler: { ...base, predict_x0: false, solver_p: ["x"], final_sigmas_type: "one" },
  KDPM2DiscreteScheduler: { ...base, prediction_type: "v_prediction", use_exponential_sigmas: true },
  ZeroSnrScheduler: {
    ...base,
    prediction_type: "v_prediction",
    rescale_betas_zero_snr: true,
    timestep_spacing: "trailing",
  },
};

describe.each(Object.entries(configs))("the config of a %s", (_class_name, config) => {
  it.each(names.filter((name) => schedulerClass(name) !== _class_name))("serves %s, to finite samples", (name) => {
    const scheduler = createScheduler(name, { _class_name, ...config });
    scheduler.setTimesteps(5);
    let sample: Float32Array = Float32Array.of(1, -2, 0.5).map((x) => x * scheduler.initNoiseSigma);
    for (const i of scheduler.timesteps.keys()) {
      const output = scheduler.scaleModelInput(sample, i).map(Math.sin);
      sample = scheduler.step(output, i, sample, () => Float32Array.of(0.1, -0.2, 0.3)).prevSample;
    }
    expect([...sample].every(Number.isFinite)).toBe(true);
  });

  it("keeps what it says of the model", () => {
    for (const name of names) {
      if (schedulerClass(name) === _class_name) continue;
      const { noiseSchedule } = createScheduler(name, { _class_name, ...config });
      expect(noiseSchedule.betas[0]).toBeCloseTo(0.00085, 6);
      expect(noiseSchedule.predictionType).toBe(config.prediction_type ?? "epsilon");
      expect(() => createScheduler(name, { _class_name, ...config, prediction_type: "flow_prediction" })).toThrow(
        /"prediction_type"/,
      );
    }
  });
});

describe("PNDM", () => {
  it("runs without Runge-Kutta steps on the config of another class, as on its own that says so", () => {
    const steps = (config: Record<string, unknown>) => {
      const scheduler = createScheduler("pndm", { ...base, steps_offset: 1, ...config });
      scheduler.setTimesteps(20);
      return scheduler.timesteps;
    };
    const own = steps({ _class_name: "PNDMScheduler", skip_prk_steps: true });
    expect(steps({ _class_name: "DDIMScheduler" })).toEqual(own);
    expect(() => steps({ _class_name: "PNDMScheduler", skip_prk_steps: false })).toThrow(/"skip_prk_steps" false/);
  });
});

describe("a pipeline", () => {
  const builtIn = join(import.meta.dirname, "..", "..", "..", "models", "keepsake-64");

  it.each([MODEL, builtIn])("makes every scheduler from the config of %s", async (model) => {
    const pipeline = await StableDiffusionPipeline.load(model);
    for (const name of names) expect(pipeline.createScheduler(name).className).toBe(schedulerClass(name));
  });

  it("calls a wrong name a wrong command", async () => {
    const pipeline = await StableDiffusionPipeline.load(MODEL);
    const { kind, message } = await failure(pipeline.generate({ prompt: "a dog", scheduler: "Euler" }));
    expect([kind, message]).toEqual(["usage", expect.stringContaining("choose one of ddpm, ddim, pndm")]);
  });
});
