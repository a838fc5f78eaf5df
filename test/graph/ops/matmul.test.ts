import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emitModel } from "../../../src/graph/onnx/emit.ts";
import * as products from "../../../src/graph/ops/matmul.ts";
import { input, parameter, type Tensor } from "../../../src/graph/index.ts";
import { compute, noise } from "../support/compute.ts";
import { readModel } from "../support/onnx-model.ts";
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

describe("a long sum on a GPU", () => {
  const [m, n] = [3, 5];
  const operators = (product: Tensor) =>
    readModel(emitModel({ product }, "portable").bytes).nodes.map(({ opType }) => opType);

  describe.each([512, 1536, 7 * 176])("of %i terms", (k) => {
    it.each([
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ])("is computed in parts, to the same product (transposed: %s, %s)", async (transposeA, transposeB) => {
      const a = input("a", transposeA ? [k, m] : [m, k]);
      const b = input("b", transposeB ? [n, k] : [k, n]);
      const product = products.matmul(a, b, { transposeA, transposeB });
      expect(operators(product)).toContain("ReduceSum");
      const feeds = { a: noise(m * k, 1), b: noise(n * k, 2) };
      const { product: inParts } = await compute({ product }, feeds, { lowering: "portable" });
      for (let row = 0; row < m; row++) {
        for (let column = 0; column < n; column++) {
          const terms = Array.from({ length: k }, (_, i) => {
            const left = feeds.a[transposeA ? i * m + row : row * k + i];
            return left * feeds.b[transposeB ? column * k + i : i * n + column];
          });
          const exact = terms.reduce((partial, term) => partial + term, 0);
          expect(Math.abs(inParts[row * n + column] - exact)).toBeLessThan(1e-4);
        }
      }
    });
  });

  it("stays whole where the result is large, the length a prime, or the sum short", () => {
    const isWhole = (rows: number, k: number, columns: number) =>
      !operators(products.matmul(input("a", [rows, k]), input("b", [k, columns]))).includes("ReduceSum");
    expect(isWhole(512, 2048, 512)).toBe(false);
    expect(isWhole(1024, 2048, 1024)).toBe(true);
    expect(isWhole(m, 1021, n)).toBe(true);
    expect(isWhole(m, 511, n)).toBe(true);
  });

  it("stays whole where an operand is a weight in a file", () => {
    const source = { path: "/models/w.safetensors", byteOffset: 0, byteLength: 4 * 512 * n, dtype: "float32" } as const;
    const product = products.matmul(input("a", [m, 512]), parameter("w", [512, n], source));
    expect(operators(product)).toEqual(["Gemm", "Identity"]);
  });
});
