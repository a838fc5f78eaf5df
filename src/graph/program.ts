/**
 * @file A compiled graph: the ONNX model and the ONNX Runtime session that runs it.
 */
import { availableParallelism } from "node:os";
import { KeepsakeError, outOfMemory } from "../errors.ts";
import type { LoweringTarget } from "./onnx/builder.ts";
import { emitModel } from "./onnx/emit.ts";
import { loadOnnxRuntime, type Ort } from "./onnx-runtime.ts";
import { formatShape, sizeOf } from "./shape.ts";
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
   * ONNX Runtime writes how long each operator took to a JSON file whose path begins so, until {@link Program.endProfiling}.
   * Default: nothing is written.
   */
  readonly profilePrefix?: string;
}

/** Which operators a program is made of. */
export function loweringOf({ provider = "cpu", lowering }: ProgramOptions): LoweringTarget {
  return lowering ?? (provider === "cpu" ? "cpu" : "portable");
}

/** Values for a program's inputs, by name. */
export type Feeds = Readonly<Record<string, Float32Array | Int32Array>>;

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

/** Below this many bytes of weights a copy of them costs less than it saves, and so does widening half precision once for all. */
const SMALL_WEIGHTS = 64_000_000;

/**
 * Below this many bytes of weights, or of inputs if it has none, a run takes milliseconds, and to optimise the graph takes most
 * of a second. With weights the inputs do not count: an adapter that changes nothing must not change the rounding.
 */
const TINY_PROGRAM = 2_500_000;

/**
 * How long a thread of a small program waits for the next operator before it sleeps, in microseconds. ONNX Runtime's default is
 * 1000, which takes the core from everything else: beside other programs learning took a third longer (bench/README.md).
 * The operators of a large program are long, and to wake a thread for each costs it a tenth.
 */
const SPIN_DURATION = 100;

/** Many more threads than cores only get in each other's way: hundreds of them never end. */
export function maxThreads(): number {
  return Math.max(16, 4 * availableParallelism());
}

function checkThreads(threads = 1): void {
  if (Number.isSafeInteger(threads) && threads >= 1 && threads <= maxThreads()) return;
  const fault = `The number of threads is ${threads}, expected a whole number from 1 to ${maxThreads()}`;
  throw new KeepsakeError("usage", `${fault}: this machine has ${availableParallelism()} cores.`);
}

/** A graph made runnable. One program may be run many times, one run at a time; `dispose` frees its native memory. */
export class Program<Name extends string = string> {
  readonly #ort: typeof Ort;
  readonly #session: Ort.InferenceSession;
  readonly #compiled: CompiledProgram<Name>;

  private constructor(ort: typeof Ort, session: Ort.InferenceSession, compiled: CompiledProgram<Name>) {
    this.#ort = ort;
    this.#session = session;
    this.#compiled = compiled;
  }

  /**
   * Emits everything that `outputs` depend on as an ONNX model. Inputs are found by walking the graph.
   *
   * @param outputs - named tensors to compute, float32
   */
  static compile<Name extends string>(
    outputs: Readonly<Record<Name, Tensor>>,
    options: ProgramOptions = {},
  ): CompiledProgram<Name> {
    const { bytes, inputs, ...weights } = emitModel(prefixed(outputs), loweringOf(options));
    const specs = Array.from(inputs, ([name, { shape, dtype }]) => [name, { shape, dtype }] as const);
    const names = Object.keys(outputs) as Name[]; // the keys of a record are its names
    return { model: bytes, inputs: new Map(specs), outputs: names, ...weights };
  }

  /**
   * Compiles everything that `outputs` depend on, and opens it.
   *
   * @example
   * ```ts
   * import { input, linear, Program, softmax } from "keepsake/graph";
   *
   * const x = input("x", [1, 3]);
   * const w = input("w", [2, 3]);
   * const program = await Program.create({ y: softmax(linear(x, w)) });
   * const { y } = await program.run({ x: Float32Array.of(1, 2, 3), w: Float32Array.of(1, 0, 0, 0, 1, 0) });
   * console.log(y); // [0.27, 0.73], rounded
   * await program.dispose();
   * ```
   * @param outputs - named tensors to compute, float32
   * @throws KeepsakeError if the provider does not exist on this machine
   */
  static async create<Name extends string>(
    outputs: Readonly<Record<Name, Tensor>>,
    options: ProgramOptions = {},
  ): Promise<Program<Name>> {
    return Program.open(Program.compile(outputs, options), options);
  }

