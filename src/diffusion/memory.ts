/**
 * @file Refuses what the machine has no memory for, in a line with figures, before any of it is taken.
 */
import { KeepsakeError } from "../errors.ts";
import { memoryNeed, type MemoryNeed, type ProgramOptions, type Tensor } from "../graph/index.ts";
import { availableMemory, type AvailableMemory } from "../io/available-memory.ts";
import { formatBytes } from "../units.ts";
import type { PictureSize } from "./picture-size.ts";

/** What memory is wanted for, in words. */
export interface MemoryPurpose {
  /** As the subject of a sentence: "A picture of 4096x4096". */
  readonly what: string;
  /** What to do if there is too little. @param share - how much of the need there is, below 1 */
  readonly advice: (share: number) => string;
}

/** Outputs of a program, as `Program.create` takes them. */
type Outputs = Readonly<Record<string, Tensor>>;

/**
 * ONNX Runtime takes at least so much more than values need at once: the smallest that was measured, so that nothing is
 * refused wrongly.
 */
const OVERHEAD = { copied: 1.3, mapped: 1.05 } as const;

/**
 * Checks that programs which are open together can run. What is refused certainly does not fit; what fits barely may
 * still end in ONNX Runtime's own error.
 *
 * @param programs - what each is to compute
 * @param available - for tests; default: of this process
 * @throws KeepsakeError ("environment") that says how much is needed, how much there is, and what to do
 */
export function checkMemory(
  programs: readonly Outputs[],
  options: ProgramOptions,
  purpose: MemoryPurpose,
  available: AvailableMemory = availableMemory(),
): void {
  // The memory of other devices is not known.
  if ((options.provider ?? "cpu") !== "cpu") return;
  const needs = programs.map((outputs) => memoryNeed(outputs, options));
  const taken = leastMemory(needs);
  const mapped = needs.reduce((sum, { weights }) => sum + weights, taken);
  const isTooMuch = taken > available.memory;
  if (!isTooMuch && mapped <= available.addressSpace) return;
  const [need, free] = isTooMuch ? [taken, available.memory] : [mapped, available.addressSpace];
  const limit = isTooMuch ? "are free" : "may still be mapped (ulimit -v)";
  const fault = `${purpose.what} needs at least ${formatBytes(need)} of memory, and ${formatBytes(free)} ${limit}`;
  throw new KeepsakeError("environment", `${fault}; ${purpose.advice(free / need)}.`);
}

/** Bytes that programs which are open together take at the least, beside the files of their weights. */
export function leastMemory(needs: readonly MemoryNeed[]): number {
  // A program keeps what it has taken until it is closed, and its constants lie in its model and in its session.
  return needs.reduce((sum, need) => {
    return sum + OVERHEAD[need.isMapped ? "mapped" : "copied"] * need.values + 2 * need.constants;
  }, 0);
}

/** What to say where pictures are drawn: memory goes with the number of pixels. */
export function drawingPurpose({ width, height }: PictureSize): MemoryPurpose {
  return {
    what: `A picture of ${width}x${height}`,
    advice: (share) => `draw one of ${smaller(width, share)}x${smaller(height, share)} or less (--width, --height)`,
  };
}

/** A side that is shorter by so much that the need fits, as a multiple of 64 where it can be. */
function smaller(side: number, share: number): number {
  const fitting = side * Math.sqrt(0.8 * share);
  return Math.max(8, fitting >= 64 ? 64 * Math.floor(fitting / 64) : 8 * Math.floor(fitting / 8));
}
