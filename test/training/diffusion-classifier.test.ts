import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { DenoisingError } from "../../src/training/denoising-error.ts";
import {
  classify,
  crossEntropy,
  crossEntropyGradient,
  denoisingErrors,
  DRAWS_AT_ONCE,
  pairedDraws,
  posterior,
  type CandidateErrors,
  type Classification,
  type PairedDraw,
} from "../../src/training/diffusion-classifier.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";
import { openCase, rows, type GoldenCase } from "../diffusion/support.ts";
import { goldenLora, TINY_SD1 } from "../keepsake/support.ts";

const errorsOf = fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { minLength: 1, maxLength: 8 });
const temperature = fc.double({ min: 1e-2, max: 10, noNaN: true });

describe("pairedDraws", () => {
  it("visits evenly spaced timesteps, each once, and every beginning is spread over the schedule", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (count) => {
        const timesteps = pairedDraws(count, { numTrainTimesteps: 1000 }, 1, 0).map(({ timestep }) => timestep);
        const even = timesteps.map((_, i) => Math.floor(((i + 0.5) / count) * 1000));
        expect(timesteps.toSorted((a, b) => a - b)).toEqual(even);
        if (count < 8) return;
        const firstEight = timesteps.slice(0, 8);
        expect(Math.min(...firstEight)).toBeLessThan(400);
        expect(Math.max(...firstEight)).toBeGreaterThan(600);
      }),
    );
  });

  it("visits a part of the schedule alone, as evenly, with the same noise", () => {
    const draws = pairedDraws(40, { numTrainTimesteps: 1000 }, 2, 0, [0.1, 0.5]);
    const timesteps = draws.map(({ timestep }) => timestep).toSorted((a, b) => a - b);
    expect(timesteps.map((timestep) => Math.floor((timestep - 100) / 10))).toEqual(timesteps.map((_, i) => i));
    expect(draws[3].noise).toEqual(pairedDraws(40, { numTrainTimesteps: 1000 }, 2, 0)[3].noise);
  });

  it("draws the same noise for the same seed, whatever the count", () => {
    const draw = (count: number, seed: number) => pairedDraws(count, { numTrainTimesteps: 10 }, 4, seed)[1].noise;
    expect(draw(8, 1)).toEqual(draw(16, 1));
    expect(draw(8, 1)).not.toEqual(draw(8, 2));
  });
});

describe("posterior and cross-entropy", () => {
  it("are a softmax and its negative logarithm", () => {
    fc.assert(
      fc.property(errorsOf, temperature, (errors, tau) => {
        const probabilities = posterior(errors, tau);
        expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 10);
        errors.forEach((_, i) => {
          expect(Math.exp(-crossEntropy(errors, i, tau))).toBeCloseTo(probabilities[i], 10);
        });
      }),
    );
  });

  it("have the gradient that central differences give", () => {
    fc.assert(
      fc.property(errorsOf, temperature, (errors, tau) => {
        const gradient = crossEntropyGradient(errors, 0, tau);
        const step = 1e-5 * tau;
        errors.forEach((_, i) => {
          const moved = (by: number) => errors.map((error, j) => (i === j ? error + by : error));
          const slope = (crossEntropy(moved(step), 0, tau) - crossEntropy(moved(-step), 0, tau)) / (2 * step);
          expect(gradient[i] * tau).toBeCloseTo(slope * tau, 4);
        });
      }),
    );
  });

  it("a single candidate is certain, and has no gradient", () => {
    expect(posterior([0.3], 1e-3)).toEqual([1]);
    expect(crossEntropy([0.3], 0, 1e-3)).toBe(0);
    expect(crossEntropyGradient([0.3], 0, 1e-3)).toEqual([0]);
  });
});

