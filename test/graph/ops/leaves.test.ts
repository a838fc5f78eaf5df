import { describe, expect, it } from "vitest";
import { gradients, mul, sum } from "../../../src/graph/index.ts";
import { constant, detach, input, toFloat32 } from "../../../src/graph/ops/leaves.ts";
import { compute } from "../support/compute.ts";

// `parameter` and the casts of its half-precision weights need files: see ../parameter.test.ts.

describe("input", () => {
  it("is what is fed, float32 unless said otherwise", async () => {
    const [x, n] = [input("x", [2]), input("n", [], "int32")];
    expect([x.dtype, n.dtype]).toEqual(["float32", "int32"]);
    expect(await compute({ x }, { x: Float32Array.of(0.1, -2) })).toEqual({ x: Float32Array.of(0.1, -2) });
  });
});

describe("constant", () => {
  it("is a scalar, a vector, or what its shape says", async () => {
    const [scalar, vector, matrix] = [
      constant(0.1),
      constant(Float32Array.of(1, 2, 3)),
      constant(Float32Array.of(1, 2, 3, 4), [2, 2]),
    ];
    expect([scalar.shape, vector.shape, matrix.shape]).toEqual([[], [3], [2, 2]]);
    expect(constant(Int32Array.of(1, 2)).dtype).toBe("int32");
    expect(await compute({ scalar, vector, matrix }, {})).toEqual({
      scalar: Float32Array.of(0.1),
      vector: Float32Array.of(1, 2, 3),
      matrix: Float32Array.of(1, 2, 3, 4),
    });
  });

  it("keeps apart equal numbers of different shapes, signs of zero, and what is not finite", async () => {
    const values = { a: [0], b: [-0], c: [NaN], d: [Infinity], e: [-Infinity] };
    const outputs = Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) => [
        [name, mul(constant(Float32Array.from(value)), 1)],
        [`${name} in a matrix`, constant(Float32Array.from(value), [1, 1])],
      ]),
    );
    const computed = await compute(outputs, {});
    for (const [name, value] of Object.entries(values)) {
      expect(computed[name], name).toEqual(Float32Array.from(value));
      expect(computed[`${name} in a matrix`], name).toEqual(Float32Array.from(value));
    }
  });
});

describe("detach", () => {
  it("is the identity, also for int32", async () => {
    const x = input("x", [2]);
    expect(detach(input("n", [2], "int32")).dtype).toBe("int32");
    expect(await compute({ y: detach(x) }, { x: Float32Array.of(1, 2) })).toEqual({ y: Float32Array.of(1, 2) });
  });

  it("stops gradients", async () => {
    const x = input("x", [2]);
    const [dx] = gradients(sum(mul(x, detach(x))), [x]);
    expect(await compute({ dx }, { x: Float32Array.of(3, 5) })).toEqual({ dx: Float32Array.of(3, 5) });
  });
});

describe("toFloat32", () => {
  it("leaves float32 tensors as they are", () => {
    const x = input("x", [2]);
    expect(toFloat32(x)).toBe(x);
  });
});
