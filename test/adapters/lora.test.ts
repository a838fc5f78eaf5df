import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLora, Lora, loraDelta, type LoraLayer } from "../../src/adapters/lora.ts";
import { RandomStream } from "../../src/random/random.ts";
import { tinySd1 } from "./tiny-sd1.ts";

const layer = (module: string, rest: Partial<LoraLayer> = {}): LoraLayer => ({
  component: "unet",
  module,
  kind: "linear",
  rank: 1,
  inFeatures: 2,
  outFeatures: 1,
  loraAlpha: 1,
  loraA: Float32Array.of(1, 2),
  loraB: Float32Array.of(3),
  ...rest,
});

describe("createLora", () => {
  const lora = createLora(tinySd1, { rank: 4, random: new RandomStream(1, "lora") });

  it("adapts the default targets with alpha = rank", () => {
    expect(lora.layers).toHaveLength(32);
    expect(lora.layers.every((one) => one.rank === 4 && one.loraAlpha === 4)).toBe(true);
  });

  it("changes nothing at first: B is zero, A uniform in +-1/sqrt(in)", () => {
    for (const one of lora.layers) {
      expect(one.loraB.every((value) => value === 0)).toBe(true);
      expect(loraDelta(one).every((value) => value === 0)).toBe(true);
      const bound = 1 / Math.sqrt(one.inFeatures);
      expect(one.loraA.every((value) => Math.abs(value) <= bound)).toBe(true);
    }
    const all = lora.layers.flatMap((one) => Array.from(one.loraA, (value) => value * Math.sqrt(one.inFeatures)));
    const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
    const variance = all.reduce((sum, value) => sum + value * value, 0) / all.length;
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(variance).toBeCloseTo(1 / 3, 1);
  });

  it("draws the same numbers from the same stream", () => {
    const again = createLora(tinySd1, { rank: 4, random: new RandomStream(1, "lora") });
    const other = createLora(tinySd1, { rank: 4, random: new RandomStream(2, "lora") });
    expect(again.parameters).toEqual(lora.parameters);
    expect(other.parameters).not.toEqual(lora.parameters);
  });

  it("refuses ranks and alphas that make no sense", () => {
    const create = (rank: number, loraAlpha?: number) => () =>
      createLora(tinySd1, { rank, loraAlpha, random: new RandomStream(1) });
    for (const rank of [0, -1, 1.5, Number.NaN]) expect(create(rank)).toThrow("LoRA rank must be a whole number");
    for (const alpha of [0, -1, Number.NaN, Infinity]) expect(create(4, alpha)).toThrow("LoRA alpha must be");
  });
});

describe("Lora", () => {
  it("keeps all numbers in one array, in an order that does not depend on the order given", () => {
    const text = layer("a", { component: "text_encoder", loraB: Float32Array.of(9) });
    const layers = [text, layer("b.10"), layer("b.2", { loraB: Float32Array.of(7) })];
    const lora = new Lora(layers);
    expect(lora.layers.map(({ component, module }) => `${component}.${module}`)).toEqual([
      "unet.b.10",
      "unet.b.2",
      "text_encoder.a",
    ]);
    expect(lora.parameters).toEqual(Float32Array.of(1, 2, 3, 1, 2, 7, 1, 2, 9));
    expect(new Lora(layers.reverse()).parameters).toEqual(lora.parameters);
  });

  it("names every A and B and says where it lies", () => {
    const lora = new Lora([layer("b"), layer("a")]);
    expect(lora.slots).toEqual([
      { name: "unet.a.lora_A.weight", shape: [1, 2], offset: 0, length: 2 },
      { name: "unet.a.lora_B.weight", shape: [1, 1], offset: 2, length: 1 },
      { name: "unet.b.lora_A.weight", shape: [1, 2], offset: 3, length: 2 },
      { name: "unet.b.lora_B.weight", shape: [1, 1], offset: 5, length: 1 },
    ]);
  });

  it("shares the array with its layers, but not with what it was made from", () => {
    const original = layer("a");
    const lora = new Lora([original]);
    lora.parameters[0] = 5;
    expect(lora.layers[0].loraA[0]).toBe(5);
    expect(original.loraA[0]).toBe(1);
    const copy = lora.withParameters(Float32Array.of(7, 8, 9));
    expect(copy.layers[0].loraB[0]).toBe(9);
    expect(lora.layers[0].loraB[0]).toBe(3);
  });

  it("gathers arrays by name into one of its layout", () => {
    const lora = new Lora([layer("a"), layer("b")]);
    const gradients = new Map(lora.slots.map(({ name, length }, i) => [name, new Float32Array(length).fill(i)]));
    expect(lora.flatten((name) => gradients.get(name))).toEqual(Float32Array.of(0, 0, 1, 2, 2, 3));
    expect(() => lora.flatten(() => undefined)).toThrow("unet.a.lora_A.weight");
  });

  it("refuses arrays of the wrong size and layers that appear twice", () => {
    expect(() => new Lora([layer("a", { loraB: Float32Array.of(1, 2) })])).toThrow(RangeError);
    expect(() => new Lora([layer("a"), layer("a")])).toThrow(RangeError);
    expect(() => new Lora([layer("a")]).withParameters(Float32Array.of(1))).toThrow(RangeError);
  });
});

describe("loraDelta", () => {
  it("is alpha / rank times B A", () => {
    const one = layer("a", {
      rank: 2,
      outFeatures: 2,
      loraAlpha: 1,
      loraA: Float32Array.of(1, 2, 3, 4),
      loraB: Float32Array.of(1, 0, 1, 1),
    });
    expect(loraDelta(one)).toEqual(Float32Array.of(0.5, 1, 2, 3));
  });

  it("is linear in alpha and in B", () => {
    const whole = fc.integer({ min: -8, max: 8 });
    fc.assert(
      fc.property(fc.array(whole, { minLength: 12, maxLength: 12 }), whole, (values, factor) => {
        const base = layer("a", {
          rank: 2,
          inFeatures: 3,
          outFeatures: 3,
          loraA: Float32Array.from(values.slice(0, 6)),
          loraB: Float32Array.from(values.slice(6)),
        });
        const scaled = loraDelta(base).map((value) => value * factor + 0);
        expect(loraDelta({ ...base, loraAlpha: factor }).map((value) => value + 0)).toEqual(scaled);
        const loraB = base.loraB.map((value) => value * factor);
        expect(loraDelta({ ...base, loraB }).map((value) => value + 0)).toEqual(scaled);
      }),
    );
  });
});
