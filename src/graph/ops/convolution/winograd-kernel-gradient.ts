/**
 * @file The gradient of a 3×3 kernel by Winograd's form. With Y = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A for each tile, dg = Gᵀ [Σ
 * (A dY Aᵀ) ∘ (Bᵀ d B)] G, summed over the tiles: 36 matrix products with a quarter of the multiplications.
 */
import type { OnnxBuilder } from "../../onnx/builder.ts";
import { sizeOf } from "../../shape.ts";
import type { Geometry } from "./geometry.ts";
import { kernelTransform } from "./winograd.ts";
import { A, B_TRANSPOSED, matrix, pixelsOfTiles, SEEN, seenByTiles, TILE, type Tiling } from "./winograd-tiles.ts";

/**
 * @param dy - `[batch, outChannels, height, width]`
 * @param x - `[batch, inChannels, height, width]`
 * @returns `[outChannels, inChannels, 3, 3]`
 */
export function winogradKernelGradient(
  onnx: OnnxBuilder,
  dy: string,
  x: string,
  { batch, inChannels, outChannels, output: [height, width] }: Geometry,
): string {
  const [rows, columns] = [height / TILE, width / TILE];
  const tiling = (channels: number): Tiling => [batch, rows, columns, channels];
  const squared = (factors: typeof A, tiles: string, channels: number) =>
    onnx.reshape(onnx.node("Gemm", [matrix(onnx, factors), tiles]), [SEEN ** 2, batch * rows * columns, channels]);
  const seen = squared(B_TRANSPOSED, seenByTiles(onnx, x, tiling(inChannels)), inChannels);
  const pixels = squared(A, pixelsOfTiles(onnx, dy, tiling(outChannels)), outChannels);
  const sums = onnx.matmul({ name: pixels, rank: 3, transposed: true }, { name: seen, rank: 3 });
  const transform = onnx.constant(kernelTransform(false), [SEEN ** 2, 9]);
  const flat = onnx.reshape(sums, [SEEN ** 2, outChannels * inChannels]);
  const taps = onnx.node("Gemm", [transform, flat], { transA: 1 });
  return onnx.reshape(onnx.node("Transpose", [taps], { perm: [1, 0] }), [outChannels, inChannels, 3, 3]);
}

/**
 * Numbers that it holds at the least besides operands and result: the pixels of both pictures by tiles, and the sums.
 */
export function kernelGradientScratch({ batch, inChannels, outChannels, output }: Geometry): number {
  const numbers = (SEEN / TILE) ** 2 * batch * sizeOf(output);
  return numbers * (inChannels + outChannels) + SEEN ** 2 * inChannels * outChannels;
}
