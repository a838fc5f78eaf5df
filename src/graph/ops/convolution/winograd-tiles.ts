/**
 * @file Pictures as tiles and back, for Winograd's forms of a 3×3 convolution: Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks" (CVPR 2016), F(4×4, 3×3).
 */
import type { OnnxBuilder } from "../../onnx/builder.ts";

/** Pixels of a tile's side in the result, and of what it sees. */
export const TILE = 4;
export const SEEN = 6;

/** Bᵀ, Aᵀ and G of the paper, section 4.3. */
export const B_TRANSPOSED = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
export const A_TRANSPOSED = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];
export const G = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];

export const A = A_TRANSPOSED[0].map((_, column) => A_TRANSPOSED.map((row) => row[column]));

/** Pictures, tiles in a column and in a row of one, channels. */
export type Tiling = readonly [batch: number, rows: number, columns: number, channels: number];

/** What tiles are made of. With channels last, whole runs of memory are copied. */
function channelsLast(onnx: OnnxBuilder, pictures: string): string {
  return onnx.node("Transpose", [pictures], { perm: [0, 2, 3, 1] });
}

/**
 * The pixels that each tile sees, their rows transformed by Bᵀ: `[6, 6 · batch · rows · columns · channels]`, first the
 * column in the tile, then what the rows became.
 */
export function seenByTiles(onnx: OnnxBuilder, pictures: string, tiling: Tiling): string {
  const around = onnx.ints([0, 1, 1, 0, 0, 1, 1, 0]);
  const padded = onnx.node("Pad", [channelsLast(onnx, pictures), around, onnx.floats([0])]);
  return inTiles(onnx, padded, tiling, B_TRANSPOSED);
}

/**
 * The pixels of each tile, their rows transformed by A: `[4, 6 · batch · rows · columns · channels]`, in the same
 * order.
 */
export function pixelsOfTiles(onnx: OnnxBuilder, pictures: string, tiling: Tiling): string {
  return inTiles(onnx, channelsLast(onnx, pictures), tiling, A);
}

/** @param factors - six for each pixel of a tile's column */
function inTiles(
  onnx: OnnxBuilder,
  pictures: string,
  [batch, rows, columns, channels]: Tiling,
  factors: readonly (readonly number[])[],
): string {
  const side = factors[0].length;
  const everyFourth = (x: string, count: number) => {
    const slices = Array.from({ length: side }, (_, i) => sliced(onnx, x, 1, i, i + TILE * (count - 1) + 1, TILE));
    return onnx.node("Concat", slices, { axis: 0 });
  };
  const width = TILE * (columns - 1) + side;
  const lines = onnx.reshape(everyFourth(pictures, rows), [side, batch * rows * width * channels]);
  const transformed = onnx.node("Gemm", [matrix(onnx, factors), lines]);
  const columnsOfTiles = everyFourth(onnx.reshape(transformed, [SEEN * batch * rows, width, channels]), columns);
  return onnx.reshape(columnsOfTiles, [side, SEEN * batch * rows * columns * channels]);
}

/**
 * Pictures `[batch, channels, height, width]` from `[4, 4 · channels · batch · rows · columns]`, first the column in
 * the tile, then the row in it. One axis at a time: ONNX Runtime takes several times as long to move two at once.
 */
export function fromTiles(onnx: OnnxBuilder, pixels: string, [batch, rows, columns, channels]: Tiling): string {
  const [height, width] = [TILE * rows, TILE * columns];
  const columnsLast = onnx.node("Transpose", [pixels], { perm: [1, 0] });
  const lines = onnx.reshape(columnsLast, [TILE, channels * batch * rows, width]);
  const channelsFirst = onnx.node("Transpose", [lines], { perm: [1, 0, 2] });
  if (batch === 1) return onnx.reshape(channelsFirst, [1, channels, height, width]);
  const pictures = onnx.reshape(channelsFirst, [channels, batch, height, width]);
  return onnx.node("Transpose", [pictures], { perm: [1, 0, 2, 3] });
}

export function matrix(onnx: OnnxBuilder, rows: readonly (readonly number[])[]): string {
  return onnx.floats(rows.flat(), [rows.length, rows[0].length]);
}

function sliced(onnx: OnnxBuilder, x: string, axis: number, start: number, end: number, step = 1): string {
  return onnx.node("Slice", [x, onnx.ints([start]), onnx.ints([end]), onnx.ints([axis]), onnx.ints([step])]);
}
