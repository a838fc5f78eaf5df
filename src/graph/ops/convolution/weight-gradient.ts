/**
 * @file The backward pass of a convolution in its kernel and bias.
 */
import { reshape, sum } from "../broadcasting.ts";
import { matmul } from "../matmul.ts";
import { concat, pad, slice, transpose } from "../movement.ts";
import type { OnnxBuilder } from "../../onnx/builder.ts";
import { sizeOf } from "../../shape.ts";
import { applyOne, type Tensor } from "../../tensor.ts";
import { isForWinograd } from "./winograd.ts";
import { kernelGradientScratch, winogradKernelGradient } from "./winograd-kernel-gradient.ts";
import type { Geometry } from "./geometry.ts";

/** The adjoints of conv2d in W and b. */
export function weightGradients(dy: Tensor, x: Tensor, geometry: Geometry): { weight: Tensor; bias: Tensor } {
  const { outChannels } = geometry;
  const weight = isForWinograd("cpu", geometry, "run")
    ? kernelGradient(dy, x, geometry)
    : productsOfPixels(dy, x, geometry);
  // The order of axes that the products of pixels need, too: ONNX Runtime moves them once for both.
  return { weight, bias: sum(reshape(transpose(dy, [1, 2, 0, 3]), [outChannels, -1]), [1]) };
}

/** By Winograd's form on the CPU. */
function kernelGradient(dy: Tensor, x: Tensor, geometry: Geometry): Tensor {
  const { batch, inChannels, outChannels, kernel, stride, pads, output } = geometry;
  const positions = batch * sizeOf(output);
  return applyOne(
    "conv2dKernelGradient",
    [dy, x],
    { shape: [outChannels, inChannels, ...kernel] },
    {
      attributes: { pads, stride },
      lower: (onnx, [dyName, xName]) => {
        if (onnx.target === "cpu") return [winogradKernelGradient(onnx, dyName, xName, geometry)];
        const names = new Map([
          [dy, dyName],
          [x, xName],
        ]);
        return [lowered(onnx, names, productsOfPixels(dy, x, geometry))];
      },
      flops: () => 2 * inChannels * outChannels * sizeOf(kernel) * positions,
      // Else x with its padding and seen by each row of the kernel, dy shifted by each column.
      scratch: (target) =>
        target === "cpu" ? kernelGradientScratch(geometry) : (4 * inChannels + 4 * outChannels) * positions,
    },
  );
}

/** Lowers what follows from values that have names. */
function lowered(onnx: OnnxBuilder, names: Map<Tensor, string>, result: Tensor): string {
  const known = names.get(result);
  if (known !== undefined) return known;
  const { inputs, outputs, rules } = result.node;
  const values = rules.lower?.(
    onnx,
    inputs.map((input) => lowered(onnx, names, input)),
    outputs.map(() => true),
  );
  if (values === undefined) throw new Error(`${result.node.op} cannot be emitted`);
  outputs.forEach((output, i) => names.set(output, values[i]));
  return values[outputs.indexOf(result)];
}

/**
 * With batch and pixels as one axis, dW at each kernel offset is one matrix product of dy with the x that the offset
 * sees, and nothing is left to sum over the batch.
 */
function productsOfPixels(dy: Tensor, x: Tensor, geometry: Geometry): Tensor {
  const { inChannels, outChannels, kernel } = geometry;
  const channelsFirst = transpose(dy, [1, 2, 0, 3]);
  const pairs = canShift(geometry) ? shiftedPairs(channelsFirst, x, geometry) : seenPairs(channelsFirst, x, geometry);
  const products = pairs.map(([rows, seen]) =>
    reshape(matmul(rows, seen, { transposeB: true }), [outChannels, inChannels, 1]),
  );
  return reshape(concat(products, 2), [outChannels, inChannels, ...kernel]);
}

/**
 * dy and x as matrices of a row for each channel, for each kernel offset, whose products are the gradients of the
 * kernel.
 */
type Pairs = readonly (readonly [dy: Tensor, x: Tensor])[];

/** @param dy - `[outChannels, height, batch, width]` */
function seenPairs(
  dy: Tensor,
  x: Tensor,
  { batch, inChannels, outChannels, kernel, stride, pads, output }: Geometry,
): Pairs {
  const [height, width] = output;
  const positions = batch * height * width;
  const rows = reshape(dy, [outChannels, positions]);
  const padded = pad(transpose(x, [1, 2, 0, 3]), [0, pads[0], 0, pads[1]], [0, pads[2], 0, pads[3]]);
  return offsetsOf(kernel).map(([i, j]) => {
    const ends = [inChannels, i + stride * (height - 1) + 1, batch, j + stride * (width - 1) + 1];
    return [rows, reshape(slice(padded, [0, i, 0, j], ends, [1, stride, 1, stride]), [inChannels, positions])];
  });
}

/**
 * Whether the result has the extents of the picture, and no pixel of the kernel is as far to a side as the picture is
 * wide.
 */
function canShift({ stride, kernel, pads, input, output }: Geometry): boolean {
  const furthest = Math.max(pads[1], kernel[1] - 1 - pads[1]);
  return stride === 1 && input.join() === output.join() && furthest < output[1];
}

/**
 * Sums of this length, or of a multiple, are so far apart in memory from row to row that the rows fall on the same
 * lines of the cache: with a few zeros more, their products take a third less time (bench/README.md).
 */
const ALIASING_TERMS = 1024;
const ZEROS_AGAINST_ALIASING = 64;

/**
 * The same with fewer copies, where the picture keeps its size. With the batch inside of the height, a shift by rows is
 * a contiguous part of x; shifts along a row are made on dy. So there is one copy for each row and each column of the
 * kernel, and none for each of its pixels.
 */
function shiftedPairs(
  dy: Tensor,
  x: Tensor,
  { batch, inChannels, outChannels, kernel, pads, output }: Geometry,
): Pairs {
  const [kernelHeight, kernelWidth] = kernel;
  const [height, width] = output;
  const [top, left, bottom] = pads;
  const positions = batch * height * width;
  const zeros = positions % ALIASING_TERMS === 0 ? ZEROS_AGAINST_ALIASING : 0;
  const row = batch * width;
  const flat = reshape(transpose(x, [1, 2, 0, 3]), [inChannels, positions]);
  const padded = pad(flat, [0, top * row], [0, bottom * row + zeros]);
  const seen = Array.from({ length: kernelHeight }, (_, i) =>
    slice(padded, [0, i * row], [inChannels, i * row + positions + zeros]),
  );
  const shifted = Array.from({ length: kernelWidth }, (_, j) =>
    pad(reshape(shiftedAlongRows(dy, j - left), [outChannels, positions]), [0, 0], [0, zeros]),
  );
  return offsetsOf(kernel).map(([i, j]) => [shifted[j], seen[i]]);
}

/** y[..., w] = x[..., w - by], 0 where there is none. */
function shiftedAlongRows(x: Tensor, by: number): Tensor {
  const outer = x.shape.slice(0, -1).map(() => 0);
  const width = x.shape[x.shape.length - 1];
  const [before, after] = [Math.max(0, by), Math.max(0, -by)];
  const kept = slice(x, [...outer, after], [...x.shape.slice(0, -1), width - before]);
  return pad(kept, [...outer, before], [...outer, after]);
}

/** Row and column of each pixel of a kernel, in its order. */
function offsetsOf([height, width]: readonly [number, number]): (readonly [number, number])[] {
  return Array.from({ length: height * width }, (_, at) => [Math.floor(at / width), at % width]);
}
