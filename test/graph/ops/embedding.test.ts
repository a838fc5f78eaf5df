import fc from "fast-check";
import { expect, it } from "vitest";
import { gradients, input, mul, Program, sum } from "../../../src/graph/index.ts";
import { RandomStream } from "../../../src/random/random.ts";
import * as tables from "../../../src/graph/ops/embedding.ts";
import { anywhere, describeOps, extent, ids, shapes, type OpCase } from "../support/op-cases.ts";

describeOps(
  tables,
  {
    // Up to 27 look-ups in up to 5 rows: ids repeat, and some rows are never read.
    embedding: fc.tuple(extent(1, 5), extent(1, 4), shapes(0, 3, 3)).map(([rows, width, shape]): OpCase => ({
      operands: [anywhere([rows, width]), ids(shape, rows)],
      apply: tables.embedding,
    })),
  },
  ["embeddingGradient"],
);

it("The gradient of a row that many ids name is the sum of all, whatever the threads do at once", async () => {
  // As many as a batch of eight prompts has for the one learned token of a wide text encoder.
  const [count, width] = [616, 2048];
  const dy = input("dy", [count, width]);
  const table = input("table", [1, width]);
  const looked = tables.embedding(table, input("ids", [count], "int32"));
  const [gradient] = gradients(sum(mul(looked, dy)), [table]);
  const program = await Program.create({ gradient }, { threads: 2 });
  const values = new RandomStream(0, "many ids").normal(count * width);
  const expected = new Float32Array(width);
  for (const [i, value] of values.entries()) expected[i % width] += value;
  for (let run = 0; run < 20; run++) {
    expect((await program.run({ dy: values, ids: new Int32Array(count) })).gradient).toEqual(expected);
  }
  await program.dispose();
});
