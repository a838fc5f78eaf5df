import { describe, expect, it } from "vitest";
import { createDora, Dora } from "../../src/adapters/dora.ts";
import { createLora } from "../../src/adapters/lora.ts";
import { RandomStream } from "../../src/random/random.ts";
import { tinySd1 } from "./tiny-sd1.ts";
import {
  differences,
  IN,
  LAYER,
  lossOf,
  normal,
  OUT,
  outputOf,
  RANK,
  runToy,
  runToyOnImage,
  WEIGHT,
} from "./toy-layer.ts";

const ALPHA = 5;

const dora = (loraB = normal("B", OUT * RANK), magnitude = normal("m", OUT)): Dora =>
  new Dora([{ ...LAYER, loraAlpha: ALPHA, loraA: normal("A", RANK * IN), loraB, magnitude }]);

/** W + strength * alpha / rank * B A in float64, with the parameters A, B, m. */
function direction(parameters: ArrayLike<number>, strength = 1): number[] {
  return Array.from(WEIGHT, (value, i) => {
    const [row, column] = [Math.floor(i / IN), i % IN];
    let change = 0;
    for (let k = 0; k < RANK; k++) change += parameters[RANK * IN + row * RANK + k] * parameters[k * IN + column];
    return value + ((strength * ALPHA) / RANK) * change;
  });
}

function rowNorms(weight: readonly number[]): number[] {
  return Array.from({ length: OUT }, (_, row) => Math.hypot(...weight.slice(row * IN, (row + 1) * IN)));
}

/** m (W + ΔW) / ‖W + ΔW‖, with a norm of its own where it is held fast. */
function doraWeight(parameters: ArrayLike<number>, strength = 1, norms?: readonly number[]): number[] {
  const changed = direction(parameters, strength);
  const lengths = norms ?? rowNorms(changed);
  const m = (row: number) => parameters[RANK * IN + OUT * RANK + row];
  return changed.map((value, i) => (m(Math.floor(i / IN)) * value) / lengths[Math.floor(i / IN)]);
}

function expectClose(actual: Float32Array, expected: readonly number[], digits = 4): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], digits);
  });
}

describe("Dora", () => {
  it("makes m (W + ΔW) / ‖W + ΔW‖ of the weight and leaves the bias, on tokens and on images", async () => {
    const adapter = dora();
    const expected = outputOf(doraWeight(adapter.parameters));
    expectClose((await runToy(adapter)).y, expected);
    expectClose(await runToyOnImage(adapter), expected);
    expectClose((await runToy(adapter, { scale: 0.5 })).y, outputOf(doraWeight(adapter.parameters, 0.5)));
  });

  it("has the derivatives that differences show with the norm held fast", async () => {
    const adapter = dora();
    const { gradient } = await runToy(adapter);
    const norms = rowNorms(direction(adapter.parameters));
    const expected = differences(adapter.parameters, (p) => lossOf(outputOf(doraWeight(p, 1, norms))));
    expectClose(gradient, expected, 3);
    const through = differences(adapter.parameters, (p) => lossOf(outputOf(doraWeight(p))));
    expect(Math.max(...through.map((value, i) => Math.abs(value - expected[i])))).toBeGreaterThan(0.1);
  });

  it("lists A, B and m of each layer", () => {
    expect(dora().slots.map(({ name, shape }) => [name, shape])).toEqual([
      ["unet.to_k.lora_A.weight", [RANK, IN]],
      ["unet.to_k.lora_B.weight", [OUT, RANK]],
      ["unet.to_k.lora_magnitude_vector", [OUT]],
    ]);
  });
});

describe("createDora", () => {
  it("begins with a LoRA's A and B and the norm of each row, which changes nothing", async () => {
    const random = () => new RandomStream(1, "lora");
    const weightOf = (module: string, count: number) => new RandomStream(2, module).normal(count);
    const sizeOf = (module: string) => {
      const { inFeatures = 0, outFeatures = 0 } = tinySd1.unet?.get(module) ?? {};
      return inFeatures * outFeatures;
    };
    const options = { rank: 4, loraAlpha: 8, random: random() };
    const adapter = await createDora(tinySd1, options, (_, module) =>
      Promise.resolve(weightOf(module, sizeOf(module))),
    );
    const lora = createLora(tinySd1, { ...options, random: random() });
    expect(adapter.layers).toHaveLength(32);
    adapter.layers.forEach(({ module, loraA, loraB, magnitude, inFeatures }, i) => {
      expect(loraA).toEqual(lora.layers[i].loraA);
      expect(loraB).toEqual(lora.layers[i].loraB);
      const weight = weightOf(module, sizeOf(module));
      const norm = Math.hypot(...weight.subarray(0, inFeatures));
      expect(Math.abs(magnitude[0] - norm)).toBeLessThan(1e-6 * norm);
    });
    const { y, plain } = await runToy(dora(new Float32Array(OUT * RANK), Float32Array.from(rowNorms([...WEIGHT]))));
    expectClose(y, [...plain], 5);
  });
});
