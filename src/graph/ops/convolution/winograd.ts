/**
 * @file 3×3 convolutions of many channels with a quarter of the multiplications: Lavin and Gray, "Fast Algorithms for Convolutional
 * Neural Networks" (CVPR 2016), F(4×4, 3×3). Each tile of 6×6 pixels gives 4×4 of the result: Y = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A, where the
 * products over all channels are 36 matrix products.
 */
import type { LoweringTarget, OnnxBuilder } from "../../onnx/builder.ts";
import { sizeOf } from "../../shape.ts";
import type { Geometry } from "./geometry.ts";

/** Pixels of a tile's side in the result, and of what it sees. */
const TILE = 4;
const SEEN = 6;

/** Bᵀ, Aᵀ and G of the paper, section 4.3. */
const B = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
const A = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];
const G = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];

/** Below these, the transforms of kernel and picture take as long as is saved (measured on AVX-512, bench/README.md). */
const LEAST_CHANNELS = 320;
const LEAST_PIXELS = 32 * 32;
/** Above this, the transformed picture takes more memory than anything else. */
const MOST_PIXELS = 128 * 128;
/** Numbers of a transformed kernel that are held at once: the large ones are four times as large as the picture's. */
const KERNEL_AT_ONCE = 1 << 23;

/**
 * Whether a convolution, or its input gradient, is computed so where weights are mapped: 3×3, to the same size, whole tiles. Packed
 * weights ONNX Runtime reorders for a convolution of its own.
 */
export function isForWinograd(target: LoweringTarget, geometry: Geometry): boolean {
  const { batch, inChannels, outChannels, kernel, stride, pads, output } = geometry;
  const pixels = batch * sizeOf(output);
  return (
    target === "cpu" &&
    stride === 1 &&
    kernel.every((side) => side === 3) &&
    pads.every((side) => side === 1) &&
    output.every((side) => side % TILE === 0) &&
    Math.min(inChannels, outChannels) >= LEAST_CHANNELS &&
    pixels >= LEAST_PIXELS &&
    pixels <= MOST_PIXELS
  );
}

/** Numbers that it holds besides operands and result: pixels that tiles see, as they are and transformed, products and kernels. */
export function winogradScratch(
  { batch, inChannels, outChannels, output }: Geometry,
  { isGradient }: { readonly isGradient: boolean },
): number {
  const [from, to] = isGradient ? [outChannels, inChannels] : [inChannels, outChannels];
  const pictures = (SEEN / TILE) ** 2 * batch * sizeOf(output) * (2 * from + to);
  return pictures + (SEEN ** 2 * inChannels * outChannels) / groupsOf(inChannels, outChannels);
}

/** Into how many groups the rows of a tile are cut, so that little of the kernel is there at once: a divisor of 6. */
function groupsOf(inChannels: number, outChannels: number): number {
  const numbers = SEEN ** 2 * inChannels * outChannels;
  return [1, 2, 3].find((groups) => numbers / groups <= KERNEL_AT_ONCE) ?? SEEN;
}

/**
 * @param picture - x, or dy for the input gradient: the same with the kernel turned around, and its channels swapped
 *   (`[batch, channels, height, width]`)
 * @param weight - `[outChannels, inChannels, 3, 3]`
 */
export function winograd(
  onnx: OnnxBuilder,
  picture: string,
  weight: string,
  { batch, inChannels, outChannels, output: [height, width] }: Geometry,
  { isGradient }: { readonly isGradient: boolean },
): string {
  const [from, to] = isGradient ? [outChannels, inChannels] : [inChannels, outChannels];
  const [rows, columns] = [height / TILE, width / TILE];
  const tiles = batch * rows * columns;
  const seen = seenByTiles(onnx, picture, [batch, rows, columns, from]);
  const flat = onnx.reshape(weight, [outChannels * inChannels, 9]);
  const transform = kernelTransform(isGradient);
  const groups = groupsOf(inChannels, outChannels);
  const size = SEEN / groups;
  const products = Array.from({ length: groups }, (_, group) => {
    const [first, end] = [group * size, (group + 1) * size];
    const part = onnx.node("Gemm", [matrix(onnx, B.slice(first, end)), seen]);
    const factors = onnx.unfolded(transform.slice(9 * SEEN * first, 9 * SEEN * end), [SEEN * size, 9]);
    const transformed = onnx.node("Gemm", [factors, flat], { transB: 1 });
    const kernels = onnx.reshape(transformed, [size * SEEN, outChannels, inChannels]);
    const product = onnx.matmul(
      { name: kernels, rank: 3, transposed: isGradient },
      { name: onnx.reshape(part, [size * SEEN, tiles, from]), rank: 3, transposed: true },
    );
    return onnx.node("MatMul", [matrix(onnx, A), onnx.reshape(product, [size, SEEN, to * tiles])]);
  });
  const all = groups === 1 ? products[0] : onnx.node("Concat", products, { axis: 0 });
  const pixels = onnx.node("Gemm", [matrix(onnx, A), onnx.reshape(all, [SEEN, TILE * to * tiles])]);
  return fromTiles(onnx, pixels, [batch, rows, columns, to]);
}

