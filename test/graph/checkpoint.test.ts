import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  add,
  checkpoint,
  countFlops,
  dump,
  erf,
  gradients,
  input,
  linear,
  mul,
  silu,
  square,
  sum,
  type Tensor,
} from "../../src/graph/index.ts";
import { reachableNodes } from "../../src/graph/tensor.ts";
import { loadOnnxRuntime } from "../../src/graph/onnx-runtime.ts";
import { emitModel } from "../../src/graph/onnx/emit.ts";
import { compute, noise } from "./support/compute.ts";
import { expectClose } from "./support/op-cases.ts";
import { readModel } from "./support/onnx-model.ts";
import { evaluate } from "./support/reference.ts";

const WIDTH = 4;
const feeds = {
  x: noise(3 * WIDTH, 1),
  skip: noise(3 * WIDTH, 2),
  w1: noise(WIDTH * WIDTH, 3),
  w2: noise(WIDTH * WIDTH, 4),
  bias: noise(WIDTH, 5),
};
const x = input("x", [3, WIDTH]);
const skip = input("skip", [3, WIDTH]);
const w1 = input("w1", [WIDTH, WIDTH]);
const w2 = input("w2", [WIDTH, WIDTH]);
const bias = input("bias", [WIDTH]);
const leaves = { x, skip, w1, w2, bias };

type Wrap = typeof checkpoint;
const plain: Wrap = (segment, inputs) => segment(...inputs);

/** A small network whose blocks are wrapped by `wrap`. */
const networks: Readonly<Record<string, (wrap: Wrap) => Tensor>> = {
  "one segment": (wrap) => wrap((h) => linear(silu(linear(h, w1)), w2, bias), [x]),
  "two inputs": (wrap) => wrap((h, s) => add(mul(silu(linear(h, w1)), s), square(s)), [x, skip]),
  "segments in a row": (wrap) => {
    const first = wrap((h) => silu(linear(h, w1, bias)), [x]);
    return wrap((h, s) => add(silu(linear(h, w2)), s), [first, skip]);
  },
  "nested segments": (wrap) =>
    wrap(
      (h) => {
        const inner = wrap((g) => mul(silu(linear(g, w1)), skip), [silu(h)]);
        return add(linear(inner, w2, bias), h);
      },
      [x],
    ),
  "a captured activation": (wrap) => {
    const outer = square(linear(x, w1));
    return add(
      wrap((h) => mul(silu(linear(h, w2)), outer), [x]),
      outer,
    );
  },
  "an input that is used outside too": (wrap) =>
    mul(
      wrap((h) => silu(linear(h, w1)), [x]),
      x,
    ),
  "an input given twice": (wrap) => wrap((a, b) => mul(silu(a), b), [x, x]),
  "an input that is captured too": (wrap) => wrap((h) => mul(silu(h), x), [x]),
  "a segment that returns its input": (wrap) =>
    mul(
      wrap((h) => h, [x]),
      skip,
    ),
  "a segment that returns what it captures": (wrap) =>
    mul(
      wrap(() => skip, [x]),
      x,
    ),
};

describe.each(Object.entries(networks))("checkpoint with %s", (_name, network) => {
  const build = (wrap: Wrap): Record<string, Tensor> => {
    const loss = sum(square(network(wrap)));
    const slopes = gradients(loss, Object.values(leaves));
    const outputs: Record<string, Tensor> = { loss };
    Object.keys(leaves).forEach((name, i) => (outputs[name] = slopes[i]));
    return outputs;
  };

  it("has the gradients of the segment without it", async () => {
    const [kept, recomputed] = [build(plain), build(checkpoint)];
    const used = reachableNodes(Object.values(kept)).flatMap(({ leaf }) => (leaf?.kind === "input" ? [leaf.name] : []));
    const given = Object.fromEntries(Object.entries(feeds).filter(([name]) => used.includes(name)));
    const [expected, exact] = [await compute(kept, given), evaluate(Object.values(kept), feeds)];
    const actual = await compute(recomputed, given);
    const reference = evaluate(Object.values(recomputed), feeds);
    Object.keys(kept).forEach((name, i) => {
      expectClose(actual[name], expected[name], 1e-6, name);
      expectClose(reference[i], exact[i], 1e-12, name);
    });
  });

  it("costs the same model FLOPs", () => {
    expect(countFlops(build(checkpoint))).toBe(countFlops(build(plain)));
  });
});

