/**
 * @file Nearest-neighbour resizing, the UNet's and the decoder's upsampling.
 */
import { ShapeError } from "../shape.ts";
import { applyOne, type Tensor } from "../tensor.ts";
import { constant } from "./leaves.ts";
import { matmul } from "./matmul.ts";

/**
 * y[h, w] = x[⌊h · H/H2⌋, ⌊w · W/W2⌋] (PyTorch: interpolate, mode "nearest"). Derivative: each pixel of x collects the
 * cotangents of its copies; for whole factors that is an average pooling times the number of copies.
 *
 * @param x - `[batch, channels, H, W]`
 * @param size - `[H2, W2]`
 */
export function resizeNearest(x: Tensor, size: readonly [number, number]): Tensor {
  const [batch, channels, height, width] = x.shape;
  if (x.shape.length !== 4) throw new ShapeError("resizeNearest", [x.shape], "pictures have four axes");
  if (size.some((extent) => !Number.isInteger(extent) || extent < 1)) {
    throw new ShapeError("resizeNearest", [x.shape], `cannot be resized to [${size.join(", ")}]`);
  }
  const shape = [batch, channels, ...size];
  return applyOne(
    "resizeNearest",
    [x],
    { shape },
    {
      attributes: { size },
      lower: (onnx, [name]) => {
        if (size.every((extent, i) => Number.isInteger(extent / (i === 0 ? height : width)))) {
          const floor = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
          return [onnx.node("Resize", [name, "", "", onnx.ints(shape)], floor)];
        }
        // With other factors Resize rounds in float32 and picks wrong pixels for some sizes (14 to 16, for one).
        const rows = onnx.node("Gather", [name, onnx.ints(originals(height, size[0]))], { axis: 2 });
        return [onnx.node("Gather", [rows, onnx.ints(originals(width, size[1]))], { axis: 3 })];
      },
      vjp: ([dy]) => [dy && gather(dy, [height, width])],
    },
  );
}

function gather(dy: Tensor, [height, width]: readonly [number, number]): Tensor {
  const [batch, channels, tallHeight, wideWidth] = dy.shape;
  const [down, across] = [tallHeight / height, wideWidth / width];
  if (Number.isInteger(down) && Number.isInteger(across)) {
    const kernel = [down, across];
    return applyOne(
      "sumPool",
      [dy],
      { shape: [batch, channels, height, width] },
      {
        attributes: { kernel },
        lower: (onnx, [name]) => {
          const average = onnx.node("AveragePool", [name], { kernel_shape: kernel, strides: kernel });
          return [onnx.node("Mul", [average, onnx.floats([down * across])])];
        },
      },
    );
  }
  const rows = constant(copyMatrix(height, tallHeight), [height, tallHeight]);
  const columns = constant(copyMatrix(width, wideWidth), [width, wideWidth]);
  return matmul(matmul(rows, dy), columns, { transposeB: true });
}

/** The index that each of `to` pixels along an axis is copied from. */
function originals(from: number, to: number): number[] {
  return Array.from({ length: to }, (_, i) => Math.floor((i * from) / to));
}

/** [from, to] with 1 where the second index is a copy of the first. */
function copyMatrix(from: number, to: number): Float32Array {
  const matrix = new Float32Array(from * to);
  originals(from, to).forEach((original, i) => (matrix[original * to + i] = 1));
  return matrix;
}
