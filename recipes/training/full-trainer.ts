/**
 * @file Training all parameters of a model: one compiled program for loss and gradients, AdamW, an exponential moving average, and checkpoints from
 * which training goes on as if it had not stopped.
 */
import { access } from "node:fs/promises";
import { AdamW, clipGradNorm, gradients, Program, type Feeds, type Tensor } from "../../src/graph/index.ts";
import type { Weights } from "../../src/diffusion/weights.ts";
import type { ModuleContext } from "../../src/diffusion/module.ts";
import { SafetensorsFile, writeSafetensors } from "../../src/io/safetensors.ts";
import { traceParameters, type Parameters } from "./parameters.ts";

export interface TrainerSettings {
  readonly learningRate: number;
  readonly betas: readonly [number, number];
  /** Of matrices and kernels; norms, biases and embeddings have none. */
  readonly weightDecay: number;
  readonly maxGradNorm: number;
  /** Decay of the moving average once it is warm. */
  readonly emaDecay: number;
  readonly seed: number;
  /** Of the compiled program; all cores unless given. */
  readonly threads?: number;
}

/** A model under training. `Extra` are further outputs of a step besides the loss. */
export class FullTrainer<Extra extends string> {
  readonly parameters: Parameters;
  /** Moving average of the parameters: what is exported. */
  readonly ema: Float32Array;
  readonly #program: Program;
  readonly #optimizer: AdamW;
  readonly #settings: TrainerSettings;
  readonly #extra: readonly Extra[];

  private constructor(parameters: Parameters, program: Program, settings: TrainerSettings, extra: readonly Extra[]) {
    this.parameters = parameters;
    this.ema = parameters.values.slice();
    this.#program = program;
    this.#settings = settings;
    this.#extra = extra;
    this.#optimizer = new AdamW(
      parameters.places.map((place) => ({
        name: place.name,
        parameters: parameters.window(place),
        learningRate: settings.learningRate,
        weightDecay: place.shape.length > 1 && !place.name.includes("embedding") ? settings.weightDecay : 0,
      })),
      { betas: settings.betas },
    );
  }

  /**
   * Compiles the training step.
   *
   * @param trace - builds the scalar loss, and whatever else a step should return, from parameters and inputs
   */
  static async create<Extra extends string = never>(
    trace: (context: ModuleContext) => { readonly loss: Tensor; readonly extra?: Readonly<Record<Extra, Tensor>> },
    settings: TrainerSettings,
  ): Promise<FullTrainer<Extra>> {
    const { traced, parameters, inputs } = traceParameters(trace);
    parameters.initialize(settings.seed);
    const outputs: Record<string, Tensor> = { loss: traced.loss, ...traced.extra };
    gradients(traced.loss, inputs).forEach((gradient, i) => (outputs[`gradient ${i}`] = gradient));
    const program = await Program.create(outputs, settings.threads === undefined ? {} : { threads: settings.threads });
    const extra = Object.keys(traced.extra ?? {}).filter((key): key is Extra => key in (traced.extra ?? {}));
    return new FullTrainer(parameters, program, settings, extra);
  }

  /** Optimiser steps done. */
  get step(): number {
    return this.#optimizer.stepCount;
  }

  /**
   * One optimiser step.
   *
   * @param learningRateFactor - multiplies the learning rate
   * @throws Error if the loss is not finite
   */
  async train(
    feeds: Feeds,
    learningRateFactor: number,
  ): Promise<{ readonly loss: number } & Readonly<Record<Extra, Float32Array>>> {
    const results = await this.#program.run({ ...feeds, ...this.parameters.feeds() });
    const loss = results.loss?.[0] ?? NaN;
    const gradient = this.parameters.places.map((_, i) => results[`gradient ${i}`] ?? new Float32Array());
    const norm = clipGradNorm(gradient, this.#settings.maxGradNorm);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw new Error(`step ${this.step + 1}: the loss is ${loss}`);
    this.#optimizer.step(gradient, learningRateFactor);
    this.#updateAverage();
    const extra = Object.fromEntries(this.#extra.map((key) => [key, results[key]]));
    return { loss, ...(extra as Record<Extra, Float32Array>) }; // every extra output is an output of the program
  }

  /** The average forgets the first steps quickly: decay min(emaDecay, (1 + step) / (10 + step)), as in diffusers. */
  #updateAverage(): void {
    const decay = Math.min(this.#settings.emaDecay, (1 + this.step) / (10 + this.step));
    const { ema } = this;
    const { values } = this.parameters;
    for (let i = 0; i < ema.length; i++) ema[i] += (1 - decay) * (values[i] - ema[i]);
  }

  /** Writes everything from which training goes on, atomically. */
  async save(path: string): Promise<void> {
    const { step, groups } = this.#optimizer.state();
    const total = this.parameters.values.length;
    const [expAvg, expAvgSq] = [new Float32Array(total), new Float32Array(total)];
    for (const place of this.parameters.places) {
      const moments = groups[place.name];
      if (moments === undefined) continue;
      this.parameters.window(place, expAvg).set(moments.expAvg);
      this.parameters.window(place, expAvgSq).set(moments.expAvgSq);
    }
    const arrays = { values: this.parameters.values, ema: this.ema, expAvg, expAvgSq };
    const tensors = new Map(Object.entries(arrays).map(([name, data]) => [name, { shape: [total], data }]));
    const places = this.parameters.places.map(({ name, length }) => [name, length]);
    const metadata = { step: String(step), parameters: JSON.stringify(places) };
    await writeSafetensors(path, tensors, new Map(Object.entries(metadata)));
  }

  /** Goes on from a saved state. @returns false if there is none. */
  async load(path: string): Promise<boolean> {
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (!exists) return false;
    const file = await SafetensorsFile.open(path);
    const [values, ema, expAvg, expAvgSq] = await Promise.all(
      ["values", "ema", "expAvg", "expAvgSq"].map((name) => file.readFloat32(name)),
    );
    if (values?.length !== this.parameters.values.length || !ema || !expAvg || !expAvgSq) {
      throw new Error(`${path} is of another model`);
    }
    this.parameters.values.set(values);
    this.ema.set(ema);
    const groups = this.parameters.places.map((place) => {
      const moments = {
        expAvg: this.parameters.window(place, expAvg),
        expAvgSq: this.parameters.window(place, expAvgSq),
      };
      return [place.name, moments] as const;
    });
    this.#optimizer.loadState({ step: Number(file.metadata.get("step")), groups: Object.fromEntries(groups) });
    return true;
  }

  /** Starts from the weights of a finished model, as far as it has them; to be called before the first step. */
  async startFrom(weights: Weights): Promise<void> {
    for (const place of this.parameters.places) {
      if (!weights.has(place.name)) continue;
      const values = await weights.readFloat32(place.name);
      this.parameters.window(place).set(values);
      this.parameters.window(place, this.ema).set(values);
    }
  }

  async dispose(): Promise<void> {
    await this.#program.dispose();
  }
}