  /**
   * Opens a session for a compiled program; `options` are those that it was compiled with, but for the threads.
   *
   * @throws KeepsakeError if there is no such provider, or not on this machine, or ONNX Runtime's telemetry cannot be switched off
   */
  static async open<Name extends string>(
    compiled: CompiledProgram<Name>,
    options: ProgramOptions = {},
  ): Promise<Program<Name>> {
    const { provider = "cpu", threads } = options;
    if (!PROVIDERS.includes(provider)) {
      throw new KeepsakeError("usage", `There is no provider "${provider}"; choose one of ${PROVIDERS.join(", ")}.`);
    }
    checkThreads(threads);
    const ort = await loadOnnxRuntime();
    try {
      const session = await ort.InferenceSession.create(compiled.model, sessionOptions(options, compiled));
      return new Program(ort, session, compiled);
    } catch (cause) {
      const reason = cause instanceof Error ? firstLine(cause.message) : String(cause);
      if (provider === "cpu") throw outOfMemory(cause) ?? cause;
      throw new KeepsakeError("environment", `the provider "${provider}" cannot be used on this machine: ${reason}`, {
        cause,
      });
    }
  }

  /** What to feed, by name. */
  get inputs(): ReadonlyMap<string, InputSpec> {
    return this.#compiled.inputs;
  }

  /**
   * Runs once.
   *
   * @throws Error if an input is missing, unknown, or of the wrong type or length; KeepsakeError if the memory does not suffice
   */
  async run(feeds: Feeds): Promise<Record<Name, Float32Array>> {
    const bound: Record<string, Ort.Tensor> = {};
    for (const [name, { shape, dtype }] of this.inputs) {
      const data = feeds[name];
      const fits = dtype === "int32" ? data instanceof Int32Array : data instanceof Float32Array;
      if (data === undefined || !fits || data.length !== sizeOf(shape)) {
        const got = data === undefined ? "nothing" : `${data.length} elements of ${data.constructor.name}`;
        throw new Error(`input "${name}" is ${dtype} ${formatShape(shape)}, got ${got}`);
      }
      bound[name] = new this.#ort.Tensor(dtype === "int32" ? "int32" : "float32", data, shape);
    }
    for (const name of Object.keys(feeds)) {
      if (!this.inputs.has(name)) throw new Error(`the program has no input "${name}"`);
    }
    const results = await this.#session.run(bound).catch((error: unknown) => {
      throw outOfMemory(error) ?? error;
    });
    const values: Partial<Record<Name, Float32Array>> = {};
    for (const name of this.#compiled.outputs) {
      const value = results[`out:${name}`]?.data;
      if (!(value instanceof Float32Array)) throw new Error(`output "${name}" is not float32`);
      values[name] = value;
    }
    return values as Record<Name, Float32Array>; // every output was set
  }

  /** Closes the file of {@link ProgramOptions.profilePrefix}. */
  endProfiling(): void {
    this.#session.endProfiling();
  }

  /** Frees the session. */
  async dispose(): Promise<void> {
    // Memory that cannot be given back is of no interest to anyone, and must not hide why it is given back.
    await this.#session.release().catch(() => undefined);
  }
}

function sessionOptions(
  { provider = "cpu", threads = availableParallelism(), weights, profilePrefix }: ProgramOptions,
  { weightsFolder, castsWeights, weightBytes, inputs }: CompiledProgram,
): Ort.InferenceSession.SessionOptions {
  const isSmall = provider === "cpu" && weightBytes < SMALL_WEIGHTS;
  const inputBytes = [...inputs.values()].reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
  const isTiny = isSmall && weights === undefined && (weightBytes || inputBytes) < TINY_PROGRAM;
  const mapped = weights === undefined ? !isSmall : weights === "mapped";
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
      // Folding would turn every half-precision weight into a float32 copy; merging equal casts would keep them all alive.
      // Small ones are folded: a GPU may have no arithmetic of half precision to widen them with.
      ...(castsWeights &&
        !(weightBytes < SMALL_WEIGHTS && weights !== "mapped") && {
          optimization: { disable_specified_optimizers: "ConstantFolding;CommonSubexpressionElimination" },
        }),
    },
  };
}

/** Outputs are prefixed so that they may have the name of an input. */
function prefixed(outputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [`out:${name}`, tensor]));
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0];
}
