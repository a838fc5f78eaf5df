import { describe, expect, it } from "vitest";
import type { Lora } from "../../src/adapters/lora.ts";
import { stackedLayer, stackedLora, trainedIndices, weightChange } from "../../src/adapters/stacked-lora.ts";
import { selfRegularisation } from "../../src/strategies/c-lora.ts";
import { leadingDirections, secondMoment } from "../../src/numeric/directions.ts";
import { outputFisher, responsePenalty } from "../../src/strategies/parts/response-penalty.ts";
import type { Penalty } from "../../src/training/strategy.ts";
import { RandomStream } from "../../src/random/random.ts";
import { linearLora, numericGradient, SIZE, WIDTH } from "./linear-denoiser.ts";

/** A new LoRA of rank 2 on top of what one of rank 3 learned. */
const lora = stackedLora(linearLora(2, 5), linearLora(3, 6));
const { matrix, a, b, rank, scale } = stackedLayer(lora, 0, lora.parameters);

/** s B A: what the new LoRA adds. */
function addedChange(): number[] {
  return Array.from({ length: SIZE * WIDTH }, (_, i) => {
    const [row, column] = [Math.floor(i / WIDTH), i % WIDTH];
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += b[row * rank + k] * a[k * WIDTH + column];
    return scale * sum;
  });
}

function expectGradient(penalty: Penalty, { parameters }: Lora = lora, frozen = true): void {
  const expected = numericGradient(parameters, penalty.value);
  const gradient = new Float32Array(parameters.length).fill(1);
  penalty.addGradient(gradient, parameters);
  const trained = new Set(frozen ? trainedIndices(lora, "stacked") : parameters.keys());
  const magnitude = Math.max(...expected.map(Math.abs));
  expect(magnitude).toBeGreaterThan(0);
  gradient.forEach((value, i) => {
    // What is frozen may be left out: it is not trained.
    if (trained.has(i)) expect(Math.abs(value - 1 - expected[i])).toBeLessThan(1e-3 * magnitude);
    else expect(value).toBe(1);
  });
}

describe("C-LoRA's self-regularisation", () => {
  it("is λ ‖ |earlier change| ⊙ new change ‖²", () => {
    const expected = addedChange().reduce((sum, value, i) => sum + (scale * matrix[i] * value) ** 2, 0);
    expect(selfRegularisation(lora, 0.5).value(lora.parameters)).toBeCloseTo(0.5 * expected, 5);
  });

  it("has the gradient that central differences give", () => {
    expectGradient(selfRegularisation(lora, 0.5));
  });
});

describe("the penalty of responses to text embeddings", () => {
  const vectors = new RandomStream(1, "test").normal(7 * WIDTH);
  const moment = secondMoment([vectors.subarray(0, 3 * WIDTH), vectors.subarray(3 * WIDTH)], WIDTH);
  const directions = leadingDirections(moment, WIDTH, 1);
  const weights = new RandomStream(2, "test").normal(SIZE).map(Math.abs);
  const plain = { before: linearLora(2, 7), now: linearLora(2, 8) };
  const stacked = { before: stackedLora(linearLora(2, 5, false), linearLora(3, 6)), now: lora };

  it.each([
    { form: "a LoRA", ...plain },
    { form: "one on top of a matrix", ...stacked },
  ])("is λ times the mean of ω (ΔW e - ΔW_0 e)² over embeddings and outputs, of $form", ({ before, now }) => {
    const [from, to] = [before, now].map((each) => weightChange(each, 0));
    let sum = 0;
    for (let v = 0; v < 7; v++) {
      for (let row = 0; row < SIZE; row++) {
        let response = 0;
        for (let k = 0; k < WIDTH; k++) {
          response += (to[row * WIDTH + k] - from[row * WIDTH + k]) * vectors[v * WIDTH + k];
        }
        sum += weights[row] * response ** 2;
      }
    }
    const penalty = responsePenalty(before, directions, weights, 2);
    expect(penalty.value(now.parameters)).toBeCloseTo((2 * sum) / 7, 3);
    expect(penalty.value(before.parameters)).toBe(0);
  });

  it("has the gradient that central differences give", () => {
    expectGradient(responsePenalty(stacked.before, directions, weights, 2));
    expectGradient(responsePenalty(plain.before, directions, weights, 2), plain.now, false);
  });

  it("is blind to changes of A and B that leave what they do to the embeddings", () => {
    const { before } = plain;
    const penalty = responsePenalty(before, directions, weights, 2);
    const [{ rank }] = before.layers;
    // B / 2 and 2 A have the same product.
    const other = before.parameters.map((value, i) => (i < rank * WIDTH ? 2 * value : value / 2));
    expect(penalty.value(other)).toBeLessThan(1e-9);
  });

  it("has weights E[g²] of the outputs, where all samples see one embedding", () => {
    const { now } = plain;
    const [{ rank, loraA, loraAlpha }] = now.layers;
    const e = vectors.subarray(0, WIDTH);
    const gradients = [0, 1, 2].map((i) => new RandomStream(3, "gradient", i).normal(SIZE));
    const fisher = new Float32Array(now.parameters.length);
    for (const g of gradients) {
      for (let row = 0; row < SIZE; row++) {
        for (let k = 0; k < rank; k++) {
          let response = 0;
          for (let c = 0; c < WIDTH; c++) response += loraA[k * WIDTH + c] * e[c];
          fisher[rank * WIDTH + row * rank + k] += ((loraAlpha / rank) * g[row] * response) ** 2 / 3;
        }
      }
    }
    const own = leadingDirections(secondMoment([e], WIDTH), WIDTH, 1);
    outputFisher(now, now.parameters, fisher, own).forEach((value, row) => {
      expect(value).toBeCloseTo(
        gradients.reduce((sum, g) => sum + g[row] ** 2 / 3, 0),
        4,
      );
    });
  });
});
