/**
 * @file 3×3 convolutions of many channels with a quarter of the multiplications: Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks" (CVPR 2016), F(4×4, 3×3). Each tile of 6×6 pixels gives 4×4 of the result: Y = Aᵀ [(G
 * g Gᵀ) ∘ (Bᵀ d B)] A, where the products over all channels are 36 matrix products.
 */
import type { LoweringTarget, OnnxBuilder } from "../../onnx/builder.ts";
import { sizeOf } from "../../shape.ts";
import type { Geometry } from "./geometry.ts";
import { A_TRANSPOSED, B_TRANSPOSED, fromTiles, G, matrix, SEEN, seenByTiles, TILE } from "./winograd-tiles.ts";

/**
 * Where a kernel comes from: a file that is mapped into memory, or the run itself, to which it is given or in which it
 * is computed. One that is packed ONNX Runtime reorders for a convolution of its own.
 */
export type KernelSource = "mapped" | "run";

/**
 * Below these, the transforms of kernel and picture take as long as is saved (measured on AVX-512, bench/README.md).
 */
const LEAST_CHANNELS = { mapped: 320, run: 64 } as const;
const LEAST_PIXELS = 32 * 32;
/** Above these, the transformed picture takes more memory than anything else. */
const MOST_PIXELS = { mapped: 128 * 128, run: 256 * 256 } as const;
/** Numbers of a transformed kernel that are held at once: the large ones are four times as large as the picture's. */
const KERNEL_AT_ONCE = 1 << 23;

/** Whether a convolution, or its input gradient, is computed so: 3×3, to the same size, whole tiles. */
export function isForWinograd(target: LoweringTarget, geometry: Geometry, source: KernelSource): boolean {
  const { batch, inChannels, outChannels, kernel, stride, pads, output } = geometry;
  const pixels = batch * sizeOf(output);
  return (
    target === "cpu" &&
    stride === 1 &&
    kernel.every((side) => side === 3) &&
    pads.every((side) => side === 1) &&
    output.every((side) => side % TILE === 0) &&
    Math.min(inChannels, outChannels) >= LEAST_CHANNELS[source] &&
    pixels >= LEAST_PIXELS &&
    pixels <= MOST_PIXELS[source]
  );
}

/**
 * Numbers that it holds at the least besides operands and result: pixels that tiles see, as they are and transformed,
 * products and kernels.
 */
export function winogradScratch(
  { batch, inChannels, outChannels, output }: Geometry,
  { isGradient }: { readonly isGradient: boolean },
): number {
  const [from, to] = isGradient ? [outChannels, inChannels] : [inChannels, outChannels];
  const numbers = (SEEN / TILE) ** 2 * batch * sizeOf(output);
  const kernels = SEEN ** 2 * inChannels * outChannels;
  const groups = groupsOf(inChannels, outChannels);
  // Of one group, the pixels as they are have been read when they are multiplied.
  if (groups === 1) return Math.max(2 * numbers * from, numbers * (from + to) + kernels);
  return numbers * from + (numbers * (from + to) + kernels) / groups;
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
    const part = onnx.node("Gemm", [matrix(onnx, B_TRANSPOSED.slice(first, end)), seen]);
    const factors = onnx.unfolded(transform.slice(9 * SEEN * first, 9 * SEEN * end), [SEEN * size, 9]);
    const transformed = onnx.node("Gemm", [factors, flat], { transB: 1 });
    const kernels = onnx.reshape(transformed, [size * SEEN, outChannels, inChannels]);
    const product = onnx.matmul(
      { name: kernels, rank: 3, transposed: isGradient },
      { name: onnx.reshape(part, [size * SEEN, tiles, from]), rank: 3, transposed: true },
    );
    return onnx.node("MatMul", [matrix(onnx, A_TRANSPOSED), onnx.reshape(product, [size, SEEN, to * tiles])]);
  });
  const all = groups === 1 ? products[0] : onnx.node("Concat", products, { axis: 0 });
  const pixels = onnx.node("Gemm", [matrix(onnx, A_TRANSPOSED), onnx.reshape(all, [SEEN, TILE * to * tiles])]);
  return fromTiles(onnx, pixels, [batch, rows, columns, to]);
}

/** G ⊗ G as `[36, 9]`, the column of a tile first as in the picture; for the gradient, of the kernel turned around. */
export function kernelTransform(isTurned: boolean): Float32Array {
  return Float32Array.from({ length: SEEN ** 2 * 9 }, (_, at) => {
    const [value, tap] = [Math.floor(at / 9), isTurned ? 8 - (at % 9) : at % 9];
    return G[value % SEEN][Math.floor(tap / 3)] * G[Math.floor(value / SEEN)][tap % 3];
  });
}
