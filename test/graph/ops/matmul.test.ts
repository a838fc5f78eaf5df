import fc from "fast-check";
import * as products from "../../../src/graph/ops/matmul.ts";
import { anywhere, broadcastPairs, describeOps, extent, shapes, type OpCase } from "../support/op-cases.ts";

describeOps(products, {
  matmul: fc
    .tuple(broadcastPairs(2), extent(1, 4), extent(1, 4), extent(1, 4), fc.boolean(), fc.boolean())
    .map(([[batchA, batchB], m, k, n, transposeA, transposeB]): OpCase => ({
      operands: [
        anywhere([...batchA, ...(transposeA ? [k, m] : [m, k])]),
        anywhere([...batchB, ...(transposeB ? [n, k] : [k, n])]),
      ],
      apply: (a, b) => products.matmul(a, b, { transposeA, transposeB }),
    })),
  linear: fc
    .tuple(shapes(0, 3), extent(1, 5), extent(1, 5), fc.boolean())
    .map(([leading, inFeatures, outFeatures, hasBias]): OpCase => ({
      operands: [
        anywhere([...leading, inFeatures]),
        anywhere([outFeatures, inFeatures]),
        ...(hasBias ? [anywhere([outFeatures])] : []),
      ],
      apply: products.linear,
    })),
});
