/**
 * @file Schedulers: sequences of steps with a made-up model, noise added to clean samples, and the tables of the noise
 * schedule.
 */
import { createScheduler, NoiseSchedule, type Scheduler } from "../../../src/diffusion/schedulers/index.ts";
import type { ParityCase } from "../case-kind.ts";
import type { Checks } from "../checks.ts";
import type { Fields } from "../fields.ts";
import type { TensorCase } from "../tensor-case.ts";
import { checkTimesteps } from "./timesteps.ts";

export function isSchedulerCases(fields: Fields): boolean {
  return fields.has("cases") && fields.has("fa") && fields.has("fb");
}

/** One case for each sequence, each scheduler's add_noise, and each schedule. */
export function schedulerCases(file: TensorCase, prefix: string): ParityCase[] {
  const sequences = file.fields.objects("cases");
  const additions = file.fields.has("add_noise") ? file.fields.objects("add_noise") : [];
  const schedules = [...new Set([...file.withPrefix("schedule/").keys()].map((name) => name.replace(/\/[^/]*$/, "")))];
  const configs = [...additions, ...sequences].map((described) => described.object("config"));
  const known = [
    ...sequences.map((sequence) => `${sequence.string("name")}/`),
    ...additions.map((addition) => `add_noise/${addition.string("scheduler")}/`),
    "schedule/",
    "add_noise/original_samples",
    "add_noise/noise",
  ];
  const unknown = [...file.tensors.keys()].filter((name) => !known.some((start) => name.startsWith(start)));
  return [
    ...sequences.map((sequence) => ({
      name: `${prefix}/${sequence.string("name")}`,
      run: (_tree: unknown, checks: Checks) => {
        runSequence(file, sequence, checks);
      },
    })),
    ...additions.map((addition) => ({
      name: `${prefix}/add_noise/${addition.string("scheduler")}`,
      run: (_tree: unknown, checks: Checks) => {
        addNoise(file, addition, checks);
      },
    })),
    ...schedules.map((schedule) => ({
      name: `${prefix}/schedule/${schedule}`,
      run: (_tree: unknown, checks: Checks) => {
        compareTables(file, schedule, configs, checks);
      },
    })),
    ...unknown.map((tensor) => ({
      name: `${prefix}/${tensor}`,
      run: () => {
        throw new Error("the JSON describes no case with this tensor");
      },
    })),
  ];
}

function runSequence(file: TensorCase, sequence: Fields, checks: Checks): void {
  const name = sequence.string("name");
  const scheduler = createScheduler(sequence.string("scheduler"), sequence.object("config").toJson(), {
    eta: sequence.number("eta", 0),
    source: name,
  });
  scheduler.setTimesteps(sequence.number("num_inference_steps"));
  if (sequence.has("init_noise_sigma")) {
    const sigma = sequence.number("init_noise_sigma");
    checks.close("init_noise_sigma", [scheduler.initNoiseSigma], [sigma], file.rule);
  }
  checkTimesteps(checks, "timesteps (JSON)", scheduler.timesteps, sequence.numbers("timesteps"));
  const computed = sample(file, name, scheduler);
  // Steps from pure noise may cancel most of it, so the scale is the largest value of the whole sequence.
  const largest = file.floats(`${name}/samples`).reduce((found, value) => Math.max(found, Math.abs(value)), 0);
  for (const [tensor, { values }] of file.withPrefix(`${name}/`)) {
    if (tensor === "init" || tensor === "noise") continue;
    const got = computed[tensor];
    if (got === undefined) throw new Error(`schedulers have no "${tensor}"`);
    if (tensor === "timesteps") checkTimesteps(checks, tensor, got, values);
    else if (tensor === "sigmas") checks.close(tensor, got, values, file.rule);
    else checks.close(tensor, got, values, { ...file.rule, leastScale: largest });
  }
}

