/** @file Options: defaults, options of other schedulers, and values that are not supported. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeepsakeError } from "../../../src/errors.ts";
import {
  createScheduler,
  NoiseSchedule,
  schedulerClass,
  schedulerNames,
} from "../../../src/diffusion/schedulers/index.ts";

const names = schedulerNames();
/** What PNDM needs; the others ignore it. */
const base = { skip_prk_steps: true };

/** How often a sampler calls the model in so many steps. */
function callsOf(name: string, steps: number): number {
  if (["heun", "kdpm2", "kdpm2-a"].includes(name)) return 2 * steps - 1;
  return name === "pndm" && steps > 1 ? steps + 1 : steps;
}

describe("createScheduler", () => {
  it.each(names)("%s goes by its short name and by its class name", (name) => {
    const className = schedulerClass(name);
    expect(createScheduler(name, base).className).toBe(className);
    expect(createScheduler(className, base).className).toBe(className);
  });

  it("refuses a scheduler that it does not know, and lists those it does", () => {
    expect(() => createScheduler("EDMEulerScheduler", {})).toThrow(KeepsakeError);
    expect(() => createScheduler("EDMEulerScheduler", {})).toThrow(/"EDMEulerScheduler".*ddim.*unipc/);
    expect(() => createScheduler("constructor", {})).toThrow(KeepsakeError);
  });

  it("reads the SD 1 config of a PNDM folder with any class: options of other schedulers are ignored", () => {
    const config = {
      _class_name: "PNDMScheduler",
      _diffusers_version: "0.6.0",
      beta_end: 0.012,
      beta_schedule: "scaled_linear",
      beta_start: 0.00085,
      num_train_timesteps: 1000,
      set_alpha_to_one: false,
      skip_prk_steps: true,
      steps_offset: 1,
      trained_betas: null,
      clip_sample: false,
    };
    for (const name of names) {
      const scheduler = createScheduler(name, config);
      scheduler.setTimesteps(5);
      expect(scheduler.timesteps.length).toBe(callsOf(name, 5));
    }
  });

  it("has the defaults of diffusers: leading spacing, but linspace for the samplers in σ; the distilled and the two-call ones have their own betas", () => {
    const first = names.map((name) => {
      const scheduler = createScheduler(name, base);
      scheduler.setTimesteps(10);
      return [name, scheduler.timesteps[0]];
    });
    expect(Object.fromEntries(first)).toEqual({
      ddpm: 900,
      ddim: 900,
      pndm: 900,
      euler: 999,
      "euler-a": 999,
      dpmpp2m: 999,
      unipc: 999,
      lcm: 999,
      "dpmpp2m-karras": 999,
      "dpmpp2m-sde": 999,
      "dpmpp2m-sde-karras": 999,
      dpmpp2s: 999,
      heun: 999,
      kdpm2: 999,
      "kdpm2-a": 999,
      lms: 999,
      deis: 999,
      tcd: 999,
    });
    expect(createScheduler("ddim", {}).noiseSchedule.betas[0]).toBeCloseTo(0.0001, 8);
    for (const name of ["lcm", "tcd", "heun", "kdpm2", "kdpm2-a"]) {
      expect(createScheduler(name, {}).noiseSchedule.betas[0]).toBeCloseTo(0.00085, 8);
    }
  });

  it.each([
    ["ddim", "thresholding", true],
    ["ddim", "beta_schedule", "sigmoid"],
    ["ddim", "beta_start", "0.1"],
    ["ddim", "beta_end", 2],
    ["ddim", "beta_end", 1],
    ["ddim", "beta_start", 0],
    ["ddim", "trained_betas", Array.from({ length: 1000 }, () => 0)],
    ["ddim", "clip_sample", "yes"],
    ["ddim", "prediction_type", "flow_prediction"],
    ["ddim", "timestep_spacing", "quadratic"],
    ["ddim", "num_train_timesteps", 0],
    ["ddim", "num_train_timesteps", 10.5],
    ["ddim", "steps_offset", -1],
    ["ddim", "trained_betas", [0.1, "0.2"]],
    ["ddim", "trained_betas", [0.1, 0.2]],
    ["ddpm", "variance_type", "learned_range"],
    ["pndm", "skip_prk_steps", false],
    ["pndm", "prediction_type", "sample"],
    ["euler", "interpolation_type", "cubic"],
    ["euler", "timestep_type", "continuous"],
    ["euler", "use_beta_sigmas", "yes"],
    ["euler", "use_lu_lambdas", true],
    ["euler", "sigma_max", 80],
    ["euler", "final_sigmas_type", "one"],
    ["dpmpp2m", "algorithm_type", "sde-dpmsolver"],
    ["dpmpp2m", "solver_type", "rk4"],
    ["dpmpp2m", "solver_order", 4],
    ["dpmpp2m", "euler_at_final", "last"],
    ["dpmpp2m", "use_flow_sigmas", true],
    ["dpmpp2m", "use_dynamic_shifting", true],
    ["dpmpp2m", "lambda_min_clipped", -5.1],
    ["dpmpp2m", "variance_type", "learned"],
    ["unipc", "predict_x0", false],
    ["unipc", "disable_corrector", [0]],
    ["lcm", "original_inference_steps", 5000],
    ["tcd", "original_inference_steps", 5000],
    ["dpmpp2s", "algorithm_type", "dpmsolver"],
    ["dpmpp2s", "use_lu_lambdas", true],
    ["heun", "use_lu_lambdas", true],
    ["kdpm2", "timestep_spacing", "quadratic"],
    ["lms", "use_exponential_sigmas", 1],
    ["deis", "algorithm_type", "sde-dpmsolver++"],
    ["deis", "solver_type", "rk4"],
  ])("%s refuses %s: %s and names the option and the file", (name, option, value) => {
    const make = (): unknown =>
      createScheduler(name, { ...base, [option]: value }, { source: "model/scheduler_config.json" });
    expect(make).toThrow(KeepsakeError);
    expect(make).toThrow(new RegExp(`^model/scheduler_config.json: scheduler option "${option}" .*\\.$`));
  });

  it("refuses two spacings of noise levels at once, and a stochastic singlestep solver of order 3", () => {
    const two = { use_karras_sigmas: true, use_beta_sigmas: true };
    expect(() => createScheduler("heun", two)).toThrow(/"use_beta_sigmas" true.*use_karras_sigmas is on/);
    const third = { algorithm_type: "sde-dpmsolver++", solver_order: 3 };
    expect(() => createScheduler("dpmpp2s", third)).toThrow(/"solver_order" 3/);
  });

  it("has names for variants of DPM-Solver++, which are the class with those options", () => {
    const draw = (name: string, options: object) => {
      const scheduler = createScheduler(name, { ...options, use_beta_sigmas: name.includes("karras") });
      scheduler.setTimesteps(4);
      const noise = () => Float32Array.of(0.5, -1);
      let x: Float32Array = Float32Array.of(1, -2);
      for (const i of scheduler.timesteps.keys()) x = scheduler.step(x.map(Math.sin), i, x, noise).prevSample;
      return x;
    };
    const sde = { algorithm_type: "sde-dpmsolver++" };
    const karras = { use_karras_sigmas: true };
    for (const [name, options] of [
      ["dpmpp2m-sde", sde],
      ["dpmpp2m-karras", karras],
      ["dpmpp2m-sde-karras", { ...sde, ...karras }],
    ] as const) {
      expect(draw(name, {})).toEqual(draw("dpmpp2m", options));
      expect(draw(name, {})).not.toEqual(draw("dpmpp2m", {}));
    }
  });

  it("accepts what leaves such options off", () => {
    const off = {
      thresholding: false,
      use_beta_sigmas: false,
      disable_corrector: [],
      solver_p: null,
      lambda_min_clipped: -Infinity,
      solver_type: "bh2",
      variance_type: null,
      sigma_min: null,
    };
    for (const name of names) expect(createScheduler(name, { ...base, ...off }).className).toBe(schedulerClass(name));
  });

  it("tells null from a missing option: off for switches, an error for values, as in diffusers", () => {
    for (const option of ["prediction_type", "beta_schedule", "beta_start", "num_train_timesteps"]) {
      const make = (): unknown => createScheduler("ddim", { ...base, [option]: null }, { source: "s.json" });
      expect(make).toThrow(`s.json: scheduler option "${option}" null is not supported`);
    }
    expect(() => createScheduler("ddim", { ...base, steps_offset: null })).toThrow('"steps_offset" null');
    expect(() => createScheduler("ddim", { ...base, timestep_spacing: null })).toThrow('"timestep_spacing" null');
    expect(() => createScheduler("dpmpp2m", { ...base, algorithm_type: null })).toThrow('"algorithm_type" null');
    for (const clip_sample of [null, false]) {
      const scheduler = createScheduler("ddim", { ...base, clip_sample, clip_sample_range: 0.1 });
      scheduler.setTimesteps(2);
      const { predOriginalSample } = scheduler.step(Float32Array.of(0), 1, Float32Array.of(5));
      expect(Math.abs(predOriginalSample?.[0] ?? 0)).toBeGreaterThan(1);
    }
  });

  it("takes eta for DDIM and TCD only, from 0 to 1", () => {
    expect(createScheduler("ddim", {}, { eta: 1 }).className).toBe("DDIMScheduler");
    expect(createScheduler("tcd", {}, { eta: 1 }).className).toBe("TCDScheduler");
    expect(() => createScheduler("ddim", {}, { eta: 1.5 })).toThrow(/eta 1.5/);
    expect(() => createScheduler("ddim", {}, { eta: NaN })).toThrow(KeepsakeError);
    expect(() => createScheduler("euler", {}, { eta: 0.5 })).toThrow(/only these schedulers take it: ddim, tcd/);
  });

  it.each([null, 3, "ddim", []])("refuses a config that is not an object: %j", (config) => {
    expect(() => createScheduler("ddim", config)).toThrow(/expected a JSON object/);
  });
});

