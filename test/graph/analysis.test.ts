import { describe, expect, it } from "vitest";
import {
  attention,
  checkpoint,
  clip,
  conv2d,
  countFlops,
  dump,
  gradients,
  input,
  layerNorm,
  linear,
  matmul,
  reshape,
  silu,
  split,
  square,
  sum,
  type Tensor,
} from "../../src/graph/index.ts";

const named = (loss: Tensor, slopes: readonly Tensor[]) =>
  Object.fromEntries([["loss", loss], ...slopes.map((slope, i) => [`d${i}`, slope] as const)]);

describe("dump", () => {
  it("lists what the outputs need, in order", () => {
    const x = input("x", [2, 4]);
    const ids = input("ids", [3], "int32");
    const [left, right] = split(silu(x), [1, 3], -1);
    const lines = dump({
      left,
      norm: layerNorm(right, undefined, undefined, 1e-5),
      clipped: clip(x, -1, 1),
      ids: reshape(ids, [1, 3]),
    });
    expect(lines).toBe(
      [
        '%0 = input() float32 [2, 4] {name: "x"}',
        '%1 = input() int32 [3] {name: "ids"}',
        "%2 = silu(%0) float32 [2, 4] {alpha: 1}",
        "%3, %4 = split(%2) float32 [2, 1], float32 [2, 3] {axis: 1, extents: [1, 3]}",
        "%5, %6, %7 = layerNorm(%4) float32 [2, 3], float32 [2, 1], float32 [2, 1] {eps: 0.00001}",
        "%8 = clip(%0) float32 [2, 4] {low: -1, high: 1}",
        "%9 = reshape(%1) int32 [1, 3] {shape: [1, 3]}",
        "return left = %3",
        "return norm = %5",
        "return clipped = %8",
        "return ids = %9",
      ].join("\n"),
    );
  });

  it("marks what a checkpoint computes a second time", () => {
    const [x, weight] = [input("x", [1, 2]), input("w", [2, 2])];
    const [dw] = gradients(sum(checkpoint((h) => square(linear(h, weight)), [x])), [weight]);
    expect(dump({ dw })).toBe(
      [
        '%0 = input() float32 [1, 2] {name: "x"}',
        '%1 = input() float32 [2, 2] {name: "w"}',
        "%2 = constant() float32 []",
        "%3 = reshape(%2) float32 [1, 1] {shape: [1, 1]}",
        "%4 = broadcastTo(%3) float32 [1, 2] {shape: [1, 2]}",
        "%5 = barrier(%0, %4) float32 [1, 2]",
        "%6 = linear(%5, %1) float32 [1, 2] recomputed",
        "%7 = mul(%4, %6) float32 [1, 2]",
        "%8 = constant() float32 []",
        "%9 = mul(%7, %8) float32 [1, 2]",
        "%10 = matmul(%9, %5) float32 [2, 2] {transposeA: true, transposeB: false}",
        "return dw = %10",
      ].join("\n"),
    );
  });
});

describe("countFlops", () => {
  it("counts two for each multiply-add of a product", () => {
    expect(countFlops({ y: matmul(input("a", [3, 1, 2, 5]), input("b", [4, 5, 7])) })).toBe(2 * (3 * 4) * 2 * 5 * 7);
    expect(countFlops({ y: linear(input("x", [2, 3, 5]), input("w", [7, 5]), input("b", [7])) })).toBe(
      2 * (2 * 3) * 5 * 7,
    );
  });

  it("counts the taps of a convolution, padding included, and as many for each of its gradients", () => {
    const [x, weight, bias] = [input("x", [2, 3, 9, 9]), input("w", [4, 3, 3, 3]), input("b", [4])];
    const y = conv2d(x, weight, bias, { stride: 2, padding: 1 });
    expect(y.shape).toEqual([2, 4, 5, 5]);
    const forward = 2 * (2 * 4 * 5 * 5) * (3 * 3 * 3);
    const loss = sum(y);
    expect(countFlops({ loss })).toBe(forward);
    expect(countFlops(named(loss, gradients(loss, [x])))).toBe(2 * forward);
    expect(countFlops(named(loss, gradients(loss, [x, weight])))).toBe(3 * forward);
    expect(countFlops(named(loss, gradients(loss, [bias])))).toBe(forward);
  });

  it("counts the products of attention; the probabilities it computes again are not counted", () => {
    const [q, k, v] = [input("q", [2, 5, 12]), input("k", [2, 7, 12]), input("v", [2, 7, 12])];
    const loss = sum(attention(q, k, v, { heads: 3 }));
    const product = 2 * 2 * 5 * 7 * 12;
    const costOf = (...wrt: Tensor[]) => countFlops(named(loss, gradients(loss, wrt))) / product;
    expect(countFlops({ loss })).toBe(2 * product);
    expect(costOf(v)).toBe(2 + 1); // Pᵀ·dO
    expect(costOf(q)).toBe(2 + 2); // dO·Vᵀ, dS·K
    expect(costOf(k)).toBe(2 + 2);
    expect(costOf(q, k)).toBe(2 + 3);
    expect(costOf(q, k, v)).toBe(2 + 4);
  });

  it("counts no elementwise work, and a shared product once", () => {
    const [x, weight] = [input("x", [2, 5]), input("w", [5, 5])];
    const shared = linear(x, weight);
    expect(countFlops({ a: silu(shared), b: sum(shared), c: shared })).toBe(2 * 2 * 5 * 5);
    expect(countFlops({ x: silu(x) })).toBe(0);
  });

  it("does not count what a checkpoint computes again", () => {
    const [x, w1, w2] = [input("x", [2, 5]), input("w1", [5, 5]), input("w2", [5, 5])];
    const loss = sum(checkpoint((h) => linear(silu(linear(h, w1)), w2), [x]));
    const outputs = named(loss, gradients(loss, [w1]));
    // Forward 2, backward d(hidden) and dW1.
    expect(countFlops(outputs)).toBe(4 * 2 * 2 * 5 * 5);
    expect(dump(outputs)).toContain("recomputed");
  });
});
