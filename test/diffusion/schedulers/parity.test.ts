/** @file Every step sequence, timestep table and noise schedule of the reference fixtures. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createScheduler, NoiseSchedule } from "../../../src/diffusion/schedulers/index.ts";
import { SafetensorsFile } from "../../../src/io/safetensors/safetensors.ts";

interface SequenceCase {
  readonly name: string;
  readonly scheduler: string;
  readonly num_inference_steps: number;
  readonly config: object;
  readonly eta: number | null;
  readonly init_noise_sigma: number;
  readonly timesteps: readonly number[];
  readonly noise_used_at_step: readonly boolean[] | null;
}

interface AddNoiseCase {
  readonly scheduler: string;
  readonly config: object;
  readonly timesteps: readonly number[];
  readonly set_timesteps: number | null;
  readonly has_velocity: boolean;
}

interface TimestepsRow {
  readonly scheduler: string;
  readonly timestep_spacing: string;
  readonly use_karras_sigmas: boolean;
  readonly num_inference_steps: number;
  readonly timesteps: readonly number[];
  readonly sigmas?: readonly number[];
}

const folder = new URL("../../fixtures/schedulers/", import.meta.url);
const readFixture = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), "utf8"));

interface Sequences {
  readonly fa: number;
  readonly fb: number;
  readonly tolerance: { readonly value: number };
  readonly cases: readonly SequenceCase[];
}

const fixture = readFixture("schedulers.json") as Sequences & { readonly add_noise: readonly AddNoiseCase[] };
const more = readFixture("schedulers-more.json") as Sequences;
const { table } = readFixture("timesteps.json") as { readonly table: readonly TimestepsRow[] };
const openFixture = (name: string) => SafetensorsFile.open(fileURLToPath(new URL(name, folder)));
const tensors = await openFixture("schedulers.safetensors");
const moreTensors = await openFixture("schedulers-more.safetensors");

/** max |got - reference| / max |reference|; NaN counts as infinite. */
function relativeError(got: Float32Array, reference: Float32Array): number {
  expect(got.length).toBe(reference.length);
  const largest = reference.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const error = got.reduce((max, value, i) => {
    const difference = Math.abs(value - reference[i]);
    return Number.isNaN(difference) ? Infinity : Math.max(max, difference);
  }, 0);
  return error / largest;
}

describe.each([
  [fixture, tensors],
  [more, moreTensors],
])("step sequences", (fixture, tensors) => {
  it.each(fixture.cases)("$name", async (sequence) => {
    const { name, eta } = sequence;
    const scheduler = createScheduler(sequence.scheduler, sequence.config, eta === null ? {} : { eta });
    scheduler.setTimesteps(sequence.num_inference_steps);
    expect(scheduler.timesteps.length).toBe(sequence.timesteps.length);
    scheduler.timesteps.forEach((timestep, i) => {
      expect(timestep).toBeCloseTo(sequence.timesteps[i], 3);
    });
    expect(scheduler.initNoiseSigma).toBeCloseTo(sequence.init_noise_sigma, 5);
    if (tensors.has(`${name}/sigmas`)) {
      const sigmas = scheduler.sigmas ?? new Float32Array();
      expect(relativeError(sigmas, await tensors.readFloat32(`${name}/sigmas`))).toBeLessThan(1e-6);
    }

    const init = await tensors.readFloat32(`${name}/init`);
    const noise = tensors.has(`${name}/noise`) ? await tensors.readFloat32(`${name}/noise`) : undefined;
    let sample = init.map((value) => value * scheduler.initNoiseSigma);
    const samples = [sample];
    const scaledInputs: Float32Array[] = [];
    const denoised: Float32Array[] = [];
    for (const [i, timestep] of scheduler.timesteps.entries()) {
      const input = scheduler.scaleModelInput(sample, i);
      const modelOutput = input.map((value) => fixture.fa * value + (fixture.fb * timestep) / 1000);
      const result = scheduler.step(modelOutput, i, sample, () => {
        expect(sequence.noise_used_at_step?.[i]).toBe(true);
        return (noise ?? new Float32Array()).slice(i * init.length, (i + 1) * init.length);
      });
      sample = new Float32Array(result.prevSample);
      samples.push(sample);
      scaledInputs.push(input);
      denoised.push(result.predOriginalSample ?? new Float32Array());
    }
    const tolerance = fixture.tolerance.value / 10; // the reference is good to 1e-6
    const outputs = { samples, scaled_inputs: scaledInputs, denoised };
    for (const [output, parts] of Object.entries(outputs)) {
      if (!tensors.has(`${name}/${output}`)) continue;
      const got = Float32Array.from(parts.flatMap((part) => Array.from(part)));
      expect(relativeError(got, await tensors.readFloat32(`${name}/${output}`)), output).toBeLessThan(tolerance);
    }
  });
});

