/**
 * @file A compiled graph: the ONNX model and the ONNX Runtime session that runs it.
 */
import { availableParallelism } from "node:os";
import { KeepsakeError, outOfMemory } from "../errors.ts";
import { emitModel } from "./onnx/emit.ts";
import { weightBytesOf } from "./memory.ts";
import { loadOnnxRuntime, type Ort } from "./onnx-runtime.ts";
import {
  loweringOf,
  mapsWeights,
  maxThreads,
  PROVIDERS,
  sessionOptions,
  type CompiledProgram,
  type InputSpec,
  type ProgramOptions,
} from "./program-options.ts";
import { formatShape, sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** Values for a program's inputs, by name. */
export type Feeds = Readonly<Record<string, Float32Array | Int32Array>>;

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
    const weightBytes = weightBytesOf(outputs);
    const { bytes, inputs, ...weights } = emitModel(prefixed(outputs), loweringOf(options), {
      mapsWeights: mapsWeights(options, weightBytes),
    });
    const specs = Array.from(inputs, ([name, { shape, dtype }]) => [name, { shape, dtype }] as const);
    const names = Object.keys(outputs) as Name[]; // the keys of a record are its names
    return { model: bytes, inputs: new Map(specs), outputs: names, weightBytes, ...weights };
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
   * @throws KeepsakeError if the provider does not exist on this machine, or the memory does not suffice
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
   * @throws KeepsakeError if there is no such provider, or not on this machine, or so many threads are impossible, or
   *   the memory does not suffice, or ONNX Runtime's telemetry cannot be switched off
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
      const fault = outOfMemory(cause);
      if (fault !== undefined || provider === "cpu") throw fault ?? cause;
      const reason = cause instanceof Error ? firstLine(cause.message) : String(cause);
      const message = `The provider "${provider}" cannot be used on this machine (${reason}); use another --provider.`;
      throw new KeepsakeError("environment", message, { cause });
    }
  }

  /** What to feed, by name. */
  get inputs(): ReadonlyMap<string, InputSpec> {
    return this.#compiled.inputs;
  }

  /**
   * Runs once.
   *
   * @throws Error if an input is missing, unknown, or of the wrong type or length; KeepsakeError if the memory does not
   *   suffice
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

/** Outputs are prefixed so that they may have the name of an input. */
function prefixed(outputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [`out:${name}`, tensor]));
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0];
}
