/**
 * @file Table look-up.
 */
import { ShapeError, sizeOf } from "../shape.ts";
import { applyOne, type Tensor } from "../tensor.ts";
import { reshape } from "./broadcasting.ts";

/**
 * Rows of a table: y[i] = table[ids[i]]. Derivative: dtable[r] = Σ of dy[i] where ids[i] = r.
 *
 * @param table - `[rows, width]`
 * @param ids - int32 `[...]`, each in [0, rows)
 * @returns `[..., width]`
 */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  const [rows, width] = table.shape;
  if (table.shape.length !== 2 || ids.dtype !== "int32") {
    throw new ShapeError("embedding", [table.shape, ids.shape], "needs a matrix and int32 ids");
  }
  return applyOne(
    "embedding",
    [table, ids],
    { shape: [...ids.shape, width], dtype: table.dtype },
    {
      lower: (onnx, names) => [onnx.node("Gather", names, { axis: 0 })],
      vjp: ([dy]) => [dy && scatterRows(dy, ids, rows, width), undefined],
    },
  );
}

/** The adjoint of the look-up: adds each row of dy to the row of a zero table that its id names. */
function scatterRows(dy: Tensor, ids: Tensor, rows: number, width: number): Tensor {
  const count = sizeOf(ids.shape);
  return applyOne(
    "embeddingGradient",
    [reshape(dy, [count, width]), reshape(ids, [count, 1])],
    { shape: [rows, width] },
    {
      lower: (onnx, [values, indices]) => {
        const zeros = onnx.node("Expand", [onnx.floats([0]), onnx.ints([rows, width])]);
        if (onnx.target === "portable") {
          const wide = onnx.node("Cast", [indices], { to: 7 });
          return [onnx.node("ScatterND", [zeros, wide, values], { reduction: "add" })];
        }
        // ScatterND adds in several threads at once: where rows have the same id, one overwrites what another has
        // added.
        const everywhere = onnx.node("Expand", [indices, onnx.ints([count, width])]);
        return [onnx.node("ScatterElements", [zeros, everywhere, values], { axis: 0, reduction: "add" })];
      },
      scratch: (target) => (target === "portable" ? 0 : count * width),
    },
  );
}
