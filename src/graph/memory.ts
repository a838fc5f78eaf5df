/**
 * @file How much memory a graph needs, found without running it: the tensors that are alive at once, in the order in
 * which they are emitted, and what single ops need besides.
 */
import { loweringOf, mapsWeights, type ProgramOptions } from "./program-options.ts";
import { sizeOf } from "./shape.ts";
import { nodesOf, type Node, type Tensor } from "./tensor.ts";

/** Bytes that one run of a graph needs. */
export interface MemoryNeed {
  /**
   * The most that values take at once: inputs, outputs, everything between that is still to be read, and what ops need
   * besides.
   */
  readonly values: number;
  /** Large constants of the model, which it holds while it is open. */
  readonly constants: number;
  /** Weights that lie in files. */
  readonly weights: number;
  /**
   * They are used where they lie: the system may drop their pages and read them again. Else ONNX Runtime copies them.
   */
  readonly isMapped: boolean;
}

/**
 * What one run of everything that `outputs` depend on needs. A lower bound: ONNX Runtime may run nodes in another
 * order, and takes memory in larger pieces. Measured with mapped weights were 1.1 times (training Stable Diffusion's
 * UNet at 512 pixels) to 1.4 times (drawing) the values.
 *
 * @param outputs - as for `Program.create`, as are the options
 */
export function memoryNeed(outputs: Readonly<Record<string, Tensor>>, options: ProgramOptions = {}): MemoryNeed {
  const needs = known.get(outputs) ?? new Map<string, MemoryNeed>();
  known.set(outputs, needs);
  const { provider = "cpu", weights = "" } = options;
  const key = `${provider} ${loweringOf(options)} ${weights}`;
  const need = needs.get(key) ?? findNeed(outputs, options);
  needs.set(key, need);
  return need;
}

/** A graph does not change, and the choice of the mode, the plan and the refusal all ask for its need. */
const known = new WeakMap<Readonly<Record<string, Tensor>>, Map<string, MemoryNeed>>();

function findNeed(outputs: Readonly<Record<string, Tensor>>, options: ProgramOptions): MemoryNeed {
  const target = loweringOf(options);
  const nodes = nodesOf(outputs);
  const storage = storageOf(nodes);
  const lastUse = lastUses(nodes, storage);
  for (const tensor of Object.values(outputs)) lastUse.set(storage.get(tensor) ?? tensor, Infinity);

  const weights = weightBytesOf(outputs);
  const isMapped = mapsWeights(options, weights);
  // Inputs are there from the beginning to the end.
  let alive = nodes.reduce((sum, { leaf, outputs: [value] }) => sum + (leaf?.kind === "input" ? bytesOf(value) : 0), 0);
  let values = alive;
  for (const [index, node] of nodes.entries()) {
    if (isLeafOrView(node, storage)) continue;
    const dying = new Set(
      node.inputs.flatMap((tensor) => storage.get(tensor) ?? []).filter((value) => lastUse.get(value) === index),
    );
    const made = node.outputs.filter((tensor) => lastUse.has(tensor)).reduce((sum, tensor) => sum + bytesOf(tensor), 0);
    const isReused = node.rules.inPlace === true && [...dying].some((value) => bytesOf(value) === made);
    // Half-precision weights are widened just before each use.
    const widened = node.inputs.reduce((sum, tensor) => sum + (storage.has(tensor) ? 0 : widenedBytes(tensor)), 0);
    const scratch = widened + 4 * (node.rules.scratch?.(target, isMapped) ?? 0);
    values = Math.max(values, alive + scratch + (isReused ? 0 : made));
    alive += made - [...dying].reduce((sum, value) => sum + bytesOf(value), 0);
  }
  return { values, constants: constantBytes(nodes), weights, isMapped };
}

/**
 * The tensor that holds each value that takes memory while the graph runs; weights, seen through views and casts, take
 * none.
 */
function storageOf(nodes: readonly Node[]): Map<Tensor, Tensor> {
  const storage = new Map<Tensor, Tensor>();
  const weights = new Set<Tensor>();
  for (const { rules, inputs, outputs, leaf } of nodes) {
    const [source] = inputs;
    const { isView = false, seeWeight } = rules;
    if (leaf !== undefined && leaf.kind !== "input") outputs.forEach((tensor) => weights.add(tensor));
    else if (source !== undefined && weights.has(source) && (isView || seeWeight !== undefined)) {
      outputs.forEach((tensor) => weights.add(tensor));
    } else outputs.forEach((tensor) => storage.set(tensor, (isView && source && storage.get(source)) || tensor));
  }
  return storage;
}

/** The index of the last node that reads each value. */
function lastUses(nodes: readonly Node[], storage: ReadonlyMap<Tensor, Tensor>): Map<Tensor, number> {
  const last = new Map<Tensor, number>();
  for (const [index, { inputs, leaf, outputs }] of nodes.entries()) {
    if (leaf?.kind === "input") outputs.forEach((tensor) => last.set(tensor, Infinity));
    for (const tensor of inputs) {
      const value = storage.get(tensor);
      if (value !== undefined && last.get(value) !== Infinity) last.set(value, index);
    }
  }
  return last;
}

function isLeafOrView({ leaf, outputs }: Node, storage: ReadonlyMap<Tensor, Tensor>): boolean {
  return leaf !== undefined || outputs.every((tensor) => storage.get(tensor) !== tensor);
}

function widenedBytes(tensor: Tensor): number {
  const {
    inputs: [source],
    rules: { isView = false, seeWeight },
  } = tensor.node;
  if (source === undefined || (!isView && seeWeight === undefined)) return 0;
  return source.dtype === tensor.dtype ? widenedBytes(source) : bytesOf(tensor);
}

function constantBytes(nodes: readonly Node[]): number {
  const shared = new Map<string, number>();
  for (const { rules } of nodes) {
    const { key, size } = rules.constant ?? { key: "", size: 0 };
    shared.set(key, 4 * size);
  }
  return [...shared.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Bytes of the weights in files under `outputs`. */
export function weightBytesOf(outputs: Readonly<Record<string, Tensor>>): number {
  const sources = new Map<string, number>();
  for (const { leaf } of nodesOf(outputs)) {
    if (leaf?.kind !== "parameter") continue;
    const { path, byteOffset, byteLength } = leaf.source;
    sources.set(`${leaf.name} ${path} ${byteOffset}`, byteLength);
  }
  return [...sources.values()].reduce((sum, bytes) => sum + bytes, 0);
}

function bytesOf(tensor: Tensor | undefined): number {
  if (tensor === undefined) return 0;
  return sizeOf(tensor.shape) * (tensor.dtype === "float16" || tensor.dtype === "bfloat16" ? 2 : 4);
}
