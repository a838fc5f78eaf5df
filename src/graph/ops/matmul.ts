/**
 * @file Matrix products: batched, and the fully connected layer.
 */
import { broadcastShapes, sameShape, ShapeError, sizeOf } from "../shape.ts";
import { applyOne, type Tensor } from "../tensor.ts";
import { sumTo, reshape, sum } from "./broadcasting.ts";

export interface MatmulOptions {
  /** Use aᵀ (last two axes). */
  readonly transposeA?: boolean;
  /** Use bᵀ (last two axes). */
  readonly transposeB?: boolean;
}

/**
 * Matrix product [..., m, k] × [..., k, n] → [..., m, n]; leading axes broadcast.
 * Derivative for C = A·B: dA = dC·Bᵀ, dB = Aᵀ·dC, with the transposes moved around when A or B came transposed.
 */
export function matmul(a: Tensor, b: Tensor, { transposeA = false, transposeB = false }: MatmulOptions = {}): Tensor {
  const shapes = [a.shape, b.shape];
  const [m, k] = matrixOf(a, transposeA);
  const [k2, n] = matrixOf(b, transposeB);
  if (a.shape.length < 2 || b.shape.length < 2) throw new ShapeError("matmul", shapes, "matrices have two axes");
  if (k !== k2) throw new ShapeError("matmul", shapes, `inner extents ${k} and ${k2} differ`);
  const batch = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
  return applyOne(
    "matmul",
    [a, b],
    { shape: [...batch, m, n] },
    {
      attributes: { transposeA, transposeB },
      lower: (onnx, [aName, bName]) => [
        onnx.matmul(
          { name: aName, rank: a.shape.length, transposed: transposeA },
          { name: bName, rank: b.shape.length, transposed: transposeB },
        ),
      ],
      vjp: ([dy]) => {
        if (dy === undefined) return [];
        const da = transposeA
          ? matmul(b, dy, { transposeA: transposeB, transposeB: true })
          : matmul(dy, b, { transposeB: !transposeB });
        const db = transposeB
          ? matmul(dy, a, { transposeA: true, transposeB: transposeA })
          : matmul(a, dy, { transposeA: !transposeA });
        return [sumTo(da, a.shape), sumTo(db, b.shape)];
      },
      flops: () => 2 * sizeOf(batch) * m * n * k,
    },
  );
}

function matrixOf(x: Tensor, transposed: boolean): [number, number] {
  const [rows, columns] = x.shape.slice(-2);
  return transposed ? [columns, rows] : [rows, columns];
}

/**
 * y = x·Wᵀ + b with PyTorch's weight layout. One Gemm over the flattened leading axes, reading W as it is stored.
 * Derivative: dx = dy·W (the same W, no transposed copy), dW = dyᵀ·x, db = Σ dy.
 *
 * @param x - `[..., in]`
 * @param weight - `[out, in]`
 * @param bias - `[out]`
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [outFeatures, inFeatures] = weight.shape;
  const leading = x.shape.slice(0, -1);
  const biasFits = bias === undefined || sameShape(bias.shape, [outFeatures]);
  if (weight.shape.length !== 2 || x.shape.at(-1) !== inFeatures || !biasFits) {
    throw new ShapeError("linear", [x.shape, weight.shape, ...(bias ? [bias.shape] : [])], "features do not match");
  }
  const rows = sizeOf(leading);
  const flat = reshape(x, [rows, inFeatures]);
  const inputs = bias === undefined ? [flat, weight] : [flat, weight, bias];
  const product = applyOne(
    "linear",
    inputs,
    { shape: [rows, outFeatures] },
    {
      lower: (onnx, names) => [onnx.node("Gemm", names, { transB: 1 })],
      vjp: ([dy]) => (dy && [matmul(dy, weight), matmul(dy, flat, { transposeA: true }), sum(dy, [0])]) ?? [],
      flops: () => 2 * rows * inFeatures * outFeatures,
    },
  );
  return reshape(product, [...leading, outFeatures]);
}
