/**
 * @file The symbolic tensor and the node that produces it. A graph is nothing but nodes that refer to the tensors they
 * read; what a program computes is whatever its outputs can reach. An op is a function that calls `apply` with its
 * shape rule done, its lowering to ONNX and its derivative.
 */
import type { LoweringTarget, OnnxBuilder } from "./onnx/builder.ts";
import type { Shape } from "./shape.ts";

/** Element types. `float16` and `bfloat16` exist only as stored weights: arithmetic is float32. */
export type DType = "float32" | "float16" | "bfloat16" | "int32";

/** A value of static shape that some node will produce when a program runs. */
export interface Tensor {
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly node: Node;
}

/** What an attribute of a node may hold; attributes are what the dump prints and the reference evaluator reads. */
export type Attribute = number | string | boolean | readonly number[];

/** Cotangents (d loss / d output) in, cotangents of the inputs out; undefined where there is none. */
export type VectorJacobianProduct = (
  cotangents: readonly (Tensor | undefined)[],
  isNeeded: (tensor: Tensor) => boolean,
) => readonly (Tensor | undefined)[];

/** How an op is emitted, differentiated and counted. */
export interface OpRules {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /**
   * Adds ONNX nodes for this op and returns the names of the output values. Absent for leaves, which the emitter knows.
   */
  readonly lower?: (onnx: OnnxBuilder, inputs: readonly string[], isUsed: readonly boolean[]) => readonly string[];
  /** Absent where no derivative exists: such an op stops with an error when a gradient has to pass through it. */
  readonly vjp?: VectorJacobianProduct;
  /** The tensors to which the results of `vjp` belong; the node's inputs unless said otherwise. */
  readonly differentiableInputs?: readonly Tensor[];
  /** No derivative passes, as if the op were a constant. */
  readonly stopsGradient?: boolean;
  /** The result is the operand itself, seen otherwise: it takes no memory of its own. */
  readonly isView?: boolean;
  /** May write its result over an operand of the same size that nobody reads any more. */
  readonly inPlace?: boolean;
  /**
   * How a stored weight is seen through this op, so that it can be read in its file; undefined, or absent: it has to be
   * computed.
   */
  readonly seeWeight?: (weight: StoredWeight) => StoredWeight | undefined;
  /**
   * Floating-point operations, 2 per multiply-add, of the products and convolutions in it (elementwise work is not
   * counted).
   */
  readonly flops?: (isUsed: readonly boolean[]) => number;
  /** Numbers that it needs in memory at the least while it runs, besides operands and results. */
  readonly scratch?: (target: LoweringTarget, mapsWeights: boolean) => number;
  /** A constant of its lowering that grows with the operands, and by what equal ones are known. */
  readonly constant?: { readonly key: string; readonly size: number };
}

/** One application of an op. */
export interface Node {
  readonly id: number;
  readonly op: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly rules: OpRules;
  /** True for what a checkpoint computes a second time in the backward pass. */
  readonly recomputed: boolean;
  /** Bound by `input` and `parameter` alone. */
  readonly leaf?: Leaf;
}

/** Where the value of a leaf comes from. */
export type Leaf =
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "parameter"; readonly name: string; readonly source: ParameterSource }
  | { readonly kind: "constant"; readonly data: Float32Array | Int32Array };

/** Weights inside a file, little-endian and contiguous: ONNX Runtime maps them into memory where they lie. */
export interface ParameterSource {
  /** Absolute path, symbolic links resolved. */
  readonly path: string;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly dtype: "float32" | "float16" | "bfloat16";
}

/**
 * A weight in its file, seen through reshapes, slices and casts, none of which costs anything at run time but a cast.
 */
export interface StoredWeight {
  readonly name: string;
  readonly source: ParameterSource;
  readonly shape: Shape;
  /** Whether it is to be widened to float32. */
  readonly cast: boolean;
}

/** Whether a tensor is a weight in a file, perhaps seen through ops that cost nothing. */
export function isStoredWeight({ node }: Tensor): boolean {
  const [source] = node.inputs;
  if (node.leaf?.kind === "parameter") return true;
  return node.rules.seeWeight !== undefined && source !== undefined && isStoredWeight(source);
}

/** Shape and type of an output. */
export interface OutputSpec {
  readonly shape: Shape;
  readonly dtype?: DType;
}

let ids = 0;
let recomputeDepth = 0;

/** Ids grow in the order of creation, which is a topological order of every graph. */
export function nextId(): number {
  return ids;
}

/** Applies an op: makes its node and its output tensors. */
export function apply(
  op: string,
  inputs: readonly Tensor[],
  outputs: readonly OutputSpec[],
  rules: OpRules,
  leaf?: Leaf,
): readonly Tensor[] {
  const tensors: Tensor[] = [];
  const recomputed = recomputeDepth > 0;
  const node: Node = { id: ids++, op, inputs, outputs: tensors, rules, recomputed, leaf };
  for (const { shape, dtype = "float32" } of outputs) tensors.push({ id: ids++, shape, dtype, node });
  return tensors;
}

/** `apply` for the many ops that have one output. */
export function applyOne(
  op: string,
  inputs: readonly Tensor[],
  output: OutputSpec,
  rules: OpRules,
  leaf?: Leaf,
): Tensor {
  const [tensor] = apply(op, inputs, [output], rules, leaf);
  return tensor;
}

/** Runs `trace`, marking every node it makes as a second computation of something already counted. */
export function recomputing<T>(trace: () => T): T {
  recomputeDepth++;
  try {
    return trace();
  } finally {
    recomputeDepth--;
  }
}

/**
 * The nodes that `outputs` need, in topological order.
 *
 * @param oldest - id of the oldest node to return; whatever an older one needs is older still, and not walked. Default:
 *   all
 */
export function reachableNodes(outputs: readonly Tensor[], oldest = 0): Node[] {
  const seen = new Set<Node>();
  const pending = outputs.map((tensor) => tensor.node);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.id < oldest || seen.has(node)) continue;
    seen.add(node);
    for (const input of node.inputs) pending.push(input.node);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** The nodes that outputs need, in topological order. A graph does not change: they are looked for once. */
export function nodesOf(outputs: Readonly<Record<string, Tensor>>): readonly Node[] {
  const nodes = found.get(outputs) ?? reachableNodes(Object.values(outputs));
  found.set(outputs, nodes);
  return nodes;
}

const found = new WeakMap<Readonly<Record<string, Tensor>>, readonly Node[]>();
