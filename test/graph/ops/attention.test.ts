import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradients, input, mul, sum } from "../../../src/graph/index.ts";
import * as attentions from "../../../src/graph/ops/attention.ts";
import { compute, noise } from "../support/compute.ts";
import { anywhere, describeOps, expectClose, extent, type OpCase } from "../support/op-cases.ts";
import { evaluate } from "../support/reference.ts";

describeOps(
  attentions,
  {
    attention: fc
      .record({
        batch: extent(1, 2),
        targets: extent(1, 5),
        otherSources: extent(1, 5),
        heads: extent(1, 3),
        width: extent(1, 4),
        causal: fc.boolean(),
        // 0 makes the backward pass of the cpu lowering run head by head.
        probabilitiesAtOnce: fc.constantFrom(0, 6, undefined),
      })
      .map(({ batch, targets, otherSources, heads, width, causal, probabilitiesAtOnce }): OpCase => {
        const sources = causal ? targets : otherSources;
        const hidden = heads * width;
        const options = { heads, causal, ...(probabilitiesAtOnce !== undefined && { probabilitiesAtOnce }) };
        return {
          operands: [targets, sources, sources].map((positions) => anywhere([batch, positions, hidden])),
          apply: (q, k, v) => attentions.attention(q, k, v, options),
        };
      }),
  },
  ["attentionGradient"],
);

describe("attention", () => {
  const [batch, targets, sources, hidden, heads] = [2, 33, 77, 80, 2];
  const [q, k, v, dy] = [
    input("q", [batch, targets, hidden]),
    input("k", [batch, sources, hidden]),
    input("v", [batch, sources, hidden]),
    input("dy", [batch, targets, hidden]),
  ];
  const feeds = (scale: number) => ({
    q: noise(batch * targets * hidden, 1).map((value) => value * scale),
    k: noise(batch * sources * hidden, 2),
    v: noise(batch * sources * hidden, 3),
    dy: noise(batch * targets * hidden, 4),
  });

  // Real widths, where ONNX Runtime's fused operator takes its blocked path; with scores near 0 and with very large
  // ones.
  it.each([1, 100])("is accurate for the sizes of a UNet's cross attention, queries times %d", async (scale) => {
    for (const probabilitiesAtOnce of [0, Infinity]) {
      const y = attentions.attention(q, k, v, { heads, probabilitiesAtOnce });
      const [dq, dk, dv] = gradients(sum(mul(y, dy)), [q, k, v]);
      const outputs = { y, dq, dk, dv };
      const exact = evaluate(Object.values(outputs), feeds(scale));
      for (const lowering of ["cpu", "portable"] as const) {
        const computed = await compute(outputs, feeds(scale), { lowering });
        Object.values(computed).forEach((values, i) => {
          expectClose(values, exact[i], 1e-4);
        });
      }
    }
  });

  it("lets a causal position see itself and what is before it, nothing else", async () => {
    const x = input("x", [1, 4, 2]);
    const y = attentions.attention(x, x, x, { heads: 1, causal: true });
    const values = noise(8);
    const before = await compute({ y }, { x: values });
    const changed = values.map((value, i) => (i < 4 ? value : -3 * value));
    const after = await compute({ y }, { x: changed });
    expect(before.y.slice(0, 2)).toEqual(values.slice(0, 2));
    expect(after.y.slice(0, 4)).toEqual(before.y.slice(0, 4));
    expect(after.y.slice(4)).not.toEqual(before.y.slice(4));
  });
});
