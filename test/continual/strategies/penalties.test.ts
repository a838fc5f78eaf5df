import { describe, expect, it } from "vitest";
import { stackedLayer, stackedLora, trainedIndices } from "../../../src/adapters/stacked-lora.ts";
import { selfRegularisation } from "../../../src/continual/strategies/c-lora.ts";
import { secondMoment } from "../../../src/continual/strategies/directions.ts";
import { responsePenalty } from "../../../src/continual/strategies/kv-nullspace.ts";
import type { Penalty } from "../../../src/continual/strategies/strategy.ts";
import { RandomStream } from "../../../src/random/random.ts";
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

function expectGradient(penalty: Penalty): void {
  const expected = numericGradient(lora.parameters, penalty.value);
  const gradient = new Float32Array(lora.parameters.length).fill(1);
  penalty.addGradient(gradient, lora.parameters);
  const trained = new Set(trainedIndices(lora, "stacked"));
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

describe("kv-nullspace's penalty", () => {
  const vectors = new RandomStream(1, "test").normal(7 * WIDTH);
  const moment = secondMoment([vectors.subarray(0, 3 * WIDTH), vectors.subarray(3 * WIDTH)], WIDTH);

  it("is λ times the mean of ‖ΔW e‖² over the protected embeddings", () => {
    const change = addedChange();
    let sum = 0;
    for (let v = 0; v < 7; v++) {
      for (let row = 0; row < SIZE; row++) {
        let response = 0;
        for (let k = 0; k < WIDTH; k++) response += change[row * WIDTH + k] * vectors[v * WIDTH + k];
        sum += response ** 2;
      }
    }
    expect(responsePenalty(lora, moment, 2).value(lora.parameters)).toBeCloseTo((2 * sum) / 7, 4);
  });

  it("has the gradient that central differences give", () => {
    expectGradient(responsePenalty(lora, moment, 2));
  });
});
