import { describe, expect, it } from "vitest";
import type { Lora } from "../../src/adapters/lora.ts";
import { createLora, loraDelta } from "../../src/adapters/lora.ts";
import { reducedLora } from "../../src/adapters/reduced-lora.ts";
import { fullMatrix, stackedLora, weightChange } from "../../src/adapters/stacked-lora.ts";
import { RandomStream } from "../../src/random/random.ts";
import { tinySd1 } from "./tiny-sd1.ts";

/** A LoRA on the cross-attention's keys and values, with B not zero. */
function lora(rank: number, seed: number): Lora {
  const made = createLora(tinySd1, { rank, loraAlpha: 3, random: new RandomStream(seed) });
  for (const { loraB, module } of made.layers) loraB.set(new RandomStream(seed, module).normal(loraB.length));
  return made;
}

/** ‖ΔW - ΔW'‖ / ‖ΔW‖ over all layers. */
function distance(a: Lora, b: Lora): number {
  let [lost, all] = [0, 0];
  a.layers.forEach((_, i) => {
    const [ours, theirs] = [weightChange(a, i), loraDelta(b.layers[i])];
    lost += ours.reduce((sum, value, k) => sum + (value - theirs[k]) ** 2, 0);
    all += ours.reduce((sum, value) => sum + value ** 2, 0);
  });
  return Math.sqrt(lost / all);
}

/** Three concepts of rank 2, as kv-nullspace carries them. */
const stacked = stackedLora(lora(2, 3), stackedLora(lora(2, 2), lora(2, 1)));

describe("a reduced LoRA", () => {
  it("has the rank of what was learned, and loses nothing but rounding", () => {
    const { lora: reduced, rank, error } = reducedLora(stacked);
    expect(rank).toBe(6);
    expect(reduced.form).toBe("low-rank");
    expect(reduced.parameters.length).toBeLessThan(stacked.parameters.length / 4);
    expect(error).toBeLessThan(1e-6);
    expect(distance(stacked, reduced)).toBeCloseTo(error, 7);
  });

  it("of a smaller rank is the nearest one, and says how near", () => {
    const [two, four] = [reducedLora(stacked, 2), reducedLora(stacked, 4)];
    expect(new Set(four.lora.layers.map(({ rank, loraAlpha }) => [rank, loraAlpha].join()))).toEqual(new Set(["4,4"]));
    expect(distance(stacked, four.lora)).toBeCloseTo(four.error, 6);
    expect(distance(stacked, two.lora)).toBeCloseTo(two.error, 6);
    expect(four.error).toBeGreaterThan(0.01);
    expect(two.error).toBeGreaterThan(four.error);
    expect(two.error).toBeLessThan(1);
  });

  it("of a larger rank than there is has zeros, and no layer a rank above its sides", () => {
    const { lora: reduced, error } = reducedLora(stacked, 20);
    expect(error).toBeLessThan(1e-6);
    for (const { rank, inFeatures, outFeatures } of reduced.layers) {
      expect(rank).toBe(Math.min(20, inFeatures, outFeatures));
    }
  });

  it("is the same one where a low rank would save nothing", () => {
    const full = fullMatrix(lora(1, 1));
    for (const { loraB, module } of full.layers) loraB.set(new RandomStream(5, module).normal(loraB.length));
    expect(reducedLora(full)).toEqual({ lora: full, rank: 32, error: 0 });
  });

  it("of one that changes nothing changes nothing", () => {
    const nothing = stackedLora(createLora(tinySd1, { rank: 2, random: new RandomStream(1) }));
    const { lora: reduced, rank, error } = reducedLora(nothing);
    expect([rank, error]).toEqual([1, 0]);
    expect(reduced.parameters.every((value) => value === 0)).toBe(true);
  });
});
