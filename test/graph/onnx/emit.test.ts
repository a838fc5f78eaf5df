import { describe, expect, it } from "vitest";
import {
  add,
  attention,
  checkpoint,
  constant,
  conv2d,
  gradients,
  input,
  layerNorm,
  linear,
  matmul,
  mul,
  parameter,
  reshape,
  silu,
  sum,
  toFloat32,
  type Tensor,
} from "../../../src/graph/index.ts";
import { emitModel } from "../../../src/graph/onnx/emit.ts";
import { readModel } from "../support/onnx-model.ts";

const MEGA = 1024 * 1024;
const FLOAT = 1;
const FLOAT16 = 10;

/** Nothing is read from the files while a model is emitted: they need not exist. */
const stored = (name: string, shape: readonly number[], path = "/models/unet/weights.safetensors") => {
  const byteLength = 4 * shape.reduce((a, b) => a * b, 1);
  return parameter(name, shape, { path, byteOffset: 1024, byteLength, dtype: "float32" });
};
const half = (name: string, shape: readonly number[]) => {
  const byteLength = 2 * shape.reduce((a, b) => a * b, 1);
  const source = { path: "/models/half.safetensors", byteOffset: 64, byteLength, dtype: "float16" } as const;
  return parameter(name, shape, source);
};
const emitted = (outputs: Readonly<Record<string, Tensor>>, target: "cpu" | "portable" = "cpu") => {
  const { bytes, ...rest } = emitModel(outputs, target);
  return { ...rest, bytes, model: readModel(bytes) };
};

describe("weights", () => {
  it("stay in their file", () => {
    const y = linear(input("x", [1, 1024]), stored("layer.weight", [1024, 1024]), stored("layer.bias", [1024]));
    const { bytes, model, weightsFolder } = emitted({ y });
    expect(bytes.length).toBeLessThan(2048);
    expect(weightsFolder).toBe("/models/unet");
    expect(model.initializers.map(({ rawLength }) => rawLength)).toEqual([0, 0]);
    expect(model.initializers[0]).toMatchObject({
      dataType: FLOAT,
      shape: [1024, 1024],
      external: { location: "weights.safetensors", offset: "1024", length: String(4 * MEGA) },
    });
  });

  it("are found from the deepest folder that holds them all", () => {
    const at = (...paths: string[]) =>
      emitted({
        y: paths.map((path, i) => stored(`w${i}`, [2], path)).reduce((a, b) => add(a, b), input("x", [2])),
      });
    const { weightsFolder, model } = at(
      "/m/unet/a.safetensors",
      "/m/unet-2/b.safetensors",
      "/m/unet/deep/c.safetensors",
    );
    expect(weightsFolder).toBe("/m");
    expect(model.initializers.map(({ external }) => external["location"])).toEqual([
      "unet/a.safetensors",
      "unet-2/b.safetensors",
      "unet/deep/c.safetensors",
    ]);
    expect(at("/m/unet/deep/c.safetensors", "/m/unet/a.safetensors").weightsFolder).toBe("/m/unet");
    expect(at("/a/x.safetensors", "/b/y.safetensors").weightsFolder).toBe("/");
    expect(emitted({ y: input("x", [2]) }).weightsFolder).toBeUndefined();
    // As on two drives of Windows.
    expect(() => at("a/x.safetensors", "b/y.safetensors")).toThrow(/no folder in common/);
  });

  it("seen through a reshape are a second name for the same bytes", () => {
    const weight = stored("proj_in.weight", [8, 4, 1, 1]);
    const y = linear(input("x", [2, 4]), reshape(weight, [8, 4]));
    const z = conv2d(input("picture", [1, 4, 3, 3]), weight);
    const { model } = emitted({ y, z });
    expect(model.nodes.map(({ opType }) => opType)).toEqual(["Gemm", "Conv", "Identity", "Identity"]);
    expect(model.initializers.map(({ shape }) => shape)).toEqual([
      [8, 4],
      [8, 4, 1, 1],
    ]);
    const [flat, square] = model.initializers;
    expect(flat.external).toEqual(square.external);
    expect(flat.name).not.toBe(square.name);
  });

  it("of half precision are cast once for each use, before everything else", () => {
    const x = input("x", [2, 4]);
    const weight = toFloat32(half("w", [4, 4]));
    const { model, castsWeights } = emitted({ y: linear(silu(linear(x, weight)), weight) });
    expect(castsWeights).toBe(true);
    expect(model.nodes.map(({ opType }) => opType)).toEqual(["Cast", "Cast", "Gemm", "QuickGelu", "Gemm", "Identity"]);
    expect(model.initializers).toHaveLength(1);
    expect(model.initializers[0]).toMatchObject({ dataType: FLOAT16, rawLength: 0 });
    expect(emitted({ y: linear(x, stored("w", [4, 4])) }).castsWeights).toBe(false);
  });

  it("that the outputs do not need are left out", () => {
    const x = input("x", [2, 4]);
    linear(x, stored("unused", [4, 4]));
    expect(emitted({ y: linear(x, stored("used", [4, 4])) }).model.initializers.map(({ name }) => name)).toEqual([
      expect.stringMatching(/^used@/),
    ]);
  });
});