describe("classify", () => {
  const draws: PairedDraw[] = pairedDraws(64, { numTrainTimesteps: 1000 }, 1, 3);
  /** Candidate i has the mean error i / 10; the noise of a draw is common to all but for a little. */
  const paired =
    (own: number, count: number[] = []): CandidateErrors =>
    (candidates, some) => {
      count.push(candidates.length * some.length);
      return Promise.resolve(
        candidates.map((candidate) =>
          some.map(({ noise }) => candidate / 10 + noise[0] + own * Math.sin(1e3 * noise[0] * (candidate + 1))),
        ),
      );
    };

  it("finds the candidate with the least error, though the common noise is ten times their difference", async () => {
    const { probabilities, errors } = await classify(5, draws, paired(0.05), { temperature: 0.02 });
    expect(Math.max(...probabilities)).toBe(probabilities[0]);
    expect(errors[4] - errors[0]).toBeCloseTo(0.4, 1);
  });

  it("gives up hopeless candidates early, and says how many evaluations were made", async () => {
    const counted: number[] = [];
    const adaptive = await classify(5, draws, paired(0.05, counted));
    const full = await classify(5, draws, paired(0.05), { giveUpAt: Infinity });
    expect(full.draws).toEqual([64, 64, 64, 64, 64]);
    expect(full.evaluations).toBe(5 * 64);
    expect(adaptive.evaluations).toBe(counted.reduce((sum, count) => sum + count, 0));
    expect(adaptive.evaluations).toBeLessThan(full.evaluations / 4);
    expect(adaptive.probabilities.indexOf(Math.max(...adaptive.probabilities))).toBe(0);
  });

  it("says how surely each candidate is behind the best one, and nothing of that after a single draw", async () => {
    const values = [
      [1, 2, 3, 4],
      [1, 4, 5, 6],
      [4, 5, 6, 7],
    ];
    const errorsOf: CandidateErrors = (candidates, some) =>
      Promise.resolve(candidates.map((candidate) => values[candidate].slice(0, some.length)));
    const all = await classify(3, draws.slice(0, 4), errorsOf, { giveUpAt: Infinity });
    expect(all.errors).toEqual([2.5, 4, 5.5]);
    // Paired differences of 0, 2, 2, 2 deviate by 1 from their mean: 1 / sqrt(4).
    expect(all.standardErrors).toEqual([0, 0.5, 0]);
    const single = await classify(3, draws.slice(0, 1), errorsOf);
    expect(single.standardErrors).toEqual([0, Infinity, Infinity]);
  });

  it("counts a candidate that was given up in the standard error that it would have after all draws", async () => {
    // Behind by 2 ± 1, so given up at the first look, where 2 is 3.5 standard errors.
    const errorsOf: CandidateErrors = (candidates, some) =>
      Promise.resolve(candidates.map((candidate) => some.map((_, i) => candidate * (i % 2 === 0 ? 1 : 3))));
    const two = await classify(2, draws, errorsOf);
    expect(two.draws).toEqual([DRAWS_AT_ONCE, DRAWS_AT_ONCE]);
    const deviation = Math.sqrt(DRAWS_AT_ONCE / (DRAWS_AT_ONCE - 1));
    expect(two.standardErrors[1]).toBeCloseTo(deviation / Math.sqrt(draws.length), 10);
    // On the way it is that of the draws so far.
    const soFar: number[] = [];
    const onLook = ({ standardErrors }: Classification) => soFar.push(standardErrors[1]);
    await classify(2, draws, errorsOf, { giveUpAt: 4, onLook });
    expect(soFar[0]).toBeCloseTo(deviation / Math.sqrt(DRAWS_AT_ONCE), 10);
  });

  it("ends as soon as those that are left settle the question", async () => {
    const looks: (readonly number[])[] = [];
    const isSettled = (left: readonly number[]) => {
      looks.push(left);
      return looks.length === 2;
    };
    const { evaluations } = await classify(2, draws, paired(0.05), { giveUpAt: Infinity, isSettled });
    expect(looks).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(evaluations).toBe(2 * 2 * DRAWS_AT_ONCE);
  });

  it("does not give up a candidate whose first differences happen to be alike, while those of the others are not", async () => {
    const alike = (draw: number) => (draw < DRAWS_AT_ONCE ? 0.1 : -0.5);
    const unlike = (draw: number) => 0.3 + (draw % 2 === 0 ? 0.4 : -0.4);
    const errorAt = [() => 0, alike, unlike, unlike];
    const errorsOf: CandidateErrors = (candidates, some) =>
      Promise.resolve(candidates.map((candidate) => some.map((draw) => errorAt[candidate](draws.indexOf(draw)))));
    const { draws: seen, errors } = await classify(4, draws, errorsOf);
    expect(seen[1]).toBeGreaterThan(DRAWS_AT_ONCE);
    expect(errors.indexOf(Math.min(...errors))).toBe(1);
  });

  it("refuses to choose among nothing", async () => {
    await expect(classify(0, draws, paired(0))).rejects.toThrow(RangeError);
    await expect(classify(1, [], paired(0))).rejects.toThrow(RangeError);
  });
});