describe("checkpoint", () => {
  const segment = (h: Tensor) => linear(silu(linear(h, w1)), w2);

  it("computes the segment a second time in the backward pass, from a barrier", () => {
    const loss = sum(checkpoint(segment, [x]));
    const [dx] = gradients(loss, [x]);
    const linears = reachableNodes([loss, dx]).filter((node) => node.op === "linear");
    expect(linears.map((node) => node.recomputed)).toEqual([false, false, true]);
    const lines = dump({ loss, dx }).split("\n");
    expect(lines.filter((line) => line.endsWith(" recomputed")).map((line) => / = (\w+)/.exec(line)?.[1])).toEqual([
      "linear",
    ]);
    expect(lines.filter((line) => line.includes("= barrier("))).toHaveLength(1);
  });

  it("keeps none of the segment's activations for the backward pass", () => {
    const loss = sum(square(checkpoint(segment, [x])));
    const slopes = gradients(loss, [x, w1, w2]);
    // What the backward pass reads of the forward pass: its inputs and the result, nothing in between.
    const forward = new Set(reachableNodes([loss]));
    const read = reachableNodes(slopes)
      .filter((node) => !forward.has(node))
      .flatMap((node) => node.inputs.filter((tensor) => forward.has(tensor.node)));
    expect([...new Set(read.map((tensor) => tensor.node.op))].sort()).toEqual(["checkpoint", "input"]);
  });

  it.each(["extended", "all"] as const)("is still computed twice after %s optimisation", async (level) => {
    const folder = await mkdtemp(join(tmpdir(), "keepsake-checkpoint-"));
    const countErf = async (wrap: Wrap) => {
      const loss = sum(wrap((h) => square(erf(linear(h, w1))), [x]));
      const [dx] = gradients(loss, [x]);
      const optimizedModelFilePath = join(folder, "optimized.onnx");
      const options = { graphOptimizationLevel: level, optimizedModelFilePath, logSeverityLevel: 3 } as const;
      const { InferenceSession } = await loadOnnxRuntime();
      const session = await InferenceSession.create(emitModel({ loss, dx }, "cpu").bytes, options);
      await session.release();
      const { nodes } = readModel(await readFile(optimizedModelFilePath));
      return nodes.filter(({ opType }) => opType === "Erf").length;
    };
    expect(await countErf(plain)).toBe(1);
    expect(await countErf(checkpoint)).toBe(2);
    await rm(folder, { recursive: true });
  });

  it("does not compute again what only a frozen part needs", () => {
    const loss = sum(checkpoint(segment, [x]));
    const [dw2] = gradients(loss, [w2]);
    expect(countFlops({ loss, dw2 })).toBe(3 * 2 * 3 * WIDTH * WIDTH);
    const [unrelated] = gradients(loss, [skip]);
    expect(dump({ unrelated })).not.toContain("recomputed");
  });

  it("finds the inputs that the segment makes on its first use", async () => {
    const made = new Map<string, Tensor>();
    const weight = (name: string) => {
      const known = made.get(name) ?? input(name, [WIDTH, WIDTH]);
      made.set(name, known);
      return mul(known, 1);
    };
    const loss = sum(square(checkpoint((h) => silu(linear(h, weight("lora"))), [x])));
    const [dLora] = gradients(loss, [...made.values()]);
    const [expected] = evaluate(gradients(sum(square(silu(linear(x, w1)))), [w1]), feeds);
    const computed = await compute({ dLora }, { x: feeds.x, lora: feeds.w1 });
    expectClose(computed.dLora, expected, 1e-5);
  });

  it("finds the gradient of what the segment computes once and remembers", () => {
    let remembered: Tensor | undefined;
    const scaled = () => (remembered ??= mul(w1, 0.5));
    const loss = sum(square(checkpoint((h) => silu(linear(h, scaled())), [x])));
    const [expected] = evaluate(gradients(sum(square(silu(linear(x, mul(w1, 0.5))))), [w1]), feeds);
    const [actual] = evaluate(gradients(loss, [w1]), feeds);
    expectClose(actual, expected, 1e-12);
  });
});
