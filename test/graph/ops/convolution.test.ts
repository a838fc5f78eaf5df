import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as convolutions from "../../../src/graph/ops/convolution.ts";
import { emitModel } from "../../../src/graph/onnx/emit.ts";
import {
  gradients,
  input,
  mul,
  parameter,
  sizeOf,
  sum,
  type Conv2dOptions,
  type Tensor,
} from "../../../src/graph/index.ts";
import { RandomStream } from "../../../src/random/random.ts";
import { compute } from "../support/compute.ts";
import { readModel } from "../support/onnx-model.ts";
import { anywhere, describeOps, extent, type OpCase } from "../support/op-cases.ts";

const sides = fc.oneof(extent(0, 2), fc.tuple(extent(0, 2), extent(0, 2), extent(0, 2), extent(0, 2)));

describeOps(
  convolutions,
  {
    conv2d: fc
      .record({
        batch: extent(1, 2),
        inChannels: extent(1, 3),
        outChannels: extent(1, 3),
        kernel: fc.tuple(extent(1, 3), extent(1, 3)),
        // Beyond the kernel's size, so that it always fits.
        more: fc.tuple(extent(0, 4), extent(0, 4)),
        hasBias: fc.boolean(),
        stride: extent(1, 3),
        padding: sides,
      })
      .map(({ batch, inChannels, outChannels, kernel, more, hasBias, stride, padding }): OpCase => ({
        operands: [
          anywhere([batch, inChannels, kernel[0] + more[0], kernel[1] + more[1]]),
          anywhere([outChannels, inChannels, ...kernel]),
          ...(hasBias ? [anywhere([outChannels])] : []),
        ],
        apply: (x, weight, bias) => convolutions.conv2d(x, weight, bias, { stride, padding }),
      })),
  },
  ["conv2dInputGradient"],
);

describe("the input gradient", () => {
  const optionsOfEach = [
    { kernel: [3, 3], padding: 1 },
    { kernel: [3, 3], padding: 0 },
    { kernel: [3, 2], padding: [0, 1, 2, 0] },
    // More padding than the kernel reaches over.
    { kernel: [2, 2], padding: [2, 0, 0, 2] },
    { kernel: [3, 3], padding: 1, stride: 2 },
    { kernel: [1, 1] },
  ] satisfies ({ kernel: [number, number] } & Conv2dOptions)[];
  // The CPU turns a large picture around, and computes a transposed convolution for a small one.
  const cases = [48, 12].flatMap((side) => optionsOfEach.map((options) => ({ side, ...options })));

  it.each(cases)(
    "is the same on the CPU as on a GPU, where the kernel is turned around: %j",
    async ({ side, kernel, ...options }) => {
      const [x, weight] = [input("x", [2, 3, side, side]), input("weight", [5, 3, ...kernel])];
      const y = convolutions.conv2d(x, weight, undefined, options);
      const [gradient] = gradients(sum(mul(y, input("dy", y.shape))), [x]);
      const random = new RandomStream(0, "pictures");
      const feeds = {
        weight: random.normal(sizeOf(weight.shape)),
        dy: random.normal(sizeOf(y.shape)),
      };
      const { gradient: onCpu } = await compute({ gradient }, feeds);
      const { gradient: portable } = await compute({ gradient }, feeds, { lowering: "portable" });
      const furthest = onCpu.reduce((most, value, i) => Math.max(most, Math.abs(value - portable[i])), 0);
      expect(furthest).toBeLessThan(1e-5);
      expect(onCpu.some((value) => Math.abs(value) > 1)).toBe(true);
    },
  );

  it("is a transposed convolution of a weight in a file, of which no turned copy is made", () => {
    const operators = (weight: Tensor, target: "cpu" | "portable") => {
      const x = input("x", [1, 2, 64, 64]);
      const [gradient] = gradients(sum(convolutions.conv2d(x, weight)), [x]);
      const { nodes } = readModel(emitModel({ gradient }, target).bytes);
      return nodes.map(({ opType }) => opType);
    };
    const source = { path: "/models/w.safetensors", byteOffset: 0, byteLength: 72 * 4, dtype: "float32" } as const;
    const stored = parameter("w", [4, 2, 3, 3], source);
    expect(operators(stored, "portable")).toContain("ConvTranspose");
    expect(operators(input("w", [4, 2, 3, 3]), "portable")).not.toContain("ConvTranspose");
    expect(operators(stored, "cpu")).not.toContain("ConvTranspose");
  });
});
