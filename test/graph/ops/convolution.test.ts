import fc from "fast-check";
import * as convolutions from "../../../src/graph/ops/convolution.ts";
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
