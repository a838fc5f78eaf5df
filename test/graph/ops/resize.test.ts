import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { input, Program, resizeNearest, type Tensor } from "../../../src/graph/index.ts";
import * as resizing from "../../../src/graph/ops/resize.ts";
import { anywhere, describeOps, extent, type OpCase } from "../support/op-cases.ts";

/** Twofold, another whole factor, or any other size, smaller ones included. */
const resized = (size: number) => fc.oneof(fc.constant(2 * size), fc.constant(3 * size), extent(1, 15));

describeOps(
  resizing,
  {
    resizeNearest: fc
      .tuple(extent(1, 2), extent(1, 2), extent(1, 6), extent(1, 6))
      .chain(([batch, channels, height, width]): fc.Arbitrary<OpCase> =>
        fc.tuple(resized(height), resized(width)).map((size) => ({
          operands: [anywhere([batch, channels, height, width])],
          apply: (x) => resizeNearest(x, size),
        })),
      ),
  },
  ["sumPool"],
);

describe("resizeNearest", () => {
  it("copies pixel ⌊i · from/to⌋ exactly, whatever the sizes", async () => {
    const outputs: Record<string, Tensor> = {};
    const feeds: Record<string, Float32Array> = {};
    const exact: Record<string, number[]> = {};
    for (let from = 1; from <= 24; from++) {
      const line = input(`line of ${from}`, [1, 1, 1, from]);
      feeds[`line of ${from}`] = Float32Array.from({ length: from }, (_, pixel) => pixel);
      for (let to = 1; to <= 64; to++) {
        outputs[`${from} to ${to}`] = resizeNearest(line, [1, to]);
        exact[`${from} to ${to}`] = Array.from({ length: to }, (_, i) => Math.floor((i * from) / to));
      }
    }
    const program = await Program.create(outputs);
    const resized = await program.run(feeds);
    await program.dispose();
    for (const [sizes, pixels] of Object.entries(exact)) expect(Array.from(resized[sizes]), sizes).toEqual(pixels);
  });
});
