/**
 * @file Two-dimensional convolution and its adjoints.
 */
import type { LoweringTarget, OnnxBuilder } from "../onnx/builder.ts";
import { ShapeError, sizeOf, type Shape } from "../shape.ts";
import { applyOne, isStoredWeight, type Tensor } from "../tensor.ts";
import type { Geometry } from "./convolution/geometry.ts";
import { isForWinograd, winograd, winogradScratch } from "./convolution/winograd.ts";
import { weightGradients } from "./convolution/weight-gradient.ts";
import { concat, slice } from "./movement.ts";

export interface Conv2dOptions {
  readonly stride?: number;
  /** Zeros around the picture: the same on every side, or [top, left, bottom, right]. */
  readonly padding?: number | readonly [number, number, number, number];
}

/**
 * A half-precision kernel is widened in parts of at most this many elements, so that no large float32 copy has to exist
 * at once.
 */
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
      lower: (onnx, names) => {
        if (takesWinograd(onnx, weight, geometry)) return [withWinograd(onnx, names, geometry)];
        return [onnx.node("Conv", names, { kernel_shape: geometry.kernel, pads, strides: [stride, stride] })];
      },
      vjp: ([dy]) => {
        if (dy === undefined) return [];
        const adjoint = weightGradients(dy, x, geometry);
        return [inputGradient(dy, weight, geometry), adjoint.weight, adjoint.bias];
      },
      flops: () => convolutionFlops(geometry),
      scratch: (target, mapsWeights) =>
        takesWinograd({ target, mapsWeights }, weight, geometry) ? winogradScratch(geometry, { isGradient: false }) : 0,
    },
  );
}

function takesWinograd(
  { target, mapsWeights }: Pick<OnnxBuilder, "target" | "mapsWeights">,
  weight: Tensor,
  geometry: Geometry,
): boolean {
  if (isStoredWeight(weight)) return mapsWeights && isForWinograd(target, geometry, "mapped");
  // ONNX Runtime packs a constant, as it does a weight that is not mapped.
  return weight.node.leaf?.kind !== "constant" && isForWinograd(target, geometry, "run");
}

function withWinograd(onnx: OnnxBuilder, [x, weight, bias]: readonly string[], geometry: Geometry): string {
  const y = winograd(onnx, x, weight, geometry, { isGradient: false });
  return bias === undefined ? y : onnx.node("Add", [y, onnx.reshape(bias, [geometry.outChannels, 1, 1])]);
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
 * A convolution of something turned around is quicker on the CPU than a transposed convolution, which writes every
 * product out before it adds them up. Where a stored kernel would have to be reordered for it, that takes longer below
 * so many pixels.
 */
const PIXELS_TO_TURN_PICTURE = 2048;
/** Pixels of the whole batch from which a kernel that changes from step to step is turned. */
const PIXELS_TO_TURN_KERNEL = 512;

/**
 * The adjoint of conv2d in x: a transposed convolution that reads the stored kernel as it is, or, where that is slow, a
 * turned one.
 */
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
    if (!isStoredWeight(weight) && (target === "portable" || batch * sizeOf(output) >= PIXELS_TO_TURN_KERNEL))
      return "kernel";
    if (target === "portable") return undefined;
    return sizeOf(kernel) > 1 && sizeOf(output) >= PIXELS_TO_TURN_PICTURE ? "picture" : undefined;
  };
  return applyOne(
    "conv2dInputGradient",
    [dy, weight],
    { shape: [batch, inChannels, ...input] },
    {
      attributes: { pads, stride },
      lower: (onnx, names) => {
        const [picture, kernels] = names;
        if (takesWinograd(onnx, weight, geometry)) {
          return [winograd(onnx, picture, kernels, geometry, { isGradient: true })];
        }
        const what = turned(onnx.target);
        if (what === "picture") return [withPictureTurned(onnx, names, geometry)];
        if (what === "kernel") return [withKernelTurned(onnx, names, geometry)];
        const attributes = { kernel_shape: kernel, pads, strides: [stride, stride], output_padding: missing };
        return [onnx.node("ConvTranspose", names, attributes)];
      },
      flops: () => convolutionFlops(geometry),
      scratch: (target, mapsWeights) => {
        if (takesWinograd({ target, mapsWeights }, weight, geometry))
          return winogradScratch(geometry, { isGradient: true });
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
 * With r the picture turned by 180 degrees: dx = r(conv2d(r(dy), Wᵀ)), the kernel's channels swapped and its pixels as
 * they are.
 */
function withPictureTurned(onnx: OnnxBuilder, [dy, weight]: readonly string[], geometry: Geometry): string {
  const [top, left, bottom, right] = kernelReach(geometry);
  const swapped = onnx.node("Transpose", [weight], { perm: [1, 0, 2, 3] });
  const attributes = { kernel_shape: geometry.kernel, pads: [bottom, right, top, left] };
  return turn(onnx, onnx.node("Conv", [turn(onnx, dy), swapped], attributes));
}

/** dx = conv2d(dy, r(Wᵀ)): full training has many pictures to a step, and one kernel. */
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
