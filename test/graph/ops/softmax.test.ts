import { describe, it } from "vitest";
import { gradients, input, mul, sum } from "../../../src/graph/index.ts";
import * as softmaxes from "../../../src/graph/ops/softmax.ts";
import { compute } from "../support/compute.ts";
import { anywhere, describeOps, expectClose, shapes, type OpCase } from "../support/op-cases.ts";
import { evaluate } from "../support/reference.ts";

const rows = shapes(1, 4, 5);

describeOps(softmaxes, {
  softmax: rows.map((shape): OpCase => ({ operands: [anywhere(shape)], apply: softmaxes.softmax })),
  logSoftmax: rows.map((shape): OpCase => ({ operands: [anywhere(shape)], apply: softmaxes.logSoftmax })),
});

describe.each(Object.entries(softmaxes))("%s", (_name, f) => {
  it("does not overflow", async () => {
    const feeds = {
      x: Float32Array.of(1e4, 1e4 + 1, 1e4 - 2, -1e9, 0, 1, -500, 500, 499),
      dy: Float32Array.of(1, -2, 0.5, 1, 1, 3, 1, 1, -1),
    };
    const x = input("x", [3, 3]);
    const y = f(x);
    const [dx] = gradients(sum(mul(y, input("dy", [3, 3]))), [x]);
    const [exactY, exactDx] = evaluate([y, dx], feeds);
    const computed = await compute({ y, dx }, feeds);
    expectClose(computed.y, exactY, 1e-5);
    expectClose(computed.dx, exactDx, 1e-5);
  });
});
