/**
 * @file Matrix products: batched, and the fully connected layer.
 */
import type { OnnxBuilder } from "../onnx/builder.ts";
import { broadcastShapes, sameShape, ShapeError, sizeOf } from "../shape.ts";
import { applyOne, isStoredWeight, type Tensor } from "../tensor.ts";
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
  const product: Product = { m, n, k, transposeA, transposeB };
  // A stored weight is read as it lies: cutting it would make a second copy.
  const canCut = [a, b].every((operand) => operand.shape.length === 2 && !isStoredWeight(operand));
  const parts = canCut ? partsOfSum(product) : 1;
  return applyOne(
    "matmul",
    [a, b],
    { shape: [...batch, m, n] },
    {
      attributes: { transposeA, transposeB },
      lower: (onnx, [aName, bName]) => [
        onnx.target === "portable" && parts > 1
          ? inParts(onnx, aName, bName, product, parts)
          : onnx.matmul(
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
      scratch: (target) => (target === "portable" && parts > 1 ? m * k + k * n + parts * m * n : 0),
    },
  );
}

/** One [m, k] × [k, n] product. */
interface Product extends Required<MatmulOptions> {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Most terms of a sum that a GPU adds up one after another: measured on an H100. */
const TERMS_AT_ONCE = 256;

/**
 * Into how many parts a GPU cuts the sums of a product. It computes the numbers of the result side by side and each sum
 * in a row, so that few long sums, as in the gradient of a weight, leave most of it idle. Parts that together are
 * larger than the operands cost more than they save: where the result is that large, there is enough to do at once.
 */
function partsOfSum({ m, n, k }: Product): number {
  if (k < 2 * TERMS_AT_ONCE || m * n > TERMS_AT_ONCE * (m + n)) return 1;
  let terms = TERMS_AT_ONCE;
  while (k % terms !== 0) terms--;
  // A length with small divisors alone is left whole.
  return 4 * terms < TERMS_AT_ONCE ? 1 : k / terms;
}

/** The product of each part of the inner axis, and the sum over the parts. */
function inParts(onnx: OnnxBuilder, a: string, b: string, product: Product, parts: number): string {
  const { m, n, k, transposeA, transposeB } = product;
  const terms = k / parts;
  const cutA = onnx.reshape(a, transposeA ? [parts, terms, m] : [m, parts, terms]);
  const cutB = onnx.reshape(b, transposeB ? [n, parts, terms] : [parts, terms, n]);
  const rows = onnx.node("Transpose", [cutA], { perm: transposeA ? [0, 2, 1] : [1, 0, 2] });
  const columns = transposeB ? onnx.node("Transpose", [cutB], { perm: [1, 2, 0] }) : cutB;
  return onnx.node("ReduceSum", [onnx.node("MatMul", [rows, columns]), onnx.ints([0])], { keepdims: 0 });
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
