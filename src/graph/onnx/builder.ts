/**
 * @file What an op's lowering writes to: a list of ONNX nodes with generated value names and shared constants.
 */
import { sizeOf, type Shape } from "../shape.ts";
import {
  MICROSOFT,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxInitializer,
  type OnnxNode,
  type OnnxType,
  type OnnxValue,
} from "./model.ts";

/**
 * Which operators may be used. `cpu`: ONNX Runtime's fused operators, which its CPU provider runs fastest. `portable`:
 * standard ONNX only, for every other provider (WebGPU's MultiHeadAttention was found to be silently wrong on a
 * software adapter, and it has no Scan).
 */
export type LoweringTarget = "cpu" | "portable";

/** A standard attribute value, or the explicit form where a number alone is ambiguous. */
type AttributeValue = number | string | readonly number[] | OnnxAttribute;

export interface OnnxBuilderOptions {
  /** What generated names begin with; a graph inside another needs its own. Default `%`. */
  readonly prefix?: string;
  /**
   * Whether weights stay in their file and memory counts. On the CPU, ONNX Runtime is then told no shape before it
   * runs: it would keep the memory of a value for the next one of the same shape, and until that one comes nothing else
   * could use it (bench/README.md). Default false.
   */
  readonly mapsWeights?: boolean;
}

export class OnnxBuilder {
  readonly target: LoweringTarget;
  readonly mapsWeights: boolean;
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxInitializer>();
  /** Constants that are declared as inputs, too. */
  readonly #unfolded = new Map<string, OnnxValue>();
  readonly #prefix: string;
  #names = 0;

  constructor(target: LoweringTarget, { prefix = "%", mapsWeights = false }: OnnxBuilderOptions = {}) {
    this.target = target;
    this.#prefix = prefix;
    this.mapsWeights = mapsWeights;
  }

  /** Adds a node of the standard domain; whole numbers become INT attributes (use `{ float: x }` for FLOAT ones). */
  node(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeValue>> = {}): string {
    return this.nodes(opType, inputs, 1, attributes)[0];
  }

