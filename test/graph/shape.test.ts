import { describe, expect, it } from "vitest";
import {
  add,
  attention,
  broadcastTo,
  concat,
  constant,
  conv2d,
  embedding,
  groupNorm,
  input,
  layerNorm,
  linear,
  matmul,
  pad,
  parameter,
  reshape,
  resizeNearest,
  ShapeError,
  slice,
  softmax,
  split,
  sum,
  transpose,
  type Shape,
} from "../../src/graph/index.ts";

const t = (...shape: Shape) => input("x", shape);
const source = { path: "/weights.safetensors", byteOffset: 0, byteLength: 10, dtype: "float16" } as const;

const mistakes: readonly (readonly [string, () => unknown])[] = [
  ["add([2, 3], [2, 4]): axis -1 cannot be broadcast", () => add(t(2, 3), t(2, 4))],
  ["add([3, 2, 1], [4, 1, 5]): axis -3 cannot be broadcast", () => add(t(3, 2, 1), t(4, 1, 5))],
  ["matmul([2, 3], [4, 5]): inner extents 3 and 4 differ", () => matmul(t(2, 3), t(4, 5))],
  ["matmul([2, 3], [3, 5]): inner extents 2 and 3 differ", () => matmul(t(2, 3), t(3, 5), { transposeA: true })],
  ["matmul([3], [3, 5]): matrices have two axes", () => matmul(t(3), t(3, 5))],
  ["matmul([2], [4]): axis -1 cannot be broadcast", () => matmul(t(2, 3, 3), t(4, 3, 3))],
  ["linear([2, 3], [5, 4]): features do not match", () => linear(t(2, 3), t(5, 4))],
  ["linear([2, 3], [5, 3], [3]): features do not match", () => linear(t(2, 3), t(5, 3), t(3))],
  ["linear([2, 3], [5, 3], [5, 1]): features do not match", () => linear(t(2, 3), t(5, 3), t(5, 1))],
  ["linear([], [5, 3]): features do not match", () => linear(t(), t(5, 3))],
  ["conv2d([1, 3, 8, 8], [4, 2, 3, 3]): 3 channels, the kernel takes 2", () => conv2d(t(1, 3, 8, 8), t(4, 2, 3, 3))],
  ["conv2d([3, 8, 8], [4, 3, 3, 3]): pictures and kernels have four axes", () => conv2d(t(3, 8, 8), t(4, 3, 3, 3))],
  ["conv2d([1, 3, 8, 8], [4, 3, 3, 3], [3]): the bias", () => conv2d(t(1, 3, 8, 8), t(4, 3, 3, 3), t(3))],
  ["conv2d([1, 3, 2, 8], [4, 3, 3, 3]): the kernel is larger", () => conv2d(t(1, 3, 2, 8), t(4, 3, 3, 3))],
  ["layerNorm([2, 3], [4], [3]): features do not match", () => layerNorm(t(2, 3), t(4), t(3), 1e-5)],
  ["layerNorm([2, 3]): a bias needs a weight", () => layerNorm(t(2, 3), undefined, t(3), 1e-5)],
  ["layerNorm([]): there is no axis -1", () => layerNorm(t(), undefined, undefined, 1e-5)],
  ["groupNorm([2, 6, 4], [6, 1], [6]): 2 groups do not fit", () => groupNorm(t(2, 6, 4), 2, t(6, 1), t(6), 1e-5)],
  ["groupNorm([2, 6, 4], [6], [6]): 4 groups do not fit", () => groupNorm(t(2, 6, 4), 4, t(6), t(6), 1e-5)],
  ["groupNorm([2, 6, 4], [3], [6]): 2 groups do not fit", () => groupNorm(t(2, 6, 4), 2, t(3), t(6), 1e-5)],
  ["attention([1, 4, 6], [1, 5, 6], [1, 5, 6]): they do not fit 4 heads", () => attend(t(1, 5, 6), { heads: 4 })],
  ["attention([1, 4, 6], [1, 5, 8], [1, 5, 8]): they do not fit 2 heads", () => attend(t(1, 5, 8), { heads: 2 })],
  ["attention([1, 4, 6], [1, 5, 6]", () => attend(t(1, 5, 6), { heads: 2, causal: true })],
  ["embedding([5, 2], [3]): needs a matrix and int32 ids", () => embedding(t(5, 2), t(3))],
  ["reshape([2, 3]): the elements do not fit [4, -1]", () => reshape(t(2, 3), [4, -1])],
  ["reshape([2, 3]): the elements do not fit [-1, -1]", () => reshape(t(2, 3), [-1, -1])],
  ["transpose([2, 3]): [0, 0] is not a permutation", () => transpose(t(2, 3), [0, 0])],
  ["broadcastTo([2, 3], [3]): the second shape is smaller", () => broadcastTo(t(2, 3), [3])],
  ["broadcastTo([2, 3], [2, 4]): axis -1 cannot be broadcast", () => broadcastTo(t(2, 3), [2, 4])],
  ["concat([2, 3], [3, 3]): they differ outside axis 1", () => concat([t(2, 3), t(3, 3)], 1)],
  ["concat([2, 3]): there is no axis 2", () => concat([t(2, 3), t(2, 3)], 2)],
  ["concat(): nothing to join", () => concat([], 0)],
  ["split([2, 5]): extents 2 + 2 do not make up axis 1", () => split(t(2, 5), [2, 2], -1)],
  ["slice([2, 5]): [0, 3] to [2, 6] is not inside", () => slice(t(2, 5), [0, 3], [2, 6])],
  ["slice([2, 5]): [0] to [2] is not inside", () => slice(t(2, 5), [0], [2])],
  ["pad([2, 5]): cannot pad by [0, -1] and [0, 0]", () => pad(t(2, 5), [0, -1], [0, 0])],
  ["pad([2, 5]): cannot pad by [1] and [1]", () => pad(t(2, 5), [1], [1])],
  ["sum([2, 5]): there is no axis -3", () => sum(t(2, 5), [-3])],
  ["resizeNearest([3, 8, 8]): pictures have four axes", () => resizeNearest(t(3, 8, 8), [16, 16])],
  ["resizeNearest([1, 3, 8, 8]): cannot be resized to [16, 0]", () => resizeNearest(t(1, 3, 8, 8), [16, 0])],
  ["softmax([]): there is no axis -1", () => softmax(t())],
  ["parameter([2, 3]): w has 10 bytes of float16", () => parameter("w", [2, 3], source)],
  ["constant([2, 3]): 5 values do not fill [2, 3]", () => constant(new Float32Array(5), [2, 3])],
];

function attend(keys: ReturnType<typeof t>, options: { heads: number; causal?: boolean }) {
  return attention(t(1, 4, 6), keys, keys, options);
}

describe("ShapeError", () => {
  it.each(mistakes)("says %s", (message, mistake) => {
    let thrown: unknown;
    try {
      mistake();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ShapeError);
    expect(thrown instanceof Error ? thrown.message : "").toContain(message);
  });

  it("points at the line that called the op", () => {
    const buildModel = () => matmul(t(2, 3), t(4, 5));
    expect(buildModel).toThrow(/\(at buildModel \(.*test\/graph\/shape\.test\.ts:\d+:\d+\)\)$/);
    const nested = () => sum(groupNorm(t(2, 6, 4), 4, t(6), t(6), 1e-5));
    expect(nested).toThrow(/\(at nested \(.*test\/graph\/shape\.test\.ts:\d+:\d+\)\)$/);
  });
});

describe("NumPy broadcasting", () => {
  it("gives the result its shape", () => {
    expect(add(t(4, 1, 3), t(2, 1)).shape).toEqual([4, 2, 3]);
    expect(add(t(), t(2, 1)).shape).toEqual([2, 1]);
    expect(add(1, t(5)).shape).toEqual([5]);
  });
});