describe("setTimesteps", () => {
  it.each(names)("%s refuses a number of steps that makes no sense", (name) => {
    const scheduler = createScheduler(name, base);
    for (const steps of [0, -1, 2.5, NaN, 1001]) {
      expect(() => {
        scheduler.setTimesteps(steps);
      }).toThrow(KeepsakeError);
    }
  });

  it("refuses steps that leave the training timesteps", () => {
    const scheduler = createScheduler("ddim", { steps_offset: 1 });
    expect(() => {
      scheduler.setTimesteps(1000);
    }).toThrow(/do not fit/);
  });

  it.each(names)("%s goes from noisy to clean, within the training timesteps, for any number of steps", (name) => {
    const spacings = fc.constantFrom("leading", "trailing", "linspace");
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 }),
        spacings,
        fc.boolean(),
        (steps, timestep_spacing, use_karras_sigmas) => {
          const scheduler = createScheduler(name, {
            ...base,
            timestep_spacing,
            use_karras_sigmas,
            original_inference_steps: 500,
          });
          scheduler.setTimesteps(steps);
          expect(scheduler.timesteps.length).toBe(callsOf(name, steps));
          // Karras' timesteps of KDPM2 are rounded, but not those of the trial points between them.
          const rounding = name.startsWith("kdpm2") ? (use_karras_sigmas ? 0.5 : 1e-4) : 0;
          const isRight = (timestep: number, i: number) =>
            timestep >= 0 && timestep <= 999 && timestep <= (scheduler.timesteps[i - 1] ?? 999) + rounding;
          expect(Array.from(scheduler.timesteps).filter((timestep, i) => !isRight(timestep, i))).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("step", () => {
  const sample = Float32Array.of(1, -2, 0.5);

  it.each(["ddpm", "euler-a", "lcm", "dpmpp2m-sde"])("%s needs a noise source", (name) => {
    const scheduler = createScheduler(name, { steps_offset: 1 });
    scheduler.setTimesteps(4);
    expect(() => scheduler.step(sample, 0, sample)).toThrow(/noise source/);
  });

  it.each(names)("%s does not exist before setTimesteps", (name) => {
    expect(() => createScheduler(name, base).step(sample, 0, sample)).toThrow(RangeError);
  });

  it.each(["pndm", "dpmpp2m", "unipc", "dpmpp2s", "heun", "kdpm2", "lms", "deis"])(
    "%s refuses steps out of order; step 0 begins anew with the same result",
    (name) => {
      const scheduler = createScheduler(name, base);
      scheduler.setTimesteps(6);
      const run = (): Float32Array => {
        let x: Float32Array = sample;
        for (const i of [0, 1, 2, 3]) x = scheduler.step(x.map(Math.sin), i, x).prevSample;
        return x;
      };
      const first = run();
      expect(() => scheduler.step(sample, 2, sample)).toThrow(/out of order/);
      expect(run()).toEqual(first);
    },
  );

  it.each(names)("%s does not change its arguments", (name) => {
    const scheduler = createScheduler(name, base);
    scheduler.setTimesteps(3);
    let x: Float32Array = sample;
    for (const i of scheduler.timesteps.keys()) {
      const before = Float32Array.from(x);
      const modelOutput = Float32Array.of(0.1, 0.2, 0.3);
      const next = scheduler.step(modelOutput, i, x, () => Float32Array.of(1, 1, 1)).prevSample;
      expect(x).toEqual(before);
      expect(modelOutput).toEqual(Float32Array.of(0.1, 0.2, 0.3));
      x = next;
    }
    expect(x.every(Number.isFinite)).toBe(true);
  });

  it("says so when noise is to be predicted where there is no signal", () => {
    const scheduler = createScheduler("ddim", { rescale_betas_zero_snr: true, timestep_spacing: "trailing" });
    scheduler.setTimesteps(4);
    expect(() => scheduler.step(sample, 0, sample)).toThrow(/rescale_betas_zero_snr.*v_prediction/);
  });
});

describe("NoiseSchedule", () => {
  const values = fc.array(fc.float({ min: -4, max: 4, noNaN: true }), { minLength: 4, maxLength: 4 });

  it("noises with coefficients whose squares add to one, so that sample and velocity give back original and noise", () => {
    const schedule = new NoiseSchedule({ prediction_type: "v_prediction" });
    fc.assert(
      fc.property(values, values, fc.integer({ min: 0, max: 999 }), (a, b, timestep) => {
        const original = Float32Array.from(a);
        const noise = Float32Array.from(b);
        const noisy = schedule.addNoise(original, noise, [timestep]);
        const velocity = schedule.trainingTarget(original, noise, [timestep]);
        const signal = Math.sqrt(schedule.alphaCumprod(timestep));
        const sigma = Math.sqrt(1 - schedule.alphaCumprod(timestep));
        noisy.forEach((x, i) => {
          const v = velocity[i];
          expect(signal * x - sigma * v).toBeCloseTo(original[i], 5);
          expect(sigma * x + signal * v).toBeCloseTo(noise[i], 5);
        });
      }),
    );
  });

  it("trains on what the model predicts", () => {
    const original = Float32Array.of(1, 2);
    const noise = Float32Array.of(3, 4);
    const target = (prediction_type: string): Float32Array =>
      new NoiseSchedule({ prediction_type }).trainingTarget(original, noise, [10]);
    expect(target("epsilon")).toEqual(noise);
    expect(target("sample")).toEqual(original);
  });

  it("treats every batch item at its own timestep", () => {
    const schedule = new NoiseSchedule({});
    const both = schedule.addNoise(Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 7, 8), [0, 900]);
    expect(both.slice(2)).toEqual(schedule.addNoise(Float32Array.of(3, 4), Float32Array.of(7, 8), [900]));
  });

  it("takes given betas, and the cosine schedule with betas capped at 0.999", () => {
    const given = new NoiseSchedule({ num_train_timesteps: 2, trained_betas: [0.5, 0.25] });
    expect(Array.from(given.alphasCumprod)).toEqual([0.5, 0.375]);
    const cosine = new NoiseSchedule({ beta_schedule: "squaredcos_cap_v2" });
    expect(cosine.betas[0]).toBeCloseTo(4.1e-5, 6);
    expect(cosine.betas.at(-1)).toBeCloseTo(0.999, 6);
  });

  it("refuses timesteps that do not exist and arrays that do not fit", () => {
    const schedule = new NoiseSchedule({});
    const two = new Float32Array(2);
    for (const timestep of [-1, 1000, 0.5]) expect(() => schedule.addNoise(two, two, [timestep])).toThrow(RangeError);
    expect(() => schedule.addNoise(two, new Float32Array(3), [0])).toThrow(RangeError);
    expect(() => schedule.addNoise(two, two, [0, 0, 0])).toThrow(RangeError);
  });
});