/** Pictures, tiles in a column and in a row of one, channels. */
type Tiling = readonly [batch: number, rows: number, columns: number, channels: number];

/**
 * The pixels that each tile sees, their rows transformed: `[6, 6 · batch · rows · columns · channels]`, first the column in the tile, then
 * what the rows became. With channels last, whole runs of memory are copied.
 */
function seenByTiles(onnx: OnnxBuilder, pictures: string, [batch, rows, columns, channels]: Tiling): string {
  const channelsLast = onnx.node("Transpose", [pictures], { perm: [0, 2, 3, 1] });
  const padded = onnx.node("Pad", [channelsLast, onnx.ints([0, 1, 1, 0, 0, 1, 1, 0]), onnx.floats([0])]);
  const everyFourth = (x: string, axis: number, count: number) => {
    const slices = Array.from({ length: SEEN }, (_, i) => sliced(onnx, x, axis, i, i + TILE * (count - 1) + 1, TILE));
    return onnx.node("Concat", slices, { axis: 0 });
  };
  const width = TILE * columns + 2;
  const lines = onnx.reshape(everyFourth(padded, 1, rows), [SEEN, batch * rows * width * channels]);
  const transformed = onnx.reshape(onnx.node("Gemm", [matrix(onnx, B), lines]), [SEEN * batch * rows, width, channels]);
  return onnx.reshape(everyFourth(transformed, 1, columns), [SEEN, SEEN * batch * rows * columns * channels]);
}

/**
 * Pictures `[batch, channels, height, width]` from `[4, 4 · channels · batch · rows · columns]`, first the column in the tile, then the row
 * in it. One axis at a time: ONNX Runtime takes several times as long to move two at once.
 */
function fromTiles(onnx: OnnxBuilder, pixels: string, [batch, rows, columns, channels]: Tiling): string {
  const [height, width] = [TILE * rows, TILE * columns];
  const columnsLast = onnx.node("Transpose", [pixels], { perm: [1, 0] });
  const lines = onnx.reshape(columnsLast, [TILE, channels * batch * rows, width]);
  const channelsFirst = onnx.node("Transpose", [lines], { perm: [1, 0, 2] });
  if (batch === 1) return onnx.reshape(channelsFirst, [1, channels, height, width]);
  const pictures = onnx.reshape(channelsFirst, [channels, batch, height, width]);
  return onnx.node("Transpose", [pictures], { perm: [1, 0, 2, 3] });
}

/** G ⊗ G as `[36, 9]`, the column of a tile first as in the picture; for the gradient, of the kernel turned around. */
function kernelTransform(isTurned: boolean): Float32Array {
  return Float32Array.from({ length: SEEN ** 2 * 9 }, (_, at) => {
    const [value, tap] = [Math.floor(at / 9), isTurned ? 8 - (at % 9) : at % 9];
    return G[value % SEEN][Math.floor(tap / 3)] * G[Math.floor(value / SEEN)][tap % 3];
  });
}

function matrix(onnx: OnnxBuilder, rows: readonly (readonly number[])[]): string {
  return onnx.floats(rows.flat(), [rows.length, rows[0].length]);
}

function sliced(onnx: OnnxBuilder, x: string, axis: number, start: number, end: number, step = 1): string {
  return onnx.node("Slice", [x, onnx.ints([start]), onnx.ints([end]), onnx.ints([axis]), onnx.ints([step])]);
}
