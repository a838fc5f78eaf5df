import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as convolutions from "../../../src/graph/ops/convolution.ts";
import { emitModel } from "../../../src/graph/onnx/emit.ts";
import { loadOnnxRuntime } from "../../../src/graph/onnx-runtime.ts";
import {
  constant,
  gradients,
  input,
  mul,
  parameter,
  sizeOf,
  sum,
  type Conv2dOptions,
  type Tensor,
} from "../../../src/graph/index.ts";
import { writeSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { temporaryFolder } from "../../io/temporary-folder.ts";
import { compute, noise } from "../support/compute.ts";
import { readModel } from "../support/onnx-model.ts";
import { evaluate } from "../support/reference.ts";
import { anywhere, describeOps, expectClose, extent, type OpCase } from "../support/op-cases.ts";
import { loadStored } from "../support/stored-weight.ts";

const sides = fc.oneof(extent(0, 2), fc.tuple(extent(0, 2), extent(0, 2), extent(0, 2), extent(0, 2)));

describeOps(
  convolutions,
  {
    conv2d: fc
      .record({
        batch: extent(1, 2),
        inChannels: extent(1, 3),
        outChannels: extent(1, 3),
        kernel: fc.tuple(extent(1, 3), extent(1, 3)),
        // Beyond the kernel's size, so that it always fits.
        more: fc.tuple(extent(0, 4), extent(0, 4)),
        hasBias: fc.boolean(),
        stride: extent(1, 3),
        padding: sides,
      })
      .map(({ batch, inChannels, outChannels, kernel, more, hasBias, stride, padding }): OpCase => ({
        operands: [
          anywhere([batch, inChannels, kernel[0] + more[0], kernel[1] + more[1]]),
          anywhere([outChannels, inChannels, ...kernel]),
          ...(hasBias ? [anywhere([outChannels])] : []),
        ],
        apply: (x, weight, bias) => convolutions.conv2d(x, weight, bias, { stride, padding }),
      })),
  },
  ["conv2dInputGradient"],
);

describe("the input gradient", () => {
  const optionsOfEach = [
    { kernel: [3, 3], padding: 1 },
    { kernel: [3, 3], padding: 0 },
    { kernel: [3, 2], padding: [0, 1, 2, 0] },
    // More padding than the kernel reaches over.
    { kernel: [2, 2], padding: [2, 0, 0, 2] },
    { kernel: [3, 3], padding: 1, stride: 2 },
    { kernel: [1, 1] },
  ] satisfies ({ kernel: [number, number] } & Conv2dOptions)[];
  // Of a stored kernel the CPU turns a large picture around, and computes a transposed convolution for a small one.
  const cases = [48, 12].flatMap((side) => optionsOfEach.map((options) => ({ side, ...options })));

  const inFolder = temporaryFolder();

  it.each(cases)(
    "is the same on the CPU, of a stored kernel or one that is fed, as on a GPU: %j",
    async ({ side, kernel, ...options }) => {
      const shape = [5, 3, ...kernel];
      const [x, fed, data] = [input("x", [2, 3, side, side]), input("weight", shape), noise(sizeOf(shape), 1)];
      const file = inFolder(`${side} ${JSON.stringify({ kernel, ...options })}.safetensors`);
      await writeSafetensors(file, new Map([["weight", { shape, data }]]));
      const stored = await loadStored(file, "weight");
      const gradientOf = (weight: Tensor) => {
        const y = convolutions.conv2d(x, weight, undefined, options);
        const [gradient] = gradients(sum(mul(y, input("dy", y.shape))), [x]);
        return { gradient, dy: noise(sizeOf(y.shape), 2) };
      };
      const { gradient, dy } = gradientOf(fed);
      const { gradient: portable } = await compute({ gradient }, { weight: data, dy }, { lowering: "portable" });
      expect(portable.some((value) => Math.abs(value) > 1)).toBe(true);
      const { gradient: onCpu } = await compute({ gradient }, { weight: data, dy });
      expectClose(onCpu, portable, 1e-6);
      const { gradient: ofStored } = await compute({ gradient: gradientOf(stored).gradient }, { dy });
      expectClose(ofStored, portable, 1e-6);
    },
  );

  it("is a transposed convolution of a weight in a file, of which no turned copy is made", () => {
    const operators = (weight: Tensor, target: "cpu" | "portable") => {
      const x = input("x", [1, 2, 64, 64]);
      const [gradient] = gradients(sum(convolutions.conv2d(x, weight)), [x]);
      const { nodes } = readModel(emitModel({ gradient }, target).bytes);
      return nodes.map(({ opType }) => opType);
    };
    const source = { path: "/models/w.safetensors", byteOffset: 0, byteLength: 72 * 4, dtype: "float32" } as const;
    const stored = parameter("w", [4, 2, 3, 3], source);
    expect(operators(stored, "portable")).toContain("ConvTranspose");
    expect(operators(input("w", [4, 2, 3, 3]), "portable")).not.toContain("ConvTranspose");
    expect(operators(stored, "cpu")).not.toContain("ConvTranspose");
  });
});

describe("the gradient of the kernel", () => {
  const cases = [
    // As many positions as are given zeros, and not.
    { shape: [4, 3, 16, 16], kernel: [3, 3], padding: 1 },
    { shape: [1, 3, 32, 32], kernel: [1, 1] },
    { shape: [2, 3, 16, 32], kernel: [2, 3], padding: [0, 2, 1, 0] },
    { shape: [4, 3, 15, 16], kernel: [3, 3], padding: 1 },
    // Pixels of the kernel that see nothing but padding.
    { shape: [3, 3, 2, 1], kernel: [3, 3], padding: 1 },
    { shape: [3, 3, 1, 2], kernel: [3, 5], padding: [1, 2, 1, 2] },
    { shape: [4, 3, 32, 32], kernel: [3, 3], padding: 1, stride: 2 },
  ] satisfies ({ shape: number[]; kernel: [number, number] } & Conv2dOptions)[];

  it.each(cases)("is the adjoint of the convolution: %j", async ({ shape, kernel, ...options }) => {
    const kernels = [5, shape[1], ...kernel];
    const [x, weight] = [input("x", shape), input("weight", kernels)];
    const y = convolutions.conv2d(x, weight, undefined, options);
    const dy = input("dy", y.shape);
    const loss = sum(mul(y, dy));
    const [gradient] = gradients(loss, [weight]);
    const feeds = { x: noise(sizeOf(shape), 1), dy: noise(sizeOf(y.shape), 2) };
    // The loss is linear in the kernel: of one that has a single pixel, it is the gradient there.
    const slopes: number[] = [];
    for (let at = 0; at < sizeOf(kernels); at++) {
      const single = Float32Array.from({ length: sizeOf(kernels) }, (_, i) => (i === at ? 1 : 0));
      slopes.push((await compute({ loss }, { ...feeds, weight: single })).loss[0]);
    }
    for (const lowering of ["cpu", "portable"] as const) {
      const computed = await compute({ gradient }, { x: feeds.x, dy: feeds.dy }, { lowering });
      expectClose(computed.gradient, slopes, 2e-6, lowering);
    }
  });
});

describe("a convolution by a kernel that changes from run to run", () => {
  const kinds = (outputs: Readonly<Record<string, Tensor>>) =>
    readModel(emitModel(outputs, "cpu").bytes).nodes.map(({ opType }) => opType);
  const traced = (shape: readonly number[], outChannels: number) => {
    const [, inChannels] = shape;
    const [x, weight] = [input("x", shape), input("weight", [outChannels, inChannels, 3, 3])];
    const y = convolutions.conv2d(x, weight, undefined, { padding: 1 });
    const [dx, dw] = gradients(sum(mul(y, input("dy", y.shape))), [x, weight]);
    return { y, dx, dw };
  };

  it.each([
    { shape: [4, 64, 16, 16], outChannels: 80, isDirect: false },
    { shape: [1, 96, 28, 40], outChannels: 64, isDirect: false },
    { shape: [64, 64, 4, 4], outChannels: 64, isDirect: false },
    // Fewer channels, fewer pixels, a tile that is not whole.
    { shape: [4, 64, 16, 16], outChannels: 63, isDirect: true },
    { shape: [3, 64, 16, 16], outChannels: 64, isDirect: true },
    { shape: [4, 64, 18, 16], outChannels: 64, isDirect: true },
  ])("has the same result and gradients by Winograd's form: %j", async ({ shape, outChannels, isDirect }) => {
    const outputs = traced(shape, outChannels);
    expect(kinds(outputs).some((kind) => kind.startsWith("Conv"))).toBe(isDirect);
    const [batch, inChannels, height, width] = shape;
    const feeds = {
      x: noise(sizeOf(shape), 1),
      weight: noise(9 * inChannels * outChannels, 2).map((value) => value / Math.sqrt(3 * inChannels)),
      dy: noise(batch * outChannels * height * width, 3),
    };
    const direct = await compute(outputs, feeds, { lowering: "portable" });
    const computed = await compute(outputs, feeds);
    for (const name of ["y", "dx", "dw"] as const) expectClose(computed[name], direct[name], 2e-5, name);
  });

  it("is no constant: that is packed, as in the convolution that benchmarks are measured against", () => {
    const kernel = constant(noise(9 * 64 * 64, 1), [64, 64, 3, 3]);
    const y = convolutions.conv2d(input("x", [1, 64, 32, 32]), kernel, undefined, { padding: 1 });
    expect(kinds({ y }).filter((kind) => kind !== "Identity")).toEqual(["Conv"]);
  });

  it("has the kernel's gradient of its definition", async () => {
    const { dw } = traced([1, 64, 32, 32], 64);
    const feeds = { x: noise(64 * 32 * 32, 1), dy: noise(64 * 32 * 32, 2) };
    const computed = await compute({ dw }, feeds);
    expectClose(computed.dw, evaluate([dw], feeds)[0], 2e-5);
  });
});

describe("a convolution of many channels by a stored kernel", () => {
  const inFolder = temporaryFolder();
  // A kernel that is transformed at once and one that is not, several pictures, oblong ones, and one that is not whole
  // tiles.
  const cases = [
    { inChannels: 320, outChannels: 352, size: [32, 36], batch: 1 },
    { inChannels: 640, outChannels: 480, size: [36, 32], batch: 1 },
    { inChannels: 352, outChannels: 320, size: [20, 24], batch: 3 },
    { inChannels: 320, outChannels: 320, size: [34, 32], batch: 1, isDirect: true },
  ];
  const traced = (weight: Tensor, bias: Tensor, batch: number, size: readonly number[]) => {
    const x = input("x", [batch, weight.shape[1], ...size]);
    const y = convolutions.conv2d(x, weight, bias, { padding: 1 });
    const [gradient] = gradients(sum(mul(y, input("dy", y.shape))), [x]);
    return { y, gradient };
  };

  it.each(cases)(
    "is what it is defined as, forwards and backwards: %j",
    async ({ inChannels, outChannels, size, batch, isDirect = false }) => {
      const shape = [outChannels, inChannels, 3, 3];
      const file = inFolder(`${shape.join("x")}.safetensors`);
      const data = noise(sizeOf(shape), 1).map((value) => value / Math.sqrt(3 * inChannels));
      await writeSafetensors(file, new Map([["weight", { shape, data }]]));
      const bias = input("bias", [outChannels]);
      const ofStored = traced(await loadStored(file, "weight"), bias, batch, size);
      const { nodes } = readModel(emitModel(ofStored, "cpu", { mapsWeights: true }).bytes);
      expect(nodes.some(({ opType }) => opType.startsWith("Conv"))).toBe(isDirect);

      const pixels = batch * sizeOf(size);
      const feeds = {
        x: noise(inChannels * pixels, 2),
        dy: noise(outChannels * pixels, 3),
        bias: noise(outChannels, 4),
      };
      const direct = await compute(
        traced(input("weight", shape), bias, batch, size),
        { ...feeds, weight: data },
        { lowering: "portable" },
      );
      const computed = await compute(ofStored, feeds, { weights: "mapped" });
      expectClose(computed.y, direct.y, 2e-5);
      expectClose(computed.gradient, direct.gradient, 2e-5);
    },
  );

  it("transforms the kernel at each use, and keeps no second one", async () => {
    const shape = [320, 320, 3, 3];
    const file = inFolder("twice.safetensors");
    await writeSafetensors(file, new Map([["weight", { shape, data: new Float32Array(sizeOf(shape)) }]]));
    const weight = await loadStored(file, "weight");
    const x = input("x", [1, 320, 32, 32]);
    const y = convolutions.conv2d(convolutions.conv2d(x, weight, undefined, { padding: 1 }), weight, undefined, {
      padding: 1,
    });
    const optimizedModelFilePath = inFolder("optimized.onnx");
    const { bytes, weightsFolder = "" } = emitModel({ y }, "cpu", { mapsWeights: true });
    const { InferenceSession } = await loadOnnxRuntime();
    const session = await InferenceSession.create(bytes, {
      optimizedModelFilePath,
      graphOptimizationLevel: "extended",
      logSeverityLevel: 4,
      extra: { session: { model_external_initializers_file_folder_path: weightsFolder } },
    });
    await session.release();
    const { nodes, initializers } = readModel(await readFile(optimizedModelFilePath));
    // The transform of a kernel is the one product whose second factor is a weight.
    const weights = new Set(initializers.filter(({ shape: [rows] }) => rows === 320).map(({ name }) => name));
    const flat = nodes.filter(({ opType, inputs }) => opType === "Reshape" && weights.has(inputs[0]));
    const transforms = nodes.filter(({ inputs }) => flat.some(({ outputs }) => inputs[1] === outputs[0]));
    expect(transforms.map(({ opType }) => opType)).toEqual(["Gemm", "Gemm"]);
    expect(Math.max(...initializers.map(({ shape: extents }) => sizeOf(extents)))).toBe(sizeOf(shape));
  });
});
