import * as reduce from "../../../src/graph/ops/reduce.ts";
import { describeOps } from "../support/op-cases.ts";
import { reductions } from "../support/reductions.ts";

describeOps(reduce, { mean: reductions(reduce.mean) });