/** The whole sequence, with the model `fa * input + fb * t / 1000`. */
function sample(file: TensorCase, name: string, scheduler: Scheduler): Record<string, ArrayLike<number> | undefined> {
  const fa = file.fields.number("fa");
  const fb = file.fields.number("fb");
  const initial = file.floats(`${name}/init`);
  const noises = file.tensors.has(`${name}/noise`) ? file.floats(`${name}/noise`) : undefined;
  let current: Float32Array = initial.map((value) => value * scheduler.initNoiseSigma);
  const samples = [...current];
  const scaledInputs: number[] = [];
  const denoised: number[] = [];
  for (const [i, timestep] of scheduler.timesteps.entries()) {
    const scaled = scheduler.scaleModelInput(current, i);
    const output = scaled.map((value) => fa * value + (fb * timestep) / 1000);
    const noise = noises && (() => noises.subarray(i * initial.length, (i + 1) * initial.length));
    const step = scheduler.step(output, i, current, noise);
    current = step.prevSample;
    samples.push(...current);
    scaledInputs.push(...scaled);
    denoised.push(...(step.predOriginalSample ?? []));
  }
  return {
    samples,
    timesteps: scheduler.timesteps,
    sigmas: scheduler.sigmas,
    scaled_inputs: scaledInputs,
    denoised,
  };
}

function addNoise(file: TensorCase, addition: Fields, checks: Checks): void {
  const className = addition.string("scheduler");
  const original = file.floats("add_noise/original_samples");
  const noise = file.floats("add_noise/noise");
  const timesteps = addition.numbers("timesteps");
  const config = addition.object("config").toJson();
  const schedule = new NoiseSchedule(config);
  let noisy: Float32Array;
  let velocityTimesteps = timesteps;
  if (addition.has("set_timesteps")) {
    const scheduler = createScheduler(className, config, { source: className });
    scheduler.setTimesteps(addition.number("set_timesteps"));
    const steps = timesteps.map((timestep) => {
      const step = scheduler.timesteps.indexOf(timestep);
      if (step < 0) throw new Error(`${timestep} is not among the timesteps ${scheduler.timesteps.join(", ")}`);
      return step;
    });
    noisy = scheduler.addNoise(original, noise, steps);
    // diffusers' scheduling_euler_discrete.py, get_velocity, looks the number of the step up where a training timestep
    // is meant.
    velocityTimesteps = steps;
  } else {
    noisy = schedule.addNoise(original, noise, timesteps);
  }
  checks.close("noisy", noisy, file.floats(`add_noise/${className}/noisy`), file.rule);
  if (!addition.boolean("has_velocity", false)) return;
  const velocity = schedule.velocity(original, noise, velocityTimesteps);
  checks.close("velocity", velocity, file.floats(`add_noise/${className}/velocity`), file.rule);
}

const zeroSnrSuffix = "_zero_snr";

/** @param schedule a beta schedule, perhaps rescaled to zero terminal SNR, which its name says. */
function compareTables(file: TensorCase, schedule: string, configs: readonly Fields[], checks: Checks): void {
  const betaSchedule = schedule.endsWith(zeroSnrSuffix) ? schedule.slice(0, -zeroSnrSuffix.length) : schedule;
  const config = configs.find((candidate) => candidate.optionalString("beta_schedule") === betaSchedule);
  const { betas, alphasCumprod } = new NoiseSchedule({
    ...config?.toJson(),
    beta_schedule: betaSchedule,
    rescale_betas_zero_snr: schedule.endsWith(zeroSnrSuffix),
  });
  const computed: Record<string, Float32Array | undefined> = { betas, alphas_cumprod: alphasCumprod };
  for (const [table, { values }] of file.withPrefix(`schedule/${schedule}/`)) {
    const got = computed[table];
    if (got === undefined) throw new Error(`a noise schedule has no table "${table}"`);
    checks.close(table, got, values, file.rule);
  }
}
