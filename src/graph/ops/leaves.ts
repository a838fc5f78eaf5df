/**
 * @file Where values enter a graph: inputs fed at each run, weights in files, constants.
 */
import { formatShape, ShapeError, sizeOf, type Shape } from "../shape.ts";
import { applyOne, type DType, type ParameterSource, type Tensor } from "../tensor.ts";

/** A value that is given at each run under `name`. */
export function input(name: string, shape: Shape, dtype: "float32" | "int32" = "float32"): Tensor {
  return applyOne("input", [], { shape, dtype }, { attributes: { name } }, { kind: "input", name });
}

const BYTES_PER_ELEMENT = { float32: 4, float16: 2, bfloat16: 2 } as const;

/**
 * A frozen weight that stays in its file. A half-precision one keeps its type: see `toFloat32`.
 *
 * @throws ShapeError if the bytes of the source do not make up the shape
 */
export function parameter(name: string, shape: Shape, source: ParameterSource): Tensor {
  if (sizeOf(shape) * BYTES_PER_ELEMENT[source.dtype] !== source.byteLength) {
    throw new ShapeError("parameter", [shape], `${name} has ${source.byteLength} bytes of ${source.dtype}`);
  }
  return applyOne(
    "parameter",
    [],
    { shape, dtype: source.dtype },
    { attributes: { name } },
    { kind: "parameter", name, source },
  );
}

/** A constant; a bare number is a float32 scalar. */
export function constant(data: number | Float32Array | Int32Array, shape?: Shape): Tensor {
  const values = typeof data === "number" ? Float32Array.of(data) : data;
  const extents = shape ?? (typeof data === "number" ? [] : [values.length]);
  if (sizeOf(extents) !== values.length) {
    throw new ShapeError("constant", [extents], `${values.length} values do not fill ${formatShape(extents)}`);
  }
  const dtype: DType = values instanceof Float32Array ? "float32" : "int32";
  return applyOne("constant", [], { shape: extents, dtype }, {}, { kind: "constant", data: values });
}

/** Half-precision weights as float32 (exact). Derivative: none, stored weights are frozen. */
export function toFloat32(x: Tensor): Tensor {
  if (x.dtype === "float32") return x;
  return applyOne(
    "toFloat32",
    [x],
    { shape: x.shape },
    {
      lower: (onnx, [name]) => [onnx.node("Cast", [name], { to: 1 })],
      seeWeight: (weight) => ({ ...weight, cast: true }),
    },
  );
}

/** x, but no gradient passes: d detach(x) / dx := 0. */
export function detach(x: Tensor): Tensor {
  const rules = { lower: (_onnx: unknown, names: readonly string[]) => names, stopsGradient: true, isView: true };
  return applyOne("detach", [x], { shape: x.shape, dtype: x.dtype }, rules);
}
