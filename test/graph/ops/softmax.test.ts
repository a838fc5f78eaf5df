import * as softmaxes from "../../../src/graph/ops/softmax.ts";
import { anywhere, describeOps, shapes, type OpCase } from "../support/op-cases.ts";

const rows = shapes(1, 4, 5);

describeOps(softmaxes, {
  softmax: rows.map((shape): OpCase => ({ operands: [anywhere(shape)], apply: softmaxes.softmax })),
  logSoftmax: rows.map((shape): OpCase => ({ operands: [anywhere(shape)], apply: softmaxes.logSoftmax })),
});