describe("on the reference's model", () => {
  let golden: GoldenCase;
  let pipeline: StableDiffusionPipeline;

  beforeAll(async () => {
    golden = await openCase("classifier/diffusion-classifier");
    pipeline = await StableDiffusionPipeline.load(TINY_SD1);
  });

  it("has its errors, posterior and gradient, in batches that do not divide the number of evaluations", async () => {
    const lora = await goldenLora(golden, "init.");
    const schedule = new NoiseSchedule(pipeline.schedulerConfig);
    const latents = await golden.read("latent");
    const timesteps = await golden.numbers("timesteps");
    const noise = await golden.read("noise");
    const draws = timesteps.map((timestep, i) => ({
      timestep,
      noise: noise.subarray(i * latents.length, (i + 1) * latents.length),
    }));
    const tokenIds = rows(await golden.numbers("input_ids"), 3);
    const trainable = { adapter: lora, embeddings: new Float32Array() };
    const size = { height: 8, width: 16, learnedRows: 0 };

    const program = await DenoisingError.create(pipeline, lora, { ...size, batchSize: 4, derivatives: false });
    const evaluate = denoisingErrors(program, trainable, schedule, latents, tokenIds);
    const pairErrors = await evaluate([0, 1, 2], draws);
    await golden.expectClose("pair_errors", Float32Array.from(pairErrors.flat()));
    const result = await classify(3, draws, evaluate, { temperature: 1, giveUpAt: Infinity });
    await golden.expectClose("errors", Float32Array.from(result.errors));
    await golden.expectClose("posterior", Float32Array.from(result.probabilities));
    const scaled = posterior(result.errors, 1 / 25);
    await golden.expectClose("posterior_scaled", Float32Array.from(scaled));
    await program.dispose();

    // The gradient of the cross-entropy: every error's own gradient, weighted with the softmax residual.
    const weights = crossEntropyGradient(result.errors, 1, 1 / 25);
    const gradients = await DenoisingError.create(pipeline, lora, size);
    const total = new Float32Array(lora.parameters.length);
    for (const [candidate, ids] of tokenIds.entries()) {
      for (const { timestep, noise: own } of draws) {
        const batch = {
          noisyLatents: schedule.addNoise(latents, own, [timestep]),
          target: own,
          timesteps: [timestep],
          tokenIds: [ids],
          weights: [weights[candidate] / draws.length],
        };
        const { adapterGradient } = await gradients.run(batch, trainable);
        for (let i = 0; i < total.length; i++) total[i] += adapterGradient[i];
      }
    }
    await gradients.dispose();
    for (const { name, offset, length } of lora.slots) {
      const key = `grad_scaled.${name.replace(/^unet\./, "").replace(/\.weight$/, "")}`;
      await golden.expectClose(key, total.subarray(offset, offset + length), 1e-3);
    }
  });
});