  /** `node` with several outputs. */
  nodes(
    opType: string,
    inputs: readonly string[],
    outputCount: number,
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain = "",
  ): string[] {
    const outputs = Array.from({ length: outputCount }, () => this.freshName());
    const typed = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, typeAttribute(value)]));
    this.#nodes.push({ opType, domain, inputs, outputs, attributes: typed });
    return outputs;
  }

  /** A node of ONNX Runtime's own domain. */
  fused(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeValue>> = {}): string {
    return this.nodes(opType, inputs, 1, attributes, MICROSOFT)[0];
  }

  /** `alpha` · op(a) · op(b) for batches of matrices; the transposes are of the last two axes. */
  matmul(a: Operand, b: Operand, alpha = 1): string {
    if (a.rank === 2 && b.rank === 2) {
      const flags = { transA: a.transposed ? 1 : 0, transB: b.transposed ? 1 : 0, alpha: { float: alpha } };
      return this.node("Gemm", [a.name, b.name], flags);
    }
    if (this.target === "cpu" && (a.transposed || b.transposed || alpha !== 1)) {
      const flags = { transA: a.transposed ? 1 : 0, transB: b.transposed ? 1 : 0, alpha: { float: alpha } };
      return this.fused("FusedMatMul", [a.name, b.name], flags);
    }
    const product = this.node("MatMul", [this.#plain(a), this.#plain(b)]);
    return alpha === 1 ? product : this.node("Mul", [product, this.floats([alpha])]);
  }

  #plain({ name, rank, transposed }: Operand): string {
    if (!transposed) return name;
    const perm = Array.from({ length: rank }, (_, axis) => axis);
    perm.splice(rank - 2, 2, rank - 1, rank - 2);
    return this.node("Transpose", [name], { perm });
  }

  reshape(name: string, shape: Shape): string {
    return this.node("Reshape", [name, this.#hidesShapes ? this.#unfold(this.#ints("h", shape)) : this.ints(shape)]);
  }

  /** A float32 constant; without a shape, a list of one number is a scalar. Equal constants are shared. */
  floats(values: readonly number[], shape: Shape = values.length === 1 ? [] : [values.length]): string {
    return this.constant(Float32Array.from(values), shape);
  }

  /** An int64 vector, as shapes, axes and pads are given to ONNX. */
  ints(values: readonly number[]): string {
    return this.#ints("i", values);
  }

  #ints(kind: string, values: readonly number[]): string {
    return this.#shared(`${kind}${values.join(",")}`, () => ({
      type: "int64",
      shape: [values.length],
      bytes: bytesOf(BigInt64Array.from(values, BigInt)),
    }));
  }

  /** A filled float32 constant. */
  filled(value: number, shape: Shape): string {
    return this.#shared(`f${value}@${shape.join(",")}`, () => ({
      type: "float32",
      shape,
      bytes: bytesOf(new Float32Array(sizeOf(shape)).fill(value)),
    }));
  }

  constant(data: Float32Array | Int32Array, shape: Shape): string {
    const type: OnnxType = data instanceof Float32Array ? "float32" : "int32";
    const build = () => ({ type, shape, bytes: bytesOf(data) });
    // Only small constants are worth comparing.
    if (data.length > 16) return this.#define(this.freshName(), build());
    // By bytes and not by value: 0 and -0 differ.
    return this.#shared(`${type}${Buffer.from(bytesOf(data)).toString("hex")}@${shape.join(",")}`, build);
  }

  /**
   * A constant whose value ONNX Runtime does not know before it runs, nor that another is equal: what is computed from
   * it and a weight is computed at each use, and not kept beside the weight.
   */
  unfolded(data: Float32Array, shape: Shape): string {
    return this.#unfold(this.#define(this.freshName(), { type: "float32", shape, bytes: bytesOf(data) }));
  }

  /** Declares an initializer under its own name once. */
  declare(initializer: OnnxInitializer): string {
    this.#initializers.set(initializer.name, initializer);
    return initializer.name;
  }

  /**
   * Hides the value of a constant until ONNX Runtime runs: an initializer that is an input as well might be overridden,
   * though nobody does.
   */
  #unfold(name: string): string {
    const type = this.#initializers.get(name)?.type;
    if (type !== undefined) this.#unfolded.set(name, { name, type, shape: undefined });
    return name;
  }

  get #hidesShapes(): boolean {
    return this.mapsWeights && this.target === "cpu";
  }

  #shared(key: string, build: () => Omit<OnnxInitializer, "name">): string {
    const name = `${this.#prefix}_${key}`;
    return this.#initializers.has(name) ? name : this.#define(name, build());
  }

  #define(name: string, initializer: Omit<OnnxInitializer, "name">): string {
    return this.declare({ name, ...initializer });
  }

  freshName(): string {
    return `${this.#prefix}${this.#names++}`;
  }

  /** Gives a value the name under which it leaves the graph. */
  output(name: string, value: string): string {
    this.#nodes.push({ opType: "Identity", domain: "", inputs: [value], outputs: [name], attributes: {} });
    return name;
  }

  /** The finished graph; `early` nodes come first, and inputs have no shapes if these are hidden. */
  build(
    name: string,
    inputs: readonly OnnxValue[],
    outputs: readonly OnnxValue[],
    early: readonly OnnxNode[] = [],
  ): OnnxGraph {
    const fed = this.#hidesShapes ? inputs.map((value) => ({ ...value, shape: undefined })) : inputs;
    return {
      name,
      nodes: [...early, ...this.#nodes],
      initializers: [...this.#initializers.values()],
      inputs: [...fed, ...this.#unfolded.values()],
      outputs,
    };
  }
}

/** A matrix operand of `OnnxBuilder.matmul`. */
export interface Operand {
  readonly name: string;
  readonly rank: number;
  readonly transposed?: boolean;
}

function typeAttribute(value: AttributeValue): OnnxAttribute {
  if (typeof value === "number") return { int: value };
  if (typeof value === "string") return { string: value };
  return isList(value) ? { ints: value } : value;
}

function isList(value: readonly number[] | OnnxAttribute): value is readonly number[] {
  return Array.isArray(value);
}

function bytesOf(data: Float32Array | Int32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
