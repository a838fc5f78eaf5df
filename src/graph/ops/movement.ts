/**
 * @file Ops that move values without changing them. The derivative of each is the movement back.
 */
import { normalizeAxis, sameShape, ShapeError, type Shape } from "../shape.ts";
import { apply, applyOne, type StoredWeight, type Tensor } from "../tensor.ts";
import { broadcastTo } from "./broadcasting.ts";
import { constant } from "./leaves.ts";

/** Output axis i is input axis `permutation[i]`. Derivative: the inverse permutation. */
export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  const valid = permutation.length === x.shape.length && x.shape.every((_, axis) => permutation.includes(axis));
  if (!valid)
    throw new ShapeError("transpose", [x.shape], `[${permutation.join(", ")}] is not a permutation of its axes`);
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
  return applyOne(
    "transpose",
    [x],
    { shape: permutation.map((axis) => x.shape[axis]), dtype: x.dtype },
    {
      attributes: { permutation },
      lower: (onnx, [name]) => [onnx.node("Transpose", [name], { perm: permutation })],
      vjp: ([dy]) => [dy && transpose(dy, inverse)],
    },
  );
}

/** Joins along `axis`. Derivative: dy, split again. */
export function concat(xs: readonly Tensor[], axis: number): Tensor {
  const [first] = xs;
  if (first === undefined) throw new ShapeError("concat", [], "nothing to join");
  if (xs.length === 1) return first;
  const at = normalizeAxis("concat", first.shape, axis);
  for (const x of xs) {
    const fits = x.shape.length === first.shape.length && x.shape.every((n, i) => i === at || n === first.shape[i]);
    if (!fits)
      throw new ShapeError(
        "concat",
        xs.map((t) => t.shape),
        `they differ outside axis ${at}`,
      );
  }
  const extents = xs.map((x) => x.shape[at]);
  const shape = first.shape.map((extent, i) => (i === at ? extents.reduce((a, b) => a + b, 0) : extent));
  return applyOne(
    "concat",
    xs,
    { shape, dtype: first.dtype },
    {
      attributes: { axis: at },
      lower: (onnx, names) => [onnx.node("Concat", names, { axis: at })],
      vjp: ([dy]) => (dy === undefined ? [] : split(dy, extents, at)),
    },
  );
}

/**
 * Cuts into pieces of the given extents along `axis`. Derivative: the pieces' cotangents joined, zeros for missing
 * ones.
 */
export function split(x: Tensor, extents: readonly number[], axis: number): readonly Tensor[] {
  const at = normalizeAxis("split", x.shape, axis);
  if (extents.reduce((a, b) => a + b, 0) !== x.shape[at]) {
    throw new ShapeError("split", [x.shape], `extents ${extents.join(" + ")} do not make up axis ${at}`);
  }
  const pieces = extents.map((extent) => ({ shape: x.shape.map((n, i) => (i === at ? extent : n)), dtype: x.dtype }));
  return apply("split", [x], pieces, {
    attributes: { axis: at, extents },
    lower: (onnx, [name]) => onnx.nodes("Split", [name, onnx.ints(extents)], extents.length, { axis: at }),
    vjp: (cotangents) => [
      concat(
        pieces.map(({ shape }, i) => cotangents[i] ?? broadcastTo(constant(0), shape)),
        at,
      ),
    ],
  });
}

/**
 * x[starts[0]:ends[0]:steps[0], ...], all axes given. Derivative: dy in its place, zeros elsewhere (steps must be 1).
 */
export function slice(
  x: Tensor,
  starts: readonly number[],
  ends: readonly number[],
  steps?: readonly number[],
): Tensor {
  const by = steps ?? starts.map(() => 1);
  const shape = x.shape.map((_, i) => Math.ceil((ends[i] - starts[i]) / by[i]));
  const inside = x.shape.every((n, i) => starts[i] >= 0 && ends[i] <= n && shape[i] > 0);
  if (starts.length !== x.shape.length || !inside) {
    throw new ShapeError("slice", [x.shape], `[${starts.join(", ")}] to [${ends.join(", ")}] is not inside`);
  }
  if (sameShape(shape, x.shape)) return x;
  const isDense = by.every((step) => step === 1);
  return applyOne(
    "slice",
    [x],
    { shape, dtype: x.dtype },
    {
      attributes: { starts, ends, steps: by },
      seeWeight: (weight) => (by[0] === 1 ? rowsOf(weight, starts[0], shape) : undefined),
      lower: (onnx, [name]) => {
        const axes = starts.map((_, axis) => axis);
        return [onnx.node("Slice", [name, onnx.ints(starts), onnx.ints(ends), onnx.ints(axes), onnx.ints(by)])];
      },
      ...(isDense && {
        vjp: ([dy]: readonly (Tensor | undefined)[]) => [
          dy &&
            pad(
              dy,
              starts,
              x.shape.map((extent, i) => extent - ends[i]),
            ),
        ],
      }),
    },
  );
}

/** Some rows of a weight lie together in the file, as a smaller weight. */
function rowsOf(weight: StoredWeight, first: number, shape: Shape): StoredWeight | undefined {
  if (weight.shape.slice(1).join() !== shape.slice(1).join()) return undefined;
  const [rows] = shape;
  const bytesPerRow = weight.source.byteLength / weight.shape[0];
  const source = {
    ...weight.source,
    byteOffset: weight.source.byteOffset + first * bytesPerRow,
    byteLength: rows * bytesPerRow,
  };
  return { ...weight, name: `${weight.name}[${first}:${first + rows}]`, source, shape };
}

/** Zeros around x: `before[i]` and `after[i]` of them along axis i. Derivative: the slice in the middle. */
export function pad(x: Tensor, before: readonly number[], after: readonly number[]): Tensor {
  if (before.length !== x.shape.length || after.length !== x.shape.length || [...before, ...after].some((n) => n < 0)) {
    throw new ShapeError("pad", [x.shape], `cannot pad by [${before.join(", ")}] and [${after.join(", ")}]`);
  }
  const shape = x.shape.map((extent, i) => extent + before[i] + after[i]);
  if (sameShape(shape, x.shape)) return x;
  return applyOne(
    "pad",
    [x],
    { shape },
    {
      attributes: { before, after },
      lower: (onnx, [name]) => [onnx.node("Pad", [name, onnx.ints([...before, ...after]), onnx.floats([0])])],
      vjp: ([dy]) => [
        dy &&
          slice(
            dy,
            before,
            x.shape.map((extent, i) => extent + before[i]),
          ),
      ],
    },
  );
}
