/**
 * @file Reference kernels of the ops that move values: movement, table look-up, and the ops that are the identity.
 */
import {
  at,
  broadcastAt,
  indicesOf,
  listAttribute,
  numberAttribute,
  operand,
  outputShape,
  position,
  tabulate,
  zeros,
  type Kernel,
} from "./array.ts";

const identity: Kernel = (operands) => [operand(operands, 0)];

export const movementKernels: Readonly<Record<string, Kernel>> = {
  toFloat32: identity,
  detach: identity,
  checkpoint: identity,

  barrier: (operands) => {
    const [x, dy] = [operand(operands, 0), operand(operands, 1)];
    return [{ shape: x.shape, data: x.data.map((value) => value + 0 * dy.data[0]) }];
  },

  reshape: (operands, node) => [{ shape: outputShape(node), data: operand(operands, 0).data }],

  transpose: (operands, node) => {
    const x = operand(operands, 0);
    const permutation = listAttribute(node, "permutation");
    return [
      tabulate(outputShape(node), (index) =>
        at(
          x,
          x.shape.map((_, axis) => index[permutation.indexOf(axis)]),
        ),
      ),
    ];
  },

  broadcastTo: (operands, node) => [tabulate(outputShape(node), (index) => broadcastAt(operand(operands, 0), index))],

  concat: (operands, node) => {
    const axis = numberAttribute(node, "axis");
    return [
      tabulate(outputShape(node), (index) => {
        const own = [...index];
        for (const x of operands) {
          const extent = x.shape[axis];
          const i = own[axis];
          if (i < extent) return at(x, own);
          own[axis] = i - extent;
        }
        return NaN;
      }),
    ];
  },

  split: (operands, node) => {
    const x = operand(operands, 0);
    const axis = numberAttribute(node, "axis");
    const extents = listAttribute(node, "extents");
    return extents.map((_, piece) => {
      const start = extents.slice(0, piece).reduce((a, b) => a + b, 0);
      return tabulate(outputShape(node, piece), (index) =>
        at(
          x,
          index.map((i, j) => (j === axis ? i + start : i)),
        ),
      );
    });
  },

  slice: (operands, node) => {
    const x = operand(operands, 0);
    const [starts, steps] = [listAttribute(node, "starts"), listAttribute(node, "steps")];
    return [
      tabulate(outputShape(node), (index) =>
        at(
          x,
          index.map((i, axis) => starts[axis] + i * steps[axis]),
        ),
      ),
    ];
  },

  pad: (operands, node) => {
    const x = operand(operands, 0);
    const before = listAttribute(node, "before");
    return [
      tabulate(outputShape(node), (index) => {
        const own = index.map((i, axis) => i - before[axis]);
        return own.every((i, axis) => i >= 0 && i < x.shape[axis]) ? at(x, own) : 0;
      }),
    ];
  },

  embedding: (operands, node) => {
    const [table, ids] = [operand(operands, 0), operand(operands, 1)];
    return [tabulate(outputShape(node), (index) => at(table, [at(ids, index.slice(0, -1)), index[index.length - 1]]))];
  },

  embeddingGradient: (operands, node) => {
    const [dy, ids] = [operand(operands, 0), operand(operands, 1)];
    const table = zeros(outputShape(node));
    for (const [row, column] of indicesOf(dy.shape)) {
      const cell = position(table.shape, [at(ids, [row, 0]), column]);
      table.data[cell] = table.data[cell] + at(dy, [row, column]);
    }
    return [table];
  },
};
