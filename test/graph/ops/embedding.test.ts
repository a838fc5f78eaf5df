import fc from "fast-check";
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
