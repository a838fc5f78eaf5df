/**
 * @file A case of the fixture tree: `NAME.json`, which says what it is, and `NAME.safetensors`, which holds the
 * tensors.
 */
import { basename } from "node:path";
import { readJson } from "../../src/io/json.ts";
import { SafetensorsFile } from "../../src/io/safetensors/safetensors.ts";
import type { Checks, Rule } from "./checks.ts";
import { Fields } from "./fields.ts";

const integerTypes: ReadonlySet<string> = new Set(["BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64"]);
const defaultTolerance = 1e-4;

/** A stored tensor. */
export interface FixtureTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** What a program computed, by the names of the fixture's tensors. */
export type Computed = Readonly<Record<string, ArrayLike<number>>>;

export class TensorCase {
  /** Absolute path without the ending. */
  readonly path: string;
  readonly fields: Fields;
  readonly tensors: ReadonlyMap<string, FixtureTensor>;
  readonly #inputs: ReadonlySet<string>;
  readonly #debug: ReadonlySet<string>;

  private constructor(path: string, fields: Fields, tensors: ReadonlyMap<string, FixtureTensor>) {
    this.path = path;
    this.fields = fields;
    this.tensors = tensors;
    this.#inputs = new Set(fields.object("inputs").names);
    this.#debug = new Set(fields.object("debug").names);
  }

  /** @param path absolute path without ".json" and ".safetensors". */
  static async open(path: string): Promise<TensorCase> {
    const fields = new Fields(basename(`${path}.json`), await readJson(`${path}.json`));
    const file = await SafetensorsFile.open(`${path}.safetensors`);
    const tensors = new Map<string, FixtureTensor>();
    for (const { name, shape, dtype } of file.tensors.values()) {
      const values = integerTypes.has(dtype) ? await file.readInt32(name) : await file.readFloat32(name);
      tensors.set(name, { name, shape, values });
    }
    const test = new TensorCase(path, fields, tensors);
    for (const name of [...test.#inputs, ...fields.object("outputs").names, ...test.#debug]) test.tensor(name);
    return test;
  }

  /** Names of the tensors to feed. */
  get inputs(): readonly string[] {
    return [...this.#inputs];
  }

  /** Names of the tensors that must be computed: whatever is neither input nor debug. */
  get outputs(): readonly string[] {
    return [...this.tensors.keys()].filter((name) => !this.#inputs.has(name) && !this.isDebug(name));
  }

  /** Names of the intermediate values, in the order in which the model computes them. */
  get debug(): readonly string[] {
    return [...new Set([...this.#debug, ...this.tensors.keys()])].filter((name) => this.isDebug(name));
  }

  isDebug(name: string): boolean {
    return this.#debug.has(name) || (name.startsWith("debug.") && !this.#inputs.has(name));
  }

  hasInputs(...names: readonly string[]): boolean {
    return names.every((name) => this.#inputs.has(name));
  }

  hasOutputs(...names: readonly string[]): boolean {
    return names.every((name) => this.tensors.has(name) && !this.#inputs.has(name));
  }

  tensor(name: string): FixtureTensor {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw new Error(`${basename(this.path)}.safetensors: there is no tensor "${name}"`);
    return tensor;
  }

  shape(name: string): readonly number[] {
    return this.tensor(name).shape;
  }

  /** Values as float32, whatever the stored type. */
  floats(name: string): Float32Array {
    const { values } = this.tensor(name);
    return values instanceof Float32Array ? values : Float32Array.from(values);
  }

  /** Values as int32; the stored ones must be whole numbers. */
  ints(name: string): Int32Array {
    const { values } = this.tensor(name);
    if (values instanceof Int32Array) return values;
    if (!values.every(Number.isInteger)) throw new Error(`tensor "${name}" should hold whole numbers`);
    return Int32Array.from(values);
  }

  /** A matrix of whole numbers, e.g. token ids `[batch, positions]`, as rows. */
  rows(name: string): number[][] {
    const [count, width] = this.shape(name);
    const ids = this.ints(name);
    return Array.from({ length: count }, (_, row) => [...ids.subarray(row * width, (row + 1) * width)]);
  }

  /** Tensors named `prefix` + something, by that something. */
  withPrefix(prefix: string): ReadonlyMap<string, FixtureTensor> {
    const found = [...this.tensors.values()].filter(({ name }) => name.startsWith(prefix));
    return new Map(found.map((tensor) => [tensor.name.slice(prefix.length), tensor]));
  }

  get tolerance(): number {
    return this.fields.object("tolerance").number("value", defaultTolerance);
  }

  /** The plain rule of the README: the tolerance times the largest absolute value of the tensor. */
  get rule(): Rule {
    return { tolerance: this.tolerance };
  }

  /**
   * Compares every output, and every debug tensor that was computed.
   * @param computed by tensor name.
   * @param rules the rule of each tensor; the plain one by default.
   * @param skip outputs that the caller compares by itself.
   * @throws Error if an output was not computed.
   */
  compare(
    checks: Checks,
    computed: Computed,
    { rules = () => this.rule, skip = () => false, label = "" }: CompareOptions = {},
  ): void {
    for (const name of this.outputs.filter((output) => !skip(output))) {
      const got = computed[name];
      if (got === undefined) throw new Error(`this kind of case has no output "${name}"`);
      const { values } = this.tensor(name);
      if (values instanceof Int32Array) checks.equal(name + label, got, values);
      else checks.close(name + label, got, values, rules(name));
    }
    for (const name of this.debug) {
      const got = computed[name];
      const reference = this.floats(name);
      // Some hold only the first items of the batch.
      if (got !== undefined) checks.debugClose(name, Array.from(got).slice(0, reference.length), reference, this.rule);
    }
  }
}

export interface CompareOptions {
  readonly rules?: (name: string) => Rule;
  readonly skip?: (name: string) => boolean;
  /** Put behind the names of the tensors where a case is computed in several ways. */
  readonly label?: string;
}
