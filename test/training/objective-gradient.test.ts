import { describe, expect, it } from "vitest";
import type { Trainable } from "../../src/training/denoising-error.ts";
import { crossEntropy, posterior } from "../../src/training/diffusion-classifier.ts";
import { objectiveGradient, type StepItem } from "../../src/training/objective-gradient.ts";
import { classifierObjective } from "../../src/strategies/parts/candidates.ts";
import { distillationObjective, type DistillationOptions } from "../../src/strategies/parts/distillation.ts";
import { klDivergence } from "../../src/training/prediction-loss.ts";
import { DENOISING, type Objective } from "../../src/training/strategy.ts";
import { RandomStream } from "../../src/random/random.ts";
import {
  LinearDenoiser,
  linearLora,
  meanSquare,
  numericGradient,
  SIZE,
  VOCABULARY,
  WIDTH,
} from "../strategies/linear-denoiser.ts";

const TEMPERATURE = 0.8;
const normal = (purpose: string, count: number) => new RandomStream(3, "test", purpose).normal(count);
const embeddings = (purpose: string) => normal(purpose, 4 * WIDTH);

const student: Trainable = { adapter: linearLora(2, 1), embeddings: embeddings("student") };
const old: Trainable = { adapter: linearLora(2, 2), embeddings: student.embeddings };
const fresh: Trainable = { adapter: linearLora(2, 3), embeddings: embeddings("teacher") };

/** Two photos, each under the new token, the class noun and two earlier tokens. */
const items: StepItem[] = [0, 1].map((i) => ({
  noisyLatents: normal(`latents ${i}`, SIZE),
  target: normal(`noise ${i}`, SIZE),
  timestep: 200 + 500 * i,
  prompts: [[VOCABULARY + 2], [1 + i], [VOCABULARY], [VOCABULARY + 1]],
}));
const one = items.map((item) => ({ ...item, prompts: item.prompts.slice(0, 1) }));

/** Predictions of every photo under every prompt, in float64. */
function predictAll(of: readonly StepItem[], trainable: Trainable): number[][][] {
  const model = new LinearDenoiser();
  return of.map((item) => item.prompts.map((tokenIds) => model.predict({ ...item, tokenIds }, trainable)));
}

async function expectGradient(
  objective: Objective,
  of: readonly StepItem[],
  formula: (item: StepItem, own: readonly number[][], index: number) => number,
) {
  const model = new LinearDenoiser();
  const result = await objectiveGradient(objective, of, model, student, { old, new: fresh });
  const at = (trainable: Trainable) =>
    predictAll(of, trainable).reduce((sum, own, i) => sum + formula(of[i], own, i) / of.length, 0);
  const expectClose = (actual: Float32Array, expected: number[]) => {
    const magnitude = Math.max(...expected.map(Math.abs));
    actual.forEach((value, i) => {
      expect(Math.abs(value - expected[i])).toBeLessThan(1e-3 * magnitude);
    });
  };
  const byLora = (parameters: Float32Array) => at({ ...student, adapter: student.adapter.withParameters(parameters) });
  expectClose(result.adapterGradient, numericGradient(student.adapter.parameters, byLora));
  expectClose(
    result.embeddingsGradient,
    numericGradient(student.embeddings, (values) => at({ ...student, embeddings: values })),
  );
  const denoising = predictAll(of, student).map((own, i) => meanSquare(own[0], of[i].target));
  expect(result.denoisingError).toBeCloseTo((denoising[0] + denoising[1]) / 2, 5);
  expect(result.evaluations).toEqual(model.counts);
  return result;
}

