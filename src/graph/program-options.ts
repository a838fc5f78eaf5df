/**
 * @file How a program is compiled and run: what may be chosen, and the session's options that follow from it.
 */
import { availableParallelism } from "node:os";
import type { LoweringTarget } from "./onnx/builder.ts";
import type { Ort } from "./onnx-runtime.ts";
import { sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** Execution providers of ONNX Runtime; which of them exist depends on the platform (`cpu` always does). */
export const PROVIDERS = ["cpu", "webgpu", "cuda", "dml", "coreml"] as const;
export type Provider = (typeof PROVIDERS)[number];

export interface ProgramOptions {
  /** Where to compute. Default `cpu`. */
  readonly provider?: Provider;
  /** Threads of one operator. Default: one for each core. */
  readonly threads?: number;
  /**
   * `mapped`: weights stay in their file and are paged in by the operating system, a session starts in a second.
   * `packed`: ONNX Runtime copies and reorders them for speed; slower to start, more than twice the memory.
   * Default: `packed` on the CPU if there are less than 64 MB of them, or none; else `mapped`.
   */
  readonly weights?: "mapped" | "packed";
  /** Which operators the model is made of. Default: `cpu` for the provider of that name, `portable` for every other. */
  readonly lowering?: LoweringTarget;
  /**
   * ONNX Runtime writes how long each operator took to a JSON file whose path begins so, until `Program.endProfiling`.
   * Default: nothing is written.
   */
  readonly profilePrefix?: string;
}

/** Which operators a program is made of. */
export function loweringOf({ provider = "cpu", lowering }: ProgramOptions): LoweringTarget {
  return lowering ?? (provider === "cpu" ? "cpu" : "portable");
}

/** What is fed to an input. */
export type InputSpec = Pick<Tensor, "shape" | "dtype">;

/** A graph as an ONNX model, not yet opened. Plain data: it can be sent to a worker thread and opened there. */
export interface CompiledProgram<Name extends string = string> {
  readonly model: Uint8Array;
  readonly inputs: ReadonlyMap<string, InputSpec>;
  readonly outputs: readonly Name[];
  readonly weightsFolder: string | undefined;
  readonly castsWeights: boolean;
  readonly weightBytes: number;
}

/**
 * Below this many bytes of weights a copy of them costs less than it saves, and so does widening half precision once
 * for all.
 */
const SMALL_WEIGHTS = 64_000_000;

/**
 * Below this many bytes of weights, or of inputs if it has none, a run takes milliseconds, and to optimise the graph
 * takes most of a second. With weights the inputs do not count: an adapter that changes nothing must not change the
 * rounding.
 */
const TINY_PROGRAM = 2_500_000;

/**
 * How long a thread of a small program waits for the next operator before it sleeps, in microseconds. ONNX Runtime's
 * default is 1000, which takes the core from everything else: beside other programs learning took a third longer
 * (bench/README.md). The operators of a large program are long, and to wake a thread for each costs it a tenth.
 */
const SPIN_DURATION = 100;

/** Many more threads than cores only get in each other's way: hundreds of them never end. */
export function maxThreads(): number {
  return Math.max(16, 4 * availableParallelism());
}

/** Whether weights stay in their file: {@link ProgramOptions.weights}. */
export function mapsWeights({ provider = "cpu", weights }: ProgramOptions, weightBytes: number): boolean {
  return weights === undefined ? provider !== "cpu" || weightBytes >= SMALL_WEIGHTS : weights === "mapped";
}

export function sessionOptions(
  options: ProgramOptions,
  { weightsFolder, castsWeights, weightBytes, inputs }: CompiledProgram,
): Ort.InferenceSession.SessionOptions {
  const { provider = "cpu", threads = availableParallelism(), weights, profilePrefix } = options;
  const isSmall = provider === "cpu" && weightBytes < SMALL_WEIGHTS;
  const inputBytes = [...inputs.values()].reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
  const isTiny = isSmall && weights === undefined && (weightBytes || inputBytes) < TINY_PROGRAM;
  const mapped = mapsWeights(options, weightBytes);
  return {
    executionProviders: [provider],
    // To share out the work of a tiny program takes longer than to do it.
    intraOpNumThreads: isTiny ? 1 : threads,
    // Level "all" would reorder convolution weights, which takes a copy of each.
    graphOptimizationLevel: isTiny ? "disabled" : mapped ? "extended" : "all",
    enableMemPattern: false,
    ...(profilePrefix !== undefined && { enableProfiling: true, profileFilePrefix: profilePrefix }),
    // Errors are thrown; the log would only repeat them.
    logSeverityLevel: 4,
    extra: {
      session: {
        ...(mapped ? { disable_prepacking: "1" } : { intra_op: { spin_duration_us: String(SPIN_DURATION) } }),
        ...(weightsFolder !== undefined && { model_external_initializers_file_folder_path: weightsFolder }),
      },
      // Folding would turn every half-precision weight into a float32 copy; merging equal casts would keep them all
      // alive. Small ones are folded: a GPU may have no arithmetic of half precision to widen them with.
      ...(castsWeights &&
        !(weightBytes < SMALL_WEIGHTS && weights !== "mapped") && {
          optimization: { disable_specified_optimizers: "ConstantFolding;CommonSubexpressionElimination" },
        }),
    },
  };
}
