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
  const [batch = 0, channels = 0, height = 0, width = 0] = x.shape;
  if (x.shape.length !== 4) throw new ShapeError("resizeNearest", [x.shape], "pictures have four axes");
  const shape = [batch, channels, ...size];
  return applyOne(
    "resizeNearest",
    [x],
    { shape },
    {
      attributes: { size },
      lower: (onnx, [name = ""]) => [
        onnx.node("Resize", [name, "", "", onnx.ints(shape)], {
          mode: "nearest",
          coordinate_transformation_mode: "asymmetric",
          nearest_mode: "floor",
        }),
      ],
      vjp: ([dy]) => [dy && gather(dy, [height, width])],
    },
  );
}

function gather(dy: Tensor, [height, width]: readonly [number, number]): Tensor {
  const [batch = 0, channels = 0, tallHeight = 0, wideWidth = 0] = dy.shape;
  const [down, across] = [tallHeight / height, wideWidth / width];
  if (Number.isInteger(down) && Number.isInteger(across)) {
    const kernel = [down, across];
    return applyOne(
      "sumPool",
      [dy],
      { shape: [batch, channels, height, width] },
      {
        attributes: { kernel },
        lower: (onnx, [name = ""]) => {
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

/** [small, large] with 1 where the large index is a copy of the small one. */
function copyMatrix(small: number, large: number): Float32Array {
  const matrix = new Float32Array(small * large);
  for (let i = 0; i < large; i++) matrix[Math.floor((i * small) / large) * large + i] = 1;
  return matrix;
}
