/**
 * @file A float64 interpreter of the graph, written from the mathematical definition of each op and not from its
 * lowering. It is what ONNX Runtime's results and our derivatives are held against.
 */
import { sizeOf } from "../../../src/graph/shape.ts";
import { reachableNodes, type Node, type Tensor } from "../../../src/graph/tensor.ts";
import { algebraKernels } from "./reference/algebra.ts";
import { operand, type Kernel, type NdArray } from "./reference/array.ts";
import { attentionKernels } from "./reference/attention.ts";
import { elementwiseKernels } from "./reference/elementwise.ts";
import { movementKernels } from "./reference/movement.ts";
import { pictureKernels } from "./reference/pictures.ts";

/** Every op that has a value of its own, gradient-only ones included. */
export const kernels: ReadonlyMap<string, Kernel> = new Map(
  [algebraKernels, attentionKernels, elementwiseKernels, movementKernels, pictureKernels].flatMap((family) =>
    Object.entries(family),
  ),
);

/** Values of inputs and parameters, by name. */
export type Bindings = Readonly<Record<string, ArrayLike<number>>>;

/** The values of `outputs`, all arithmetic in float64. */
export function evaluate(outputs: readonly Tensor[], bindings: Bindings): Float64Array[] {
  const values = new Map<Tensor, NdArray>();
  for (const node of reachableNodes(outputs)) {
    const results = node.leaf === undefined ? compute(node, values) : [leafValue(node, bindings)];
    node.outputs.forEach((tensor, i) => {
      const value = operand(results, i);
      if (value.data.length !== sizeOf(tensor.shape)) throw new Error(`${node.op}: output ${i} has the wrong size`);
      values.set(tensor, value);
    });
  }
  return outputs.map((tensor) => valueOf(tensor, values).data);
}

function compute(node: Node, values: ReadonlyMap<Tensor, NdArray>): readonly NdArray[] {
  const kernel = kernels.get(node.op);
  if (kernel === undefined) throw new Error(`the reference does not know ${node.op}`);
  return kernel(
    node.inputs.map((tensor) => valueOf(tensor, values)),
    node,
  );
}

function leafValue({ leaf, outputs }: Node, bindings: Bindings): NdArray {
  const shape = outputs[0].shape;
  const data = leaf?.kind === "constant" ? leaf.data : bindings[leaf?.name ?? ""];
  if (data === undefined) throw new Error(`no value is given for "${leaf?.kind === "constant" ? "" : leaf?.name}"`);
  return { shape, data: Float64Array.from(data) };
}

function valueOf(tensor: Tensor, values: ReadonlyMap<Tensor, NdArray>): NdArray {
  const value = values.get(tensor);
  if (value === undefined) throw new Error(`${tensor.node.op} was not computed`);
  return value;
}
