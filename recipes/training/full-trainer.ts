/**
 * @file Training all parameters of a model: one compiled program for loss and gradients, run by one or several worker
 * threads, AdamW, an exponential moving average, and checkpoints from which training goes on as if it had not stopped.
 */
import { KeepsakeError } from "../../src/errors.ts";
import { countFlops, Program, type Feeds, type Provider, type Tensor } from "../../src/graph/index.ts";
import type { Weights } from "../../src/diffusion/weights.ts";
import type { ModuleContext } from "../../src/diffusion/module.ts";
import { exists } from "../../src/io/folder.ts";
import { SafetensorsFile, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { DataParallel } from "./data-parallel.ts";
import { inTurn } from "./device.ts";
import type { Parameters } from "./parameters.ts";
import { stepForm, traceStep } from "./training-step.ts";

export interface TrainerSettings {
  readonly learningRate: number;
  readonly betas: readonly [number, number];
  /** Of matrices and kernels; norms, biases and embeddings have none. */
  readonly weightDecay: number;
  readonly maxGradNorm: number;
  /** Decay of the moving average once it is warm. */
  readonly emaDecay: number;
  readonly seed: number;
  /** Samples of a step. */
  readonly batchSize: number;
  /** Where the step is computed. Default `cpu`. Any other gets the whole batch at once. */
  readonly provider?: Provider;
  /**
   * Threads that share the update of the parameters. On the CPU each also takes an equal part of the batch; sums over
   * the batch depend on it in their last bits. Default 1.
   */
  readonly workers?: number;
  /** Threads of an operator on the CPU, for each worker. Default 1. */
  readonly threads?: number;
}

/** What training changes, flat arrays of the parameters' layout in memory that the workers share. */
type SharedState = Readonly<Record<"values" | "ema" | "expAvg" | "expAvgSq", Float32Array>>;

/** A model under training. */
export class FullTrainer {
  readonly parameters: Parameters;
  /**
   * Floating-point operations of loss and gradients for one sample, as the graph has them: nothing is counted twice.
   */
  readonly flopsPerSample: number;
  readonly #state: SharedState;
  readonly #workers: DataParallel;
  readonly #settings: TrainerSettings;
  #step = 0;

  private constructor(
    parameters: Parameters,
    flopsPerSample: number,
    state: SharedState,
    workers: DataParallel,
    settings: TrainerSettings,
  ) {
    this.parameters = parameters;
    this.flopsPerSample = flopsPerSample;
    this.#state = state;
    this.#workers = workers;
    this.#settings = settings;
  }

  /**
   * Compiles the training step.
   *
   * @param trace - builds the scalar loss, a mean over `count` samples, from parameters and inputs; the first axis of
   *   each input is cut among the workers
   * @throws RangeError if the batch cannot be cut into equal parts
   */
  static create(
    trace: (context: ModuleContext, count: number) => { readonly loss: Tensor },
    settings: TrainerSettings,
  ): FullTrainer {
    const { batchSize, provider = "cpu", workers = 1, threads = 1, learningRate, betas } = settings;
    const parts = provider === "cpu" ? workers : 1;
    const count = batchSize / parts;
    if (!Number.isInteger(count)) throw new RangeError(`a batch of ${batchSize} cannot be cut for ${parts} workers`);
    const { parameters, outputs } = traceStep((context) => trace(context, count), stepForm(provider));
    parameters.initialize(settings.seed);
    const total = parameters.values.length;
    const shared = () => new Float32Array(new SharedArrayBuffer(4 * total));
    const state = { values: parameters.values, ema: shared(), expAvg: shared(), expAvgSq: shared() };
    state.ema.set(parameters.values);
    const places = parameters.places.map(({ name, shape, offset, length }) => {
      const decays = shape.length > 1 && !name.includes("embedding");
      return { name, offset, length, weightDecay: decays ? settings.weightDecay : 0 };
    });
    const pool = new DataParallel({
      compiled: Program.compile(outputs, { provider }),
      provider,
      threads,
      workers,
      places,
      ...state,
      gradients: Array.from({ length: parts }, shared),
      learningRate,
      betas,
    });
    return new FullTrainer(parameters, countFlops(outputs) / count, state, pool, settings);
  }

  /** Optimiser steps done. */
  get step(): number {
    return this.#step;
  }

  /** The parameters as they are. */
  get values(): Float32Array {
    return Float32Array.from(this.#state.values);
  }

  /** Moving average of the parameters, a copy: what is exported. */
  get ema(): Float32Array {
    return Float32Array.from(this.#state.ema);
  }

  /**
   * One optimiser step.
   *
   * @param learningRateFactor - multiplies the learning rate
   * @throws Error if the loss or a gradient is not finite; the parameters are as they were then
   */
  async train(feeds: Feeds, learningRateFactor: number): Promise<{ readonly loss: number }> {
    const losses = await inTurn(this.#settings.provider ?? "cpu", () => this.#workers.differentiate(feeds));
    const loss = losses.reduce((sum, x) => sum + x, 0) / losses.length;
    const norm = await this.#workers.reduce();
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
      throw new Error(`step ${this.step + 1}: the loss is ${loss}, the norm of the gradient ${norm}`);
    }
    const { maxGradNorm, emaDecay } = this.#settings;
    const step = this.#step + 1;
    await this.#workers.update({
      step: this.#step,
      learningRateFactor,
      gradientScale: Math.min(1, maxGradNorm / (norm + 1e-6)),
      // The average forgets the first steps quickly, as in diffusers.
      emaDecay: Math.min(emaDecay, (1 + step) / (10 + step)),
    });
    this.#step = step;
    return { loss };
  }

  /** Writes everything from which training goes on, atomically. */
  async save(path: string): Promise<void> {
    const shape = [this.parameters.values.length];
    const tensors = new Map(Object.entries(this.#state).map(([name, data]) => [name, { shape, data: data.slice() }]));
    const places = this.parameters.places.map(({ name, length }) => [name, length]);
    const metadata = { step: String(this.step), parameters: JSON.stringify(places) };
    await writeSafetensors(path, tensors, new Map(Object.entries(metadata)));
  }

  /** Goes on from a saved state. @returns false if there is none. */
  async load(path: string): Promise<boolean> {
    if (!(await exists(path))) return false;
    const file = await SafetensorsFile.open(path);
    const places = JSON.stringify(this.parameters.places.map(({ name, length }) => [name, length]));
    if (file.metadata.get("parameters") !== places)
      throw new KeepsakeError("input", `${path} is of another model; give another --output.`);
    for (const [name, data] of Object.entries(this.#state)) data.set(await file.readFloat32(name));
    this.#step = Number(file.metadata.get("step"));
    return true;
  }

  /**
   * Starts from the weights of a finished model, as far as it has them; to be called before the first step. A
   * transformer that it does not have adds nothing at first: its last layer begins at zero.
   */
  async startFrom(weights: Weights): Promise<void> {
    for (const place of this.parameters.places) {
      const { name, length } = place;
      if (!weights.has(name) && !name.includes(".proj_out.")) continue;
      const values = weights.has(name) ? await weights.readFloat32(name) : new Float32Array(length);
      this.parameters.window(place).set(values);
      this.parameters.window(place, this.#state.ema).set(values);
    }
  }

  async dispose(): Promise<void> {
    await this.#workers.dispose();
  }
}
