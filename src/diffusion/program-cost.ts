/**
 * @file What one run of a program takes, found without running it: operations and memory.
 */
import {
  countFlops,
  countRepeatedFlops,
  memoryNeed,
  type MemoryNeed,
  type ProgramOptions,
  type Tensor,
} from "../graph/index.ts";
import { leastMemory } from "./memory.ts";

/** What one run of a program takes. */
export interface ProgramCost {
  /** Floating-point operations, as `countFlops` counts them. */
  readonly flops: number;
  /** Operations that are done a second time to save memory. */
  readonly repeatedFlops: number;
  readonly memory: MemoryNeed;
  /** Bytes beside the weights' files that it takes at the least; what does not fit is refused. */
  readonly leastBytes: number;
}

/** Counts what `outputs` take. */
export function programCost(outputs: Readonly<Record<string, Tensor>>, options: ProgramOptions = {}): ProgramCost {
  const memory = memoryNeed(outputs, options);
  return {
    flops: countFlops(outputs),
    repeatedFlops: countRepeatedFlops(outputs),
    memory,
    leastBytes: leastMemory([memory]),
  };
}

/**
 * What ONNX Runtime takes for values, in multiples of what is alive at once: its arena grows in powers of two, and has
 * holes. Where weights are copied it keeps memory for later values of the same shape besides
 * (`OnnxBuilderOptions.mapsWeights`): the fewer values are kept for the backward pass, the more of the arena is idle.
 * Measured (bench/README.md).
 */
const ARENA = {
  mapped: { training: 1.12, checkpointing: 1.25, drawing: 1.35 },
  copied: { training: 1.37, checkpointing: 3.9, drawing: 2.9 },
} as const;

export type ArenaUse = keyof (typeof ARENA)["mapped"];

/** Bytes that a program likely occupies while it is open: values, constants, and the weights that it has read. */
export function likelyBytes({ memory }: ProgramCost, use: ArenaUse): number {
  const { values, constants, weights, isMapped } = memory;
  // Copied weights are there twice while the program is opened, and some of them reordered.
  return ARENA[isMapped ? "mapped" : "copied"][use] * values + 2 * constants + (isMapped ? 1 : 3) * weights;
}