describe("objectiveGradient", () => {
  it("of plain denoising is the denoising error's, in one evaluation for each photo", async () => {
    const result = await expectGradient(DENOISING, one, ({ target }, own) => meanSquare(own[0], target));
    expect(result.evaluations).toEqual({ forward: 0, forwardBackward: 2 });
  });

  it("counts each photo by its weight, and each pixel by the photo's mask", async () => {
    const mask = normal("mask", SIZE / 2).map(Math.abs);
    const weighted = one.map((item, i) => ({ ...item, weight: i === 0 ? 0.3 : 0, ...(i === 0 && { mask }) }));
    const result = await expectGradient(DENOISING, weighted, ({ target, weight = 1 }, own, index) => {
      const errors = own[0].map((value, k) => (index === 0 ? mask[k % mask.length] : 1) * (value - target[k]) ** 2);
      return (weight * errors.reduce((sum, error) => sum + error, 0)) / SIZE;
    });
    // A mask needs to know what is predicted where the loss does not count.
    expect(result.evaluations).toEqual({ forward: 2, forwardBackward: 2 });
  });

  it("needs a term for what is learned", async () => {
    const nothing: Objective = { candidates: 1, addTerms: () => undefined };
    const others: Objective = { candidates: 4, addTerms: (loss) => loss.addSquaredError(2, 1) };
    for (const [objective, of] of [[nothing, one] as const, [others, items] as const]) {
      const gradient = objectiveGradient(objective, of, new LinearDenoiser(), student, {});
      await expect(gradient).rejects.toThrow("no term for prompt 0");
    }
  });

  it("with the classifier's cross-entropy is that of the formula", async () => {
    const objective = classifierObjective({ candidates: 4, temperature: TEMPERATURE });
    const result = await expectGradient(objective, items, ({ target }, own) => {
      const errors = own.map((prediction) => meanSquare(prediction, target));
      return errors[0] + crossEntropy(errors, 0, TEMPERATURE);
    });
    expect(result.evaluations).toEqual({ forward: 8, forwardBackward: 8 });
  });

  it("with a single candidate is plain denoising, to the last bit", async () => {
    const objective = classifierObjective({ candidates: 1, temperature: TEMPERATURE });
    const [scored, plain] = await Promise.all(
      [objective, DENOISING].map((each) => objectiveGradient(each, one, new LinearDenoiser(), student, {})),
    );
    expect(scored).toEqual(plain);
  });

  const options: DistillationOptions = {
    ...{ alpha: 0.7, beta: 0.4, eta: 0.3, candidates: 4, temperature: TEMPERATURE },
    ...{ "teacher-start": "previous", "student-token": "teacher" },
  };
  const distilled = (
    { alpha, beta, eta }: DistillationOptions,
    { target }: StepItem,
    own: readonly number[][],
    index: number,
  ): number => {
    const [byOld, byNew] = [predictAll(items, old)[index], predictAll(items, fresh)[index]];
    const scores = (predictions: readonly number[][], prompts: readonly number[]) =>
      posterior(
        prompts.map((prompt) => meanSquare(predictions[prompt], target)),
        TEMPERATURE,
      );
    const divergence = (teacher: readonly number[][], prompts: readonly number[]) =>
      klDivergence(scores(teacher, prompts), scores(own, prompts));
    return (
      meanSquare(own[0], target) +
      alpha * [1, 2, 3].reduce((sum, prompt) => sum + meanSquare(own[prompt], byOld[prompt]), 0) +
      beta * meanSquare(own[0], byNew[0]) +
      eta * (divergence(byOld, [1, 2, 3]) + divergence(byNew, [0, 1, 2, 3]))
    );
  };

  it("of double distillation is that of the formula", async () => {
    const result = await expectGradient(distillationObjective(options), items, (...args) =>
      distilled(options, ...args),
    );
    // Old teacher: 3 prompts, new teacher: 4, student: 4, for two photos.
    expect(result.evaluations).toEqual({ forward: 2 * (3 + 4 + 4), forwardBackward: 2 * 4 });
  });

  it("of double distillation without scores asks the new teacher about its own prompt only, and the student for nothing first", async () => {
    const plain = { ...options, eta: 0 };
    const result = await expectGradient(distillationObjective(plain), items, (...args) => distilled(plain, ...args));
    expect(result.evaluations).toEqual({ forward: 2 * (3 + 1), forwardBackward: 2 * 4 });
  });

  it("of a student that is both its teachers is that of denoising alone", async () => {
    const teachers = { old: student, new: student };
    const objective = distillationObjective(options);
    const distilling = await objectiveGradient(objective, items, new LinearDenoiser(), student, teachers);
    const plain = await objectiveGradient(DENOISING, items, new LinearDenoiser(), student, {});
    const magnitude = Math.max(...plain.adapterGradient.map(Math.abs));
    distilling.adapterGradient.forEach((value, i) => {
      expect(Math.abs(value - plain.adapterGradient[i])).toBeLessThan(1e-5 * magnitude);
    });
  });
});
