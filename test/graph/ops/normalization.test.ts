import fc from "fast-check";
import { describe, it } from "vitest";
import { gradients, input, mul, sum } from "../../../src/graph/index.ts";
import * as normalizations from "../../../src/graph/ops/normalization.ts";
import { compute, noise } from "../support/compute.ts";
import { anywhere, describeOps, expectClose, extent, shapes, type OpCase } from "../support/op-cases.ts";
import { evaluate } from "../support/reference.ts";

/** Not the 1e-5 of real models: two elements that happen to be close would make finite differences useless. */
const epsilon = fc.constantFrom(0.01, 0.1);

describeOps(normalizations, {
  layerNorm: fc
    .tuple(shapes(0, 3), extent(1, 6), extent(0, 2), epsilon)
    .map(([leading, features, affine, eps]): OpCase => ({
      operands: [anywhere([...leading, features]), ...[[features], [features]].slice(0, affine).map(anywhere)],
      apply: (x, weight, bias) => normalizations.layerNorm(x, weight, bias, eps),
    })),
  groupNorm: fc
    .tuple(extent(1, 2), extent(1, 3), extent(1, 2), shapes(0, 2), epsilon)
    .map(([batch, groups, perGroup, pixels, eps]): OpCase => {
      const channels = groups * perGroup;
      return {
        operands: [[batch, channels, ...pixels], [channels], [channels]].map(anywhere),
        apply: (x, weight, bias) => normalizations.groupNorm(x, groups, weight, bias, eps),
      };
    }),
});

describe("normalisation as real models have it", () => {
  it.each([
    ["a small eps", 1e-5, 1, 0],
    ["a mean far from 0", 1e-6, 1, 30],
    ["large activations", 1e-5, 300, 0],
    ["hardly any variance", 1e-5, 1e-4, 0],
  ])("is accurate with %s", async (_what, eps, spread, offset) => {
    const [batch, channels, pixels] = [2, 8, 64];
    const shape = [batch, channels, pixels];
    const feeds = {
      x: noise(batch * channels * pixels, 1).map((value) => value * spread + offset),
      weight: noise(channels, 2),
      bias: noise(channels, 3),
      dy: noise(batch * channels * pixels, 4),
    };
    const [x, weight, bias] = [input("x", shape), input("weight", [channels]), input("bias", [channels])];
    const y = normalizations.groupNorm(x, 4, weight, bias, eps);
    const wrt = [x, weight, bias];
    const [dx, dWeight, dBias] = gradients(sum(mul(y, input("dy", shape))), wrt);
    const outputs = { y, dx, dWeight, dBias };
    const exact = evaluate(Object.values(outputs), feeds);
    const computed = await compute(outputs, feeds);
    // The subtraction of the mean costs as many digits as the offset has.
    const tolerance = 1e-5 * (1 + offset);
    Object.values(computed).forEach((values, i) => {
      expectClose(values, exact[i], tolerance);
    });
  });
});
