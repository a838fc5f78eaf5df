import { describe, expect, it } from "vitest";
import {
  add,
  attention,
  checkpoint,
  gradients,
  input,
  linear,
  memoryNeed,
  mul,
  parameter,
  reshape,
  silu,
  sum,
  toFloat32,
  transpose,
  type Tensor,
} from "../../src/graph/index.ts";

const KB = 4 * 256;
const x = input("x", [256]);

/** So many values that are all read at the end. */
function keptValues(count: number): Tensor {
  const kept = Array.from({ length: count }, (_, i) => mul(x, i + 2));
  return kept.reduce((total, value) => add(total, value));
}

describe("memoryNeed", () => {
  it("counts inputs, and values only as long as they are still to be read", () => {
    expect(memoryNeed({ y: transpose(reshape(x, [16, 16]), [1, 0]) }).values).toBe(2 * KB);
    // A chain of activations writes over its last value.
    expect(memoryNeed({ y: silu(silu(silu(mul(x, 2)))) }).values).toBe(2 * KB);
    expect(memoryNeed({ y: keptValues(10) }).values).toBe(11 * KB);
    expect(memoryNeed({ a: mul(x, 2), b: mul(x, 3) }).values).toBe(3 * KB);
  });

  it("counts no reshape", () => {
    expect(memoryNeed({ y: reshape(mul(reshape(x, [16, 16]), 2), [256]) }).values).toBe(2 * KB);
  });

  it("counts weights once, and what widening them takes while they are read", () => {
    const source = (dtype: "float32" | "float16", byteLength: number) => ({
      path: "/w",
      byteOffset: 0,
      byteLength,
      dtype,
    });
    const token = input("token", [1, 16]);
    const full = toFloat32(parameter("w", [16, 16], source("float32", KB)));
    expect(memoryNeed({ y: linear(linear(token, full), full) })).toEqual({
      values: 3 * 64,
      constants: 0,
      weights: KB,
      isMapped: false,
    });
    const half = parameter("w", [16, 16], source("float16", KB / 2));
    const twice = linear(linear(token, toFloat32(half)), toFloat32(half));
    expect(memoryNeed({ y: twice })).toEqual({ values: 3 * 64 + KB, constants: 0, weights: KB / 2, isMapped: false });
  });

  it("knows that training keeps activations, and that a checkpoint does not", () => {
    const weight = input("weight", [256]);
    const block = (value: Tensor) => silu(mul(silu(mul(silu(mul(value, weight)), 2)), 3));
    const losses = (each: (value: Tensor) => Tensor) => sum(each(each(each(each(x)))));
    const needOf = (loss: Tensor) => memoryNeed({ loss, dw: gradients(loss, [weight])[0] }).values;
    const plain = losses(block);
    expect(needOf(plain)).toBeGreaterThan(4 * memoryNeed({ plain }).values);
    expect(needOf(losses((value) => checkpoint(block, [value])))).toBeLessThan(0.7 * needOf(plain));
  });

  it("counts the probabilities of attention where they are all there at once", () => {
    const [q, k, v] = ["q", "k", "v"].map((name) => input(name, [1, 2048, 8]));
    const probabilities = 4 * 2 * 2048 * 2048;
    const forward = { y: attention(q, k, v, { heads: 2 }) };
    expect(memoryNeed(forward).values).toBeLessThan(0.1 * probabilities);
    expect(memoryNeed(forward, { lowering: "portable" }).values).toBeGreaterThan(probabilities);
    const gradientOf = (probabilitiesAtOnce: number) => {
      const loss = sum(attention(q, k, v, { heads: 2, probabilitiesAtOnce }));
      return memoryNeed({ dq: gradients(loss, [q])[0] }).values;
    };
    expect(gradientOf(1e9) / gradientOf(1)).toBeGreaterThan(1.8);
  });

  it("does not take the time or the memory that it speaks of", () => {
    const picture = input("picture", [1, 4, 1_000_000, 1_000_000]);
    expect(memoryNeed({ y: mul(picture, 2) }).values).toBe(2 * 16e12);
  });
});
