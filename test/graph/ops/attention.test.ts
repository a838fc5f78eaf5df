import fc from "fast-check";
import * as attentions from "../../../src/graph/ops/attention.ts";
import { anywhere, describeOps, extent, type OpCase } from "../support/op-cases.ts";

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
        headByHeadAbove: fc.constantFrom(0, undefined),
      })
      .map(({ batch, targets, otherSources, heads, width, causal, headByHeadAbove }): OpCase => {
        const sources = causal ? targets : otherSources;
        const hidden = heads * width;
        const options = { heads, causal, ...(headByHeadAbove !== undefined && { headByHeadAbove }) };
        return {
          operands: [targets, sources, sources].map((positions) => anywhere([batch, positions, hidden])),
          apply: (q, k, v) => attentions.attention(q, k, v, options),
        };
      }),
  },
  ["attentionGradient"],
);
