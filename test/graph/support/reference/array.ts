/**
 * @file What the reference kernels work on: dense float64 arrays and loops over their indices.
 */
import { sizeOf, type Shape } from "../../../../src/graph/shape.ts";
import type { Attribute, Node } from "../../../../src/graph/tensor.ts";

export interface NdArray {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** Computes the outputs of one node, in the order of `node.outputs`. */
export type Kernel = (operands: readonly NdArray[], node: Node) => readonly NdArray[];

/** All indices of a shape in row-major order. The array is reused from one to the next. */
export function* indicesOf(shape: Shape): Generator<readonly number[]> {
  const index = shape.map(() => 0);
  for (let count = sizeOf(shape); count > 0; count--) {
    yield index;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = index[axis] + 1;
      if (index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

/** The array whose element at each index is `value(index)`. */
export function tabulate(shape: Shape, value: (index: readonly number[]) => number): NdArray {
  const data = new Float64Array(sizeOf(shape));
  let i = 0;
  for (const index of indicesOf(shape)) data[i++] = value(index);
  return { shape, data };
}

export function zeros(shape: Shape): NdArray {
  return { shape, data: new Float64Array(sizeOf(shape)) };
}

/** Row-major position of an index. */
export function position(shape: Shape, index: readonly number[]): number {
  return shape.reduce((flat, extent, axis) => flat * extent + index[axis], 0);
}

/** The element at an index. */
export function at({ shape, data }: NdArray, index: readonly number[]): number {
  return data[position(shape, index)];
}

/** The element that NumPy's broadcasting shows at an index of the (larger) result. */
export function broadcastAt(x: NdArray, index: readonly number[]): number {
  const own = index.slice(index.length - x.shape.length);
  return at(
    x,
    own.map((i, axis) => (x.shape[axis] === 1 ? 0 : i)),
  );
}

/** The i-th operand, which the op is known to have. */
export function operand(operands: readonly NdArray[], i: number): NdArray {
  const found = operands[i];
  if (found === undefined) throw new Error(`there is no operand ${i}`);
  return found;
}

/** Declared shape of an output. */
export function outputShape(node: Node, i = 0): Shape {
  const output = node.outputs[i];
  if (output === undefined) throw new Error(`${node.op} has no output ${i}`);
  return output.shape;
}

function attribute(node: Node, key: string): Attribute {
  const value = node.rules.attributes?.[key];
  if (value === undefined) throw new Error(`${node.op} has no attribute ${key}`);
  return value;
}

export function numberAttribute(node: Node, key: string): number {
  const value = attribute(node, key);
  if (typeof value !== "number") throw new Error(`${node.op}: ${key} is not a number`);
  return value;
}

export function flagAttribute(node: Node, key: string): boolean {
  const value = attribute(node, key);
  if (typeof value !== "boolean") throw new Error(`${node.op}: ${key} is not a flag`);
  return value;
}

export function listAttribute(node: Node, key: string): readonly number[] {
  const value = attribute(node, key);
  if (typeof value !== "object") throw new Error(`${node.op}: ${key} is not a list`);
  return value;
}
