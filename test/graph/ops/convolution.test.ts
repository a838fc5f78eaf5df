import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as convolutions from "../../../src/graph/ops/convolution.ts";
import { gradients, input, mul, Program, sizeOf, sum, type Conv2dOptions } from "../../../src/graph/index.ts";
import { RandomStream } from "../../../src/random/random.ts";
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

describe("the input gradient of a large picture", () => {
  const SIDE = 48;
  it.each([
    { kernel: [3, 3], padding: 1 },
    { kernel: [3, 3], padding: 0 },
    { kernel: [3, 2], padding: [0, 1, 2, 0] },
    // More padding than the kernel reaches over.
    { kernel: [2, 2], padding: [2, 0, 0, 2] },
    { kernel: [3, 3], padding: 1, stride: 2 },
  ] satisfies ({ kernel: [number, number] } & Conv2dOptions)[])(
    "is the same on the CPU, where the picture is turned around, as by a transposed convolution: %j",
    async ({ kernel, ...options }) => {
      const [x, weight] = [input("x", [2, 3, SIDE, SIDE]), input("weight", [5, 3, ...kernel])];
      const y = convolutions.conv2d(x, weight, undefined, options);
      const [gradient] = gradients(sum(mul(y, input("dy", y.shape))), [x]);
      const random = new RandomStream(0, "pictures");
      const feeds = {
        weight: random.normal(sizeOf(weight.shape)),
        dy: random.normal(sizeOf(y.shape)),
      };
      const byLowering = async (lowering: "cpu" | "portable") => {
        const program = await Program.create({ gradient }, { threads: 1, lowering });
        const { gradient: values } = await program.run(feeds);
        await program.dispose();
        return values;
      };
      const [turned, transposed] = [await byLowering("cpu"), await byLowering("portable")];
      const furthest = turned.reduce((most, value, i) => Math.max(most, Math.abs(value - transposed[i])), 0);
      expect(furthest).toBeLessThan(1e-5);
      expect(turned.some((value) => Math.abs(value) > 1)).toBe(true);
    },
  );
});