describe("the model", () => {
  it("has the inputs and outputs of the graph", () => {
    const { model, inputs } = emitted({ sum: add(input("a", [2]), input("b", [2])), b2: mul(input("c", [1]), 2) });
    expect(model.inputs.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect([...inputs.keys()]).toEqual(["a", "b", "c"]);
    expect(model.outputs).toEqual(["sum", "b2"]);
  });

  it("is the same for the same graph", () => {
    const build = () => {
      const [q, weight] = [input("q", [1, 4, 6]), stored("w", [6, 6])];
      const y = checkpoint((h) => linear(attention(h, h, h, { heads: 2, causal: true }), weight), [q]);
      const loss = sum(y);
      const [dq] = gradients(loss, [q]);
      return emitModel({ loss, dq }, "cpu").bytes;
    };
    expect(build()).toEqual(build());
  });

  it("declares no shape of what is fed, and none that a reshape gives, if weights stay in their file", () => {
    const y = reshape(mul(reshape(input("x", [4, 6]), [24]), 2), [4, 6]);
    const model = (mapsWeights: boolean) => readModel(emitModel({ y }, "cpu", { mapsWeights }).bytes);
    const [open, hidden] = [model(false), model(true)];
    expect(open.inputs).toEqual([{ name: "x", shape: [4, 6] }]);
    const targets = hidden.nodes.filter(({ opType }) => opType === "Reshape").map(({ inputs }) => inputs[1]);
    expect(targets).toHaveLength(2);
    // An initializer that is an input as well may be overridden, so that ONNX Runtime does not read it beforehand.
    expect(hidden.inputs).toEqual(["x", ...targets].map((name) => ({ name, shape: undefined })));
    expect(hidden.initializers.map(({ name }) => name)).toEqual(expect.arrayContaining(targets));
    expect(hidden.nodes.map(({ opType }) => opType)).toEqual(open.nodes.map(({ opType }) => opType));
  });

  it("shares equal small constants", () => {
    const x = input("x", [2]);
    const { model } = emitted({ y: add(mul(add(x, 2), 2), constant(2)) });
    expect(model.initializers).toHaveLength(1);
  });

  it("is made of standard operators alone in the portable lowering", () => {
    const q = input("q", [1, 4, 6]);
    const [w, b] = [input("w", [6]), input("b", [6])];
    const y = silu(layerNorm(attention(q, q, q, { heads: 2, probabilitiesAtOnce: 0 }), w, b, 1e-5));
    const loss = sum(matmul(y, y, { transposeB: true }));
    const [dq, dw] = gradients(loss, [q, w]);
    const domains = (target: "cpu" | "portable") => {
      return new Set(emitted({ loss, dq, dw }, target).model.nodes.map(({ domain }) => domain));
    };
    expect(domains("portable")).toEqual(new Set([""]));
    expect(domains("cpu")).toEqual(new Set(["", "com.microsoft"]));
  });

  it("runs long attention's backward pass head by head on the cpu, one loop over all heads", () => {
    const operators = (probabilitiesAtOnce: number, target: "cpu" | "portable" = "cpu") => {
      const [q, k] = [input("q", [2, 4, 6]), input("k", [2, 5, 6])];
      const loss = sum(attention(q, k, k, { heads: 2, probabilitiesAtOnce }));
      const [dq] = gradients(loss, [q]);
      return emitted({ dq }, target).model.nodes.map(({ opType }) => opType);
    };
    const probabilities = 2 * 2 * 4 * 5;
    expect(operators(probabilities - 1)).toContain("Scan");
    expect(operators(probabilities - 1)).not.toContain("Softmax");
    expect(operators(probabilities)).not.toContain("Scan");
    expect(operators(0, "portable")).not.toContain("Scan");
  });

  it("does not compute what nobody reads of attention's gradients", () => {
    const [q, k, v] = [input("q", [1, 4, 6]), input("k", [1, 4, 6]), input("v", [1, 4, 6])];
    const loss = sum(attention(q, k, v, { heads: 2 }));
    const products = (wrt: Tensor) => {
      const [slope] = gradients(loss, [wrt]);
      return emitted({ slope }).model.nodes.filter(({ opType }) => opType === "FusedMatMul" || opType === "MatMul")
        .length;
    };
    expect(products(v)).toBe(2); // the scores, Pᵀ·dO
    expect(products(q)).toBe(3); // the scores, dO·Vᵀ, dS·K
  });
});
