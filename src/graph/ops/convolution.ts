/**
 * @file Two-dimensional convolution and its adjoints.
 */
import type { LoweringTarget, OnnxBuilder } from "../onnx/builder.ts";
import { ShapeError, sizeOf, type Shape } from "../shape.ts";
import { applyOne, isStoredWeight, type Tensor } from "../tensor.ts";
import { concat, pad, slice, transpose } from "./movement.ts";
import { reshape, sum } from "./broadcasting.ts";
import { matmul } from "./matmul.ts";

export interface Conv2dOptions {
  readonly stride?: number;
  /** Zeros around the picture: the same on every side, or [top, left, bottom, right]. */
  readonly padding?: number | readonly [number, number, number, number];
}

/** A half-precision kernel is widened in parts of at most this many elements, so that no large float32 copy has to exist at once. */
const WIDENED_PART = 1 << 23;

function widenedParts(weight: Tensor): number {
  return weight.node.op === "toFloat32" ? Math.ceil(sizeOf(weight.shape) / WIDENED_PART) : 1;
}

function evenParts(total: number, parts: number): number[] {
  const cuts = Array.from({ length: parts + 1 }, (_, i) => Math.floor((i * total) / parts));
  return cuts.slice(1).map((cut, i) => cut - cuts[i]);
}

/** Slices and not `split`: rows of a stored weight are read where they lie. */
function splitRows(x: Tensor, extents: readonly number[]): Tensor[] {
  let first = 0;
  return extents.map((extent) => {
    const rest = x.shape.slice(1);
    const rows = slice(x, [first, ...rest.map(() => 0)], [first + extent, ...rest]);
    first += extent;
    return rows;
  });
}

interface Geometry {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: readonly [number, number];
  readonly stride: number;
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
}

/**
 * y[n,o,h,w] = b[o] + Σ_{c,i,j} W[o,c,i,j] · x[n, c, h·stride + i - top, w·stride + j - left].
 * Derivative: dx is the transposed convolution of dy with the same W; dW[o,c,i,j] = Σ_{n,h,w} dy[n,o,h,w] · (the x it
 * multiplied), computed as one matrix product for each (i,j); db = Σ_{n,h,w} dy.
 *
 * @param x - `[batch, inChannels, height, width]`
 * @param weight - `[outChannels, inChannels, kernelHeight, kernelWidth]`
 * @param bias - `[outChannels]`
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options: Conv2dOptions = {}): Tensor {
  const parts = widenedParts(weight);
  if (parts > 1) {
    const extents = evenParts(weight.shape[0], parts);
    const biases = bias && splitRows(bias, extents);
    return concat(
      splitRows(weight, extents).map((rows, i) => conv2d(x, rows, biases?.[i], options)),
      1,
    );
  }
  const geometry = convolutionGeometry(x.shape, weight.shape, bias?.shape, options);
  const { batch, outChannels, output, pads, stride } = geometry;
  const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
  return applyOne(
    "conv2d",
    inputs,
    { shape: [batch, outChannels, ...output] },
    {
      attributes: { pads, stride },
      lower: (onnx, names) => [
        onnx.node("Conv", names, { kernel_shape: geometry.kernel, pads, strides: [stride, stride] }),
      ],
      vjp: ([dy]) => {
        if (dy === undefined) return [];
        const adjoint = weightGradients(dy, x, geometry);
        return [inputGradient(dy, weight, geometry), adjoint.weight, adjoint.bias];
      },
      flops: () => convolutionFlops(geometry),
    },
  );
}

function convolutionGeometry(x: Shape, weight: Shape, bias: Shape | undefined, options: Conv2dOptions): Geometry {
  const { stride = 1, padding = 0 } = options;
  const pads = typeof padding === "number" ? ([padding, padding, padding, padding] as const) : padding;
  const [batch, inChannels, height, width] = x;
  const [outChannels, expected, kernelHeight, kernelWidth] = weight;
  const shapes = bias === undefined ? [x, weight] : [x, weight, bias];
  if (x.length !== 4 || weight.length !== 4)
    throw new ShapeError("conv2d", shapes, "pictures and kernels have four axes");
  if (inChannels !== expected)
    throw new ShapeError("conv2d", shapes, `${inChannels} channels, the kernel takes ${expected}`);
  if (bias && (bias.length !== 1 || bias[0] !== outChannels))
    throw new ShapeError("conv2d", shapes, "the bias does not fit");
  const extent = (size: number, kernel: number, before: number, after: number) =>
    Math.floor((size + before + after - kernel) / stride) + 1;
  const output = [
    extent(height, kernelHeight, pads[0], pads[2]),
    extent(width, kernelWidth, pads[1], pads[3]),
  ] as const;
  if (output[0] < 1 || output[1] < 1) throw new ShapeError("conv2d", shapes, "the kernel is larger than the picture");
  const kernel = [kernelHeight, kernelWidth] as const;
  return { batch, inChannels, outChannels, kernel, stride, pads, input: [height, width], output };
}

function convolutionFlops({ batch, inChannels, outChannels, kernel, output }: Geometry): number {
  return 2 * batch * inChannels * outChannels * sizeOf(kernel) * sizeOf(output);
}

/**
 * From so many pixels on, a convolution of the picture turned around is quicker on the CPU than a transposed convolution, which
 * writes every product out before it adds them up. On fewer, reordering the kernel takes longer than that.
 */
const PIXELS_TO_TURN = 2048;