describe("timesteps and sigmas", () => {
  const common = {
    num_train_timesteps: 1000,
    beta_start: 0.00085,
    beta_end: 0.012,
    beta_schedule: "scaled_linear",
    steps_offset: 1,
    skip_prk_steps: true,
  };
  const names = [...new Set(table.map((row) => row.scheduler))];
  it.each(names)("%s", (name) => {
    for (const row of table.filter((candidate) => candidate.scheduler === name)) {
      const { timestep_spacing, use_karras_sigmas } = row;
      const scheduler = createScheduler(name, { ...common, timestep_spacing, use_karras_sigmas });
      scheduler.setTimesteps(row.num_inference_steps);
      expect(scheduler.timesteps.length).toBe(row.timesteps.length);
      row.timesteps.forEach((timestep, i) => {
        const tolerance = name.startsWith("Euler") ? 2e-3 : 0;
        expect(Math.abs(scheduler.timesteps[i] - timestep)).toBeLessThanOrEqual(tolerance);
      });
      row.sigmas?.forEach((sigma, i) => {
        expect(Math.abs((scheduler.sigmas?.[i] ?? NaN) - sigma)).toBeLessThanOrEqual(1e-5 * sigma);
      });
    }
  });
});

describe("noise schedule", () => {
  const config = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: "scaled_linear" };

  it("has the betas and cumulative alphas of the reference", async () => {
    const schedule = new NoiseSchedule(config);
    expect(relativeError(schedule.betas, await tensors.readFloat32("schedule/scaled_linear/betas"))).toBeLessThan(2e-7);
    const reference = await tensors.readFloat32("schedule/scaled_linear/alphas_cumprod");
    expect(relativeError(schedule.alphasCumprod, reference)).toBeLessThan(2e-7);
  });

  it("reaches exactly zero signal when rescaled to zero terminal SNR", async () => {
    const schedule = new NoiseSchedule({ ...config, rescale_betas_zero_snr: true });
    const reference = await tensors.readFloat32("schedule/scaled_linear_zero_snr/alphas_cumprod");
    expect(relativeError(schedule.alphasCumprod, reference)).toBeLessThan(1e-6);
    expect(schedule.alphasCumprod.at(-1)).toBe(0);
  });

  it.each(fixture.add_noise)("noise and velocity of $scheduler", async (addNoise) => {
    const original = await tensors.readFloat32("add_noise/original_samples");
    const noise = await tensors.readFloat32("add_noise/noise");
    const reference = await tensors.readFloat32(`add_noise/${addNoise.scheduler}/noisy`);
    const scheduler = createScheduler(addNoise.scheduler, { ...addNoise.config, skip_prk_steps: true });
    // The samplers in σ know the noise levels of their own steps; for the others every training timestep can be noised.
    let timesteps = addNoise.timesteps;
    let noisy: Float32Array;
    if (addNoise.set_timesteps === null) {
      noisy = scheduler.noiseSchedule.addNoise(original, noise, timesteps);
    } else {
      scheduler.setTimesteps(addNoise.set_timesteps);
      const steps = timesteps.map((timestep) => scheduler.timesteps.indexOf(timestep));
      noisy = scheduler.addNoise(original, noise, steps);
      // diffusers' EulerDiscreteScheduler.get_velocity looks ᾱ up by the index of the step instead of its timestep.
      timesteps = steps;
    }
    expect(relativeError(noisy, reference)).toBeLessThan(1e-6);
    if (!addNoise.has_velocity) return;
    const velocity = scheduler.noiseSchedule.velocity(original, noise, timesteps);
    const expected = await tensors.readFloat32(`add_noise/${addNoise.scheduler}/velocity`);
    expect(relativeError(velocity, expected)).toBeLessThan(1e-6);
  });
});
