import fc from "fast-check";
import * as normalizations from "../../../src/graph/ops/normalization.ts";
import { anywhere, describeOps, extent, shapes, type OpCase } from "../support/op-cases.ts";

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