/** The adjoint of conv2d in x: a transposed convolution that reads the stored kernel as it is, or, where that is slow, a turned one. */
function inputGradient(dy: Tensor, weight: Tensor, geometry: Geometry): Tensor {
  const { batch, inChannels, outChannels, kernel, stride, pads, input, output } = geometry;
  const missing = ([0, 1] as const).map(
    (axis) => input[axis] - (stride * (output[axis] - 1) + kernel[axis] - pads[axis] - pads[axis + 2]),
  );
  const canTurn = stride === 1 && kernelReach(geometry).every((extent) => extent >= 0);
  /** What a convolution turns around, if it takes the place of the transposed one. */
  const turned = (target: LoweringTarget): "picture" | "kernel" | undefined => {
    if (!canTurn) return undefined;
    // A stored kernel is not turned: ONNX Runtime would keep the result as a second copy of the weight.
    if (target === "portable") return isStoredWeight(weight) ? undefined : "kernel";
    return sizeOf(kernel) > 1 && sizeOf(output) >= PIXELS_TO_TURN ? "picture" : undefined;
  };
  return applyOne(
    "conv2dInputGradient",
    [dy, weight],
    { shape: [batch, inChannels, ...input] },
    {
      attributes: { pads, stride },
      lower: (onnx, names) => {
        const what = turned(onnx.target);
        if (what === "picture") return [withPictureTurned(onnx, names, geometry)];
        if (what === "kernel") return [withKernelTurned(onnx, names, geometry)];
        const attributes = { kernel_shape: kernel, pads, strides: [stride, stride], output_padding: missing };
        return [onnx.node("ConvTranspose", names, attributes)];
      },
      flops: () => convolutionFlops(geometry),
      scratch: (target) => {
        const kernels = sizeOf([outChannels, inChannels, ...kernel]);
        const what = turned(target);
        if (what === "picture") return kernels + batch * (outChannels * sizeOf(output) + inChannels * sizeOf(input));
        // Without turning, ONNX Runtime unfolds one picture of the result: a column for each pixel of dy.
        return what === "kernel" ? 2 * kernels : inChannels * sizeOf(kernel) * sizeOf(output);
      },
    },
  );
}

/**
 * With r the picture turned by 180 degrees: dx = r(conv2d(r(dy), Wᵀ)), the kernel's channels swapped and its pixels as they
 * are.
 */
function withPictureTurned(onnx: OnnxBuilder, [dy, weight]: readonly string[], geometry: Geometry): string {
  const [top, left, bottom, right] = kernelReach(geometry);
  const swapped = onnx.node("Transpose", [weight], { perm: [1, 0, 2, 3] });
  const attributes = { kernel_shape: geometry.kernel, pads: [bottom, right, top, left] };
  return turn(onnx, onnx.node("Conv", [turn(onnx, dy), swapped], attributes));
}

/** dx = conv2d(dy, r(Wᵀ)): a GPU has many pictures to a step, and one kernel. */
function withKernelTurned(onnx: OnnxBuilder, [dy, weight]: readonly string[], geometry: Geometry): string {
  const swapped = onnx.node("Transpose", [weight], { perm: [1, 0, 2, 3] });
  const turned = sizeOf(geometry.kernel) === 1 ? swapped : turn(onnx, swapped);
  return onnx.node("Conv", [dy, turned], { kernel_shape: geometry.kernel, pads: kernelReach(geometry) });
}

/** Turns the last two of four axes by 180 degrees. */
function turn(onnx: OnnxBuilder, name: string): string {
  // Backwards, and to before the first.
  const [first, beyond, step] = [-1, -(2 ** 31), -1].map((value) => onnx.ints([value, value]));
  return onnx.node("Slice", [name, first, beyond, onnx.ints([2, 3]), step]);
}

/** What a turned kernel reaches over on each side: top, left, bottom, right. */
function kernelReach({ kernel: [height, width], pads: [top, left, bottom, right] }: Geometry): number[] {
  return [height - 1 - top, width - 1 - left, height - 1 - bottom, width - 1 - right];
}

/**
 * The adjoints of conv2d in W and b. With batch and pixels as one axis, dW at each kernel offset is one matrix product of dy with the
 * x that the offset sees, and nothing is left to sum over the batch.
 */
function weightGradients(dy: Tensor, x: Tensor, geometry: Geometry): { weight: Tensor; bias: Tensor } {
  const { batch, inChannels, outChannels, kernel, stride, pads, output } = geometry;
  const [kernelHeight, kernelWidth] = kernel;
  const [height, width] = output;
  const positions = batch * height * width;
  const channelsFirst = reshape(transpose(dy, [1, 0, 2, 3]), [outChannels, positions]);
  const padded = pad(transpose(x, [1, 0, 2, 3]), [0, 0, pads[0], pads[1]], [0, 0, pads[2], pads[3]]);
  const products: Tensor[] = [];
  for (let i = 0; i < kernelHeight; i++) {
    for (let j = 0; j < kernelWidth; j++) {
      const ends = [inChannels, batch, i + stride * (height - 1) + 1, j + stride * (width - 1) + 1];
      const seen = reshape(slice(padded, [0, 0, i, j], ends, [1, 1, stride, stride]), [inChannels, positions]);
      const product = matmul(channelsFirst, seen, { transposeB: true });
      products.push(reshape(product, [outChannels, inChannels, 1]));
    }
  }
  const weight = reshape(concat(products, 2), [outChannels, inChannels, kernelHeight, kernelWidth]);
  return { weight, bias: sum(channelsFirst, [1]) };
}
