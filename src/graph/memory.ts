/**
 * @file How much memory a graph needs at least, found without running it, and how much the machine has: what cannot fit is
 * refused before anything is allocated.
 */
import { readFileSync } from "node:fs";
import { freemem } from "node:os";
import { KeepsakeError } from "../errors.ts";
import { sizeOf } from "./shape.ts";
import { reachableNodes, type Node, type Tensor } from "./tensor.ts";

const BYTES_PER_ELEMENT = 4;

/**
 * The most bytes that the values of one run take together, when every value is freed after its last use and elementwise
 * ops write over an input that is not needed any more. Weights in files are not counted: they are mapped, and the system
 * may drop their pages. Scratch memory inside an op is not counted either, so the true peak is higher.
 */
export function peakBytes(outputs: Readonly<Record<string, Tensor>>): number {
  const results = Object.values(outputs);
  const nodes = reachableNodes(results);
  const storage = storageOf(nodes);
  const lastUse = new Map<Tensor, number>();
  nodes.forEach(({ inputs }, position) => {
    for (const tensor of inputs) lastUse.set(storage.get(tensor) ?? tensor, position);
  });
  for (const tensor of results) lastUse.set(storage.get(tensor) ?? tensor, nodes.length);

  let [live, peak] = [0, 0];
  const held = new Map<Tensor, number>();
  const release = (tensor: Tensor): void => {
    live -= held.get(tensor) ?? 0;
    held.delete(tensor);
  };
  for (const [position, node] of nodes.entries()) {
    const dying = [...new Set(node.inputs.map((tensor) => storage.get(tensor) ?? tensor))].filter(
      (tensor) => lastUse.get(tensor) === position,
    );
    const reused = writesOver(node, dying);
    if (reused !== undefined) release(reused);
    for (const tensor of node.outputs) {
      if (storage.get(tensor) !== tensor || !lastUse.has(tensor)) continue;
      held.set(tensor, BYTES_PER_ELEMENT * sizeOf(tensor.shape));
      live += BYTES_PER_ELEMENT * sizeOf(tensor.shape);
    }
    peak = Math.max(peak, live);
    dying.forEach(release);
  }
  return peak;
}

/** The tensor whose memory a tensor lies in: its own, or that of what it reshapes. Weights in files are in none. */
function storageOf(nodes: readonly Node[]): Map<Tensor, Tensor> {
  const storage = new Map<Tensor, Tensor>();
  const inFiles = new Set<Tensor>();
  for (const { op, leaf, inputs, outputs } of nodes) {
    const [source] = inputs;
    const isView = op === "reshape" || (op === "toFloat32" && source !== undefined && inFiles.has(source));
    for (const tensor of outputs) {
      if (leaf?.kind === "parameter" || (isView && source !== undefined && inFiles.has(source))) inFiles.add(tensor);
      else storage.set(tensor, (isView && source !== undefined && storage.get(source)) || tensor);
    }
  }
  return storage;
}

/** The input whose memory the output of an elementwise op takes over. */
function writesOver({ outputs, rules }: Node, dying: readonly Tensor[]): Tensor | undefined {
  const [output] = outputs;
  if (outputs.length !== 1 || output === undefined || rules.flops !== undefined) return undefined;
  return dying.find(({ shape }) => sizeOf(shape) === sizeOf(output.shape));
}

/** Bytes that this process can still take, as far as the system, its container and its own limits say. */
export function availableMemory(): number {
  // Knows the limits of containers; since Node 20.13.
  const free = typeof process.availableMemory === "function" ? process.availableMemory() : freemem();
  return Math.max(0, Math.min(free, addressSpaceLeft()));
}

/** What `ulimit -v` leaves, where there is such a limit and the system tells. */
function addressSpaceLeft(): number {
  try {
    const limit = /^Max address space\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    if (limit === undefined) return Infinity;
    const pages = readFileSync("/proc/self/statm", "utf8").split(" ", 1)[0];
    return Number(limit) - 4096 * Number(pages);
  } catch {
    return Infinity;
  }
}

/**
 * What runs take beyond {@link peakBytes}: scratch memory of the ops, and an arena that grows in powers of two. Pictures of
 * 512 and 1024 pixels with the built-in model took 2.4 times as much.
 */
const MEMORY_FACTOR = 2;

/**
 * Refuses what cannot fit.
 *
 * @param peak - as {@link peakBytes} says, of all programs that are open together
 * @throws KeepsakeError ("environment") with both figures if much more is needed than there is
 */
export function checkMemory(peak: number, available = availableMemory() + process.memoryUsage.rss()): void {
  if (MEMORY_FACTOR * peak > available) throw outOfMemory(peak, undefined, available);
}

/** For what cannot be allocated. */
export function outOfMemory(peak: number, cause?: unknown, available = availableMemory()): KeepsakeError {
  const advice = "choose a smaller picture, batch or rank, or close other programs";
  const figures = `This needs about ${gigabytes(MEMORY_FACTOR * peak)} of memory, and ${gigabytes(available)} are free`;
  return new KeepsakeError("environment", `${figures}: ${advice}.`, { cause });
}

/** Whether an error says that memory could not be allocated: by JavaScript, or by ONNX Runtime. */
export function isAllocationFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof RangeError)
    return /allocation failed|Invalid (typed )?array (buffer )?length/i.test(error.message);
  return /bad_alloc|failed to allocate memory|out of memory|cannot allocate memory/i.test(error.message);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toPrecision(2)} GB`;
}
