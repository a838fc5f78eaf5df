import { describe, expect, it } from "vitest";
import { Lora, loraDelta, type LoraLayer } from "../../src/adapters/lora.ts";
import {
  fullMatrix,
  stackedLayer,
  stackedLora,
  stackedRowsOfA,
  trainedIndices,
  trainedRank,
  weightChange,
} from "../../src/adapters/stacked-lora.ts";
import { TrainedNumbers } from "../../src/adapters/trained-numbers.ts";
import { RandomStream } from "../../src/random/random.ts";
import { failure } from "../io/failure.ts";

const WIDTH = 5;

/** Two layers with inputs of one width and outputs of several. */
function lora(rank: number, seed: number, inFeatures = [WIDTH, WIDTH]): Lora {
  const random = new RandomStream(seed, "stacked");
  return new Lora(
    [3, 7].map((outFeatures, i): LoraLayer => {
      const shape = { kind: "linear", rank, inFeatures: inFeatures[i], outFeatures, loraAlpha: rank / 2 } as const;
      const [loraA, loraB] = [random.normal(rank * inFeatures[i]), random.normal(outFeatures * rank)];
      return { component: "unet", module: `mid.${i}.to_k`, ...shape, loraA, loraB };
    }),
  );
}

function beginsWithIdentity({ inFeatures, loraA }: LoraLayer): boolean {
  const rows = loraA.subarray(0, inFeatures * inFeatures);
  return rows.every((value, i) => value === (i % (inFeatures + 1) === 0 ? 1 : 0));
}

const sum = (a: Float32Array, b: Float32Array) => a.map((value, i) => value + b[i]);

function expectClose(actual: Float32Array, expected: Float32Array): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], 5);
  });
}

describe("stackedLora", () => {
  const [fresh, carried] = [lora(2, 1), lora(3, 2)];
  const stacked = stackedLora(fresh, carried);

  it("changes the weights by what is carried and by what is new, as any LoRA of its layout does", () => {
    expect(stacked.form).toBe("stacked");
    expect(trainedRank(stacked)).toBe(2);
    stacked.layers.forEach((layer, i) => {
      const expected = sum(loraDelta(fresh.layers[i]), loraDelta(carried.layers[i]));
      expectClose(loraDelta(layer), expected);
      expectClose(weightChange(stacked, i), expected);
      expect(layer.loraAlpha / layer.rank).toBeCloseTo(0.5, 12);
    });
  });

  it("takes stacked and full adapters in, too", () => {
    const again = stackedLora(lora(1, 3), stacked);
    expect(trainedRank(again)).toBe(1);
    const full = fullMatrix(fresh, again);
    expect(trainedRank(full)).toBe(0);
    const back = stackedLora(lora(2, 4), full);
    expect(full.form).toBe("full");
    again.layers.forEach((_, i) => {
      const expected = sum(weightChange(stacked, i), loraDelta(lora(1, 3).layers[i]));
      expectClose(weightChange(again, i), expected);
      expectClose(loraDelta(full.layers[i]), expected);
      expectClose(weightChange(back, i), sum(expected, loraDelta(lora(2, 4).layers[i])));
    });
  });

  it("changes nothing but by the new LoRA if nothing is carried", () => {
    stackedLora(fresh).layers.forEach((layer, i) => {
      expectClose(loraDelta(layer), loraDelta(fresh.layers[i]));
    });
    expect(fullMatrix(fresh).layers.every(({ loraB }) => loraB.every((value) => value === 0))).toBe(true);
  });

  it("is taken apart into what it was made of", () => {
    fresh.layers.forEach((layer, i) => {
      const { a, b, matrix, scale } = stackedLayer(stacked, i, stacked.parameters);
      expect(a).toEqual(layer.loraA);
      expect(stackedRowsOfA(stacked, i, stacked.parameters)).toEqual(layer.loraA);
      expect(b).toEqual(layer.loraB);
      expectClose(
        matrix.map((value) => value * scale),
        loraDelta(carried.layers[i]),
      );
    });
  });

  it("refuses layers that read inputs of different widths", async () => {
    const uneven = lora(2, 1, [WIDTH, WIDTH + 1]);
    for (const make of [stackedLora, fullMatrix]) {
      const { message } = await failure(Promise.resolve().then(() => make(uneven)));
      expect(message).toContain("choose the targets crossattn-kv");
    }
  });
});

describe("trainedIndices", () => {
  const stacked = stackedLora(lora(2, 1), lora(3, 2));

  it("are all numbers of a low-rank adapter, and none of a frozen one", () => {
    expect(trainedIndices(lora(2, 1), "low-rank")).toBeUndefined();
    expect(trainedIndices(lora(2, 1), "frozen")).toHaveLength(0);
  });

  it("leave what a stacked adapter carries alone, and the identity of a full one", () => {
    const moved = stacked.withParameters(stacked.parameters);
    const indices = trainedIndices(moved, "stacked") ?? [];
    expect([...indices]).toEqual([...indices].sort((a, b) => a - b));
    for (const index of indices) moved.parameters[index] = 9;
    expect(moved.layers.every(beginsWithIdentity)).toBe(true);
    moved.layers.forEach((_, i) => {
      const { matrix, a, b } = stackedLayer(moved, i, moved.parameters);
      expect(matrix).toEqual(stackedLayer(stacked, i, stacked.parameters).matrix);
      expect([...a, ...b].every((value) => value === 9)).toBe(true);
    });
    const full = fullMatrix(lora(1, 1));
    for (const index of trainedIndices(full, "full") ?? []) full.parameters[index] = 9;
    expect(full.layers.every(beginsWithIdentity)).toBe(true);
    expect(full.layers.every(({ loraB }) => loraB.every((value) => value === 9))).toBe(true);
  });
});

describe("TrainedNumbers", () => {
  it("are the adapter's own array where all of it is trained", () => {
    const lowRank = lora(2, 1);
    const numbers = new TrainedNumbers(lowRank, "low-rank");
    expect(numbers.values).toBe(lowRank.parameters);
  });

  it.each([
    { form: "stacked", adapter: stackedLora(lora(2, 1), lora(3, 2)) },
    { form: "full", adapter: fullMatrix(lora(1, 1)) },
    { form: "frozen", adapter: lora(2, 1) },
  ] as const)("are taken out of an array and put back, and touch nothing else: $form", ({ form, adapter }) => {
    const { parameters } = adapter;
    const numbers = new TrainedNumbers(adapter, form);
    const before = parameters.slice();
    numbers.values.fill(9);
    expect(parameters).toEqual(before);
    numbers.putInto(parameters, numbers.values);
    expect(numbers.of(parameters)).toEqual(numbers.values);
    const changed = [...before.keys()].filter((i) => parameters[i] !== before[i]);
    expect(changed).toEqual([...(trainedIndices(adapter, form) ?? [])]);
    numbers.readFrom(before);
    expect(numbers.values).toEqual(numbers.of(before));
  });
});
