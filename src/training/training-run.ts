/**
 * @file The step loop: takes a strategy's plan for one concept through its phases (the new teacher, the concept itself,
 * the consolidation pass), one step at a time. Every random draw is addressed, so a run that goes on from a saved state
 * takes the very steps it would have taken.
 *
 * Long because a run is one state that every phase reads and changes: a part of it could not be resumed without the
 * rest.
 */
import type { Adapter } from "../adapters/adapter.ts";
import { trainedIndices, type TrainedForm } from "../adapters/stacked-lora.ts";
import { KeepsakeError } from "../errors.ts";
import {
  AdamW,
  clipGradNorm,
  learningRateFactor,
  type AdamWState,
  type LearningRateSchedule,
} from "../graph/optim/index.ts";
import type { Denoiser } from "./denoiser.ts";
import type { Trainable } from "./denoising-error.ts";
import { type StrategyMemory, DENOISING, type ConceptPlan, type Objective, type TeacherName } from "./strategy.ts";
import { objectiveGradient, type Evaluations, type ObjectiveGradient } from "./objective-gradient.ts";
import { FisherDiagonal } from "./quadratic-penalty.ts";
import { besidePhotos, type OwnPictures } from "./parts/beside-photos.ts";
import { averageIn } from "./parts/moving-average.ts";
import { validationItems } from "./parts/validation.ts";
import type { TrainingPhoto } from "./photos/encode-photos.ts";
import { squaredError } from "./prediction-loss.ts";
import { checkSavedState, SavedStateError, type RunPosition } from "./saved-state.ts";
import { consolidationSamples, drawBatch, drawSample, type DrawMaterial, type DrawPurpose } from "./training-draws.ts";

/** The hyper-parameters of learning one concept. */
export interface TrainingSettings {
  /** Optimiser steps. */
  readonly steps: number;
  /** Photos (with their own noise, timestep and prompt) in one step. */
  readonly batchSize: number;
  /** Of the adapter. */
  readonly learningRate: number;
  /** Of the token's embedding. */
  readonly tokenLearningRate: number;
  /** How both rates fall over the steps of each phase that trains: diffusers' `--lr_scheduler`. */
  readonly lrScheduler: LearningRateSchedule;
  /** Decoupled weight decay of the adapter; the token has none. */
  readonly weightDecay: number;
  /** Largest norm of the whole gradient. */
  readonly maxGradNorm: number;
  readonly seed: number;
  /** Side of the square that photos are cropped to, in pixels. */
  readonly resolution: number;
  /** Whether each step may see its photos mirrored. Default: as they are. */
  readonly flip?: boolean;
  /**
   * Whether the transparency of a photo is its mask, where no `x.mask.png` lies beside it. Default: it is put on white.
   */
  readonly alphaMasks?: boolean;
  /** Steps over which both rates rise from 0 in each phase that trains. Default 0. */
  readonly warmupSteps?: number;
  /** Batches of photos whose gradients make up one step: a larger batch in the memory of a small one. Default 1. */
  readonly gradientAccumulation?: number;
  /**
   * Decay of the moving average over the learning phase's steps that the run comes to. Default: it comes to the last
   * step.
   */
  readonly emaDecay?: number;
  /** As of {@link LossOptions}. */
  readonly minSnrGamma?: number;
  /** The amount of {@link LossOptions.noiseOffset}. */
  readonly noiseOffset?: number;
  /**
   * What the error on the model's own pictures of the class counts beside that on the photos. Default 0: there are
   * none.
   */
  readonly priorWeight?: number;
  /** How many such pictures there are. */
  readonly priorPictures?: number;
}

/** What the loop works on and never changes. */
export interface TrainingMaterial extends Omit<DrawMaterial, "seed">, OwnPictures {
  readonly denoiser: Denoiser;
  readonly settings: TrainingSettings;
  /** Default: plain sequential training. */
  readonly plan?: ConceptPlan;
  /** Which of the adapter's numbers are trained. Default: all. */
  readonly form?: TrainedForm;
  /** Embeddings of the earlier concepts' tokens, `[rows, width]`: frozen. */
  readonly frozenEmbeddings: Float32Array;
}

/** What a run begins with, and what it comes to. */
export interface TrainingStart {
  readonly adapter: Adapter;
  /** Embeddings of the tokens that are taught, `[vectors, width]`. */
  readonly embedding: Float32Array;
}

/**
 * What a run consists of:
 * - `teacher`: the new teacher learns the concept, if the strategy has one;
 * - `learn`: the concept is learned;
 * - `consolidate`: what the next concepts need to know of this one is gathered. Nothing is trained.
 */
export type PhaseName = DrawPurpose;

/** UNet evaluations of each phase. */
export type PhaseEvaluations = Readonly<Partial<Record<PhaseName, Evaluations>>>;

/** Everything that changes from step to step. */
export interface TrainingState {
  /** Steps done, over all phases. */
  readonly step: number;
  /** What is being trained in the present phase. */
  readonly adapter: Adapter;
  readonly embedding: Float32Array;
  readonly optimizer: AdamWState;
  /**
   * What earlier phases left for the next ones: `teacher.lora`, `teacher.embedding`; or `fisher`, Σ g² so far. Within
   * the learning phase, the averages of what is trained: `ema.lora`, `ema.embedding`.
   */
  readonly kept: Readonly<Record<string, Float32Array>>;
  readonly evaluations: PhaseEvaluations;
}

/** Learning one concept, step by step. */
export class TrainingRun {
  readonly adapter: Adapter;
  readonly embedding: Float32Array;
  /** Steps of each phase, in order. */
  readonly phases: readonly { readonly name: PhaseName; readonly steps: number }[];
  readonly #material: TrainingMaterial;
  readonly #draws: DrawMaterial;
  readonly #plan: ConceptPlan;
  readonly #start: { readonly adapter: Float32Array; readonly embedding: Float32Array };
  /** Frozen rows, then the new tokens', then rows that nobody uses; `embedding` is a window on it. */
  readonly #embeddings: Float32Array;
  readonly #trained: Uint32Array | undefined;
  /** The trained part of the adapter: the adapter itself if that is all of it. */
  readonly #compact: Float32Array;
  #kept: Record<string, Float32Array>;
  readonly #evaluations: Partial<Record<PhaseName, Evaluations>>;
  #optimizer: AdamW;
  #step: number;

  /**
   * @param start - copied
   * @param saved - a state of the same run to go on from; copied
   * @throws SavedStateError if it is no state of this run
   */
  constructor(material: TrainingMaterial, start: TrainingStart, saved?: TrainingState) {
    const { settings, frozenEmbeddings, plan = {}, form = "low-rank" } = material;
    this.#material = material;
    this.#draws = { ...material, seed: settings.seed };
    this.#plan = plan;
    this.phases = phasesOf(material, plan);
    this.adapter = start.adapter.withParameters(plan.start ?? start.adapter.parameters);
    plan.project?.(this.adapter.parameters);
    this.#start = { adapter: this.adapter.parameters.slice(), embedding: start.embedding.slice() };
    this.#embeddings = this.#embeddingsWith(start.embedding);
    const end = frozenEmbeddings.length + start.embedding.length;
    this.embedding = this.#embeddings.subarray(frozenEmbeddings.length, end);
    this.#trained = trainedIndices(start.adapter, form);
    this.#compact = this.#trained === undefined ? this.adapter.parameters : new Float32Array(this.#trained.length);
    this.#kept = copied(saved?.kept ?? {});
    this.#evaluations = { ...saved?.evaluations };
    this.#step = saved?.step ?? 0;
    if (saved !== undefined) {
      checkSavedState(saved, this.#savedPosition());
      this.adapter.parameters.set(saved.adapter.parameters);
      this.embedding.set(saved.embedding);
    } else if (this.phase === "teacher" && plan.teacher !== undefined) {
      this.adapter.parameters.set(plan.teacher.start);
    }
    this.#optimizer = this.#newOptimizer();
    try {
      if (saved !== undefined) this.#optimizer.loadState(saved.optimizer);
    } catch (error) {
      throw new SavedStateError("the optimiser's moments are of another size", { cause: error });
    }
  }

  /** Steps done, over all phases. */
  get step(): number {
    return this.#step;
  }

  /** Steps in all. */
  get steps(): number {
    return this.phases.reduce((sum, { steps }) => sum + steps, 0);
  }

  get isFinished(): boolean {
    return this.#step >= this.steps;
  }

  /** The phase of the next step; of the last one when the run is finished. */
  get phase(): PhaseName {
    return this.#position().name;
  }

  /** UNet evaluations so far, those of an interrupted part included. */
  get evaluations(): PhaseEvaluations {
    return { ...this.#evaluations };
  }

  /** What the run would come to if it ended now. Not to be changed. */
  outcome(): TrainingStart {
    const { "ema.lora": adapter, "ema.embedding": embedding } = this.#kept;
    if (adapter === undefined || embedding === undefined) return { adapter: this.adapter, embedding: this.embedding };
    const averaged = this.adapter.withParameters(this.adapter.parameters);
    this.#putTrained(averaged.parameters, adapter);
    return { adapter: averaged, embedding };
  }

  /**
   * The mean error of what the run would come to, on photos that it does not learn from, at noise and timesteps that
   * are always the same.
   */
  async validationError(photos: readonly TrainingPhoto[]): Promise<number> {
    const { denoiser, concepts } = this.#material;
    const { adapter, embedding } = this.outcome();
    const items = validationItems(photos, this.#material, concepts[0].token);
    const student = { adapter, embeddings: this.#embeddingsWith(embedding) };
    const predictions = await denoiser.predictions(items, student);
    return predictions.reduce((sum, each, i) => sum + squaredError(each, items[i].target), 0) / items.length;
  }

  /** The state after the last step, copied. */
  state(): TrainingState {
    return {
      step: this.#step,
      adapter: this.adapter.withParameters(this.adapter.parameters),
      embedding: this.embedding.slice(),
      optimizer: this.#optimizer.state(),
      kept: copied(this.#kept),
      evaluations: this.evaluations,
    };
  }

  /**
   * What the strategy keeps for the next concept.
   *
   * @throws Error unless the run is finished
   */
  memory(): StrategyMemory {
    if (!this.isFinished) throw new Error("the run is not finished");
    const samples = this.#plan.fisher && consolidationSamples(this.#material, this.#plan.fisher.draws);
    const fisher = samples === undefined ? undefined : this.#fisher(samples).mean();
    return this.#plan.keep?.({ parameters: this.adapter.parameters, fisher }) ?? new Map();
  }

  /**
   * Takes one step: Adam's update of Kingma & Ba with decoupled decay, or a sample of the consolidation pass.
   *
   * @returns the mean denoising error of the new concept before the update
   * @throws KeepsakeError if something is not finite; nothing has been changed then
   */
  async advance(): Promise<number> {
    const { name, step } = this.#position();
    const { denoisingError, evaluations } =
      name === "consolidate" ? await this.#consolidate(step) : await this.#train(name, step);
    const { forward = 0, forwardBackward = 0 } = this.#evaluations[name] ?? {};
    this.#evaluations[name] = {
      forward: forward + evaluations.forward,
      forwardBackward: forwardBackward + evaluations.forwardBackward,
    };
    this.#step++;
    if (name === "teacher" && this.phase !== "teacher") this.#beginStudent();
    if (name === "learn" && (this.isFinished || this.phase !== "learn")) this.#takeAverage();
    return denoisingError;
  }

  async #train(phase: "teacher" | "learn", step: number): Promise<ObjectiveGradient> {
    const { settings, frozenEmbeddings } = this.#material;
    // The teacher learns as if there were nothing to be kept.
    const { objective = DENOISING, penalty, project } = phase === "teacher" ? {} : this.#plan;
    const result = await this.#gradient(phase, step, objective);
    penalty?.addGradient(result.adapterGradient, this.adapter.parameters);
    project?.(result.adapterGradient);
    const [first, last] = [frozenEmbeddings.length, frozenEmbeddings.length + this.embedding.length];
    const gradient = [this.#trainedOf(result.adapterGradient), result.embeddingsGradient.slice(first, last)];
    const norm = clipGradNorm(gradient, settings.maxGradNorm);
    if (!Number.isFinite(result.denoisingError) || !Number.isFinite(norm)) throw await this.#notFinite();
    if (this.#trained !== undefined) this.#compact.set(this.#trainedOf(this.adapter.parameters));
    const { steps: totalSteps, warmupSteps } = settings;
    this.#optimizer.step(gradient, learningRateFactor(settings.lrScheduler, step, { totalSteps, warmupSteps }));
    this.#putTrained(this.adapter.parameters, this.#compact);
    project?.(this.adapter.parameters);
    if (phase === "learn") this.#average(step);
    return result;
  }

  /**
   * Of the objective on photos, and, where there are any, of plain denoising on class pictures and of the old
   * predictions on replayed ones.
   */
  async #gradient(phase: "teacher" | "learn", step: number, objective: Objective): Promise<ObjectiveGradient> {
    const { settings, denoiser } = this.#material;
    const { batchSize, gradientAccumulation = 1 } = settings;
    // The denoiser takes as many at once as fit a batch, and adds up the gradients.
    const count = batchSize * gradientAccumulation;
    const items = drawBatch(this.#draws, phase, step, count, objective.candidates);
    const student = { adapter: this.adapter, embeddings: this.#embeddings };
    const sum = await objectiveGradient(objective, items, denoiser, student, this.#teachersOf(objective));
    let { forward, forwardBackward } = sum.evaluations;
    const at = { phase, step, photos: count };
    const wanted = { priorWeight: settings.priorWeight, replay: this.#plan.replay };
    for (const { pictures, objective: own, weight } of besidePhotos(this.#draws, this.#material, wanted, at)) {
      const result = await objectiveGradient(own, pictures, denoiser, student, this.#teachersOf(own));
      addScaled(sum.adapterGradient, result.adapterGradient, weight);
      addScaled(sum.embeddingsGradient, result.embeddingsGradient, weight);
      forward += result.evaluations.forward;
      forwardBackward += result.evaluations.forwardBackward;
    }
    return { ...sum, evaluations: { forward, forwardBackward } };
  }

  /** Takes the step that was just done into the average, if there is one. */
  #average(step: number): void {
    const { emaDecay } = this.#material.settings;
    if (emaDecay === undefined) return;
    const now = { "ema.lora": this.#trainedOf(this.adapter.parameters), "ema.embedding": this.embedding };
    for (const [name, values] of Object.entries(now)) {
      this.#kept[name] ??= new Float32Array(values.length);
      averageIn(this.#kept[name], values, step, emaDecay);
    }
  }

  /** The learning phase is over: what was averaged takes the place of its last step. */
  #takeAverage(): void {
    const { "ema.lora": adapter, "ema.embedding": embedding, ...rest } = this.#kept;
    if (adapter === undefined || embedding === undefined) return;
    this.#putTrained(this.adapter.parameters, adapter);
    this.embedding.set(embedding);
    this.#kept = rest;
  }

  async #consolidate(step: number): Promise<ObjectiveGradient> {
    const { fisher } = this.#plan;
    if (fisher === undefined) throw new Error("the plan has no consolidation pass");
    const item = drawSample(this.#draws, step, fisher.draws, fisher.objective.candidates);
    const student = { adapter: this.adapter, embeddings: this.#embeddings };
    const teachers = this.#teachersOf(fisher.objective);
    const result = await objectiveGradient(fisher.objective, [item], this.#material.denoiser, student, teachers);
    const diagonal = this.#fisher(step);
    diagonal.add(result.adapterGradient);
    if (!diagonal.sum.every(Number.isFinite)) throw await this.#notFinite();
    this.#kept.fisher = diagonal.sum;
    return result;
  }

  /** The student begins where the plan says, and the teacher is kept. */
  #beginStudent(): void {
    this.#kept["teacher.lora"] = this.adapter.parameters.slice();
    this.#kept["teacher.embedding"] = this.embedding.slice();
    this.adapter.parameters.set(this.#start.adapter);
    if (this.#plan.teacher?.handsOverToken !== true) this.embedding.set(this.#start.embedding);
    this.#optimizer = this.#newOptimizer();
  }

  #teachersOf({ teachers = {} }: Objective): Partial<Record<TeacherName, Trainable>> {
    if (teachers.old === undefined && teachers.new === undefined) return {};
    // A concept that is taught further is one of those that the old teacher knows: with its token as it was.
    const embeddingsBefore = this.#embeddingsWith(this.#start.embedding);
    const old = { adapter: this.adapter.withParameters(this.#start.adapter), embeddings: embeddingsBefore };
    const { "teacher.lora": parameters, "teacher.embedding": embedding } = this.#kept;
    if (parameters === undefined || embedding === undefined) return { old };
    const embeddings = this.#embeddingsWith(embedding);
    return { old, new: { adapter: this.adapter.withParameters(parameters), embeddings } };
  }

  #embeddingsWith(own: Float32Array): Float32Array {
    const { frozenEmbeddings, denoiser } = this.#material;
    const all = new Float32Array(denoiser.embeddingsSize);
    all.set(frozenEmbeddings);
    all.set(own, frozenEmbeddings.length);
    return all;
  }

  #fisher(count: number): FisherDiagonal {
    const { fisher: sum } = this.#kept;
    return new FisherDiagonal(this.adapter.parameters.length, sum && { sum, count });
  }

  #newOptimizer(): AdamW {
    const { learningRate, tokenLearningRate, weightDecay } = this.#material.settings;
    return new AdamW([
      { name: "lora", parameters: this.#compact, learningRate, weightDecay },
      { name: "embedding", parameters: this.embedding, learningRate: tokenLearningRate, weightDecay: 0 },
    ]);
  }

  /** Puts the trained part of an adapter's numbers in its place. */
  #putTrained(parameters: Float32Array, part: Float32Array): void {
    if (this.#trained === undefined) parameters.set(part);
    else this.#trained.forEach((index, i) => (parameters[index] = part[i]));
  }

  #trainedOf(array: Float32Array): Float32Array {
    const trained = this.#trained;
    if (trained === undefined) return array;
    // A plain loop: there are hundreds of thousands in each step.
    const part = new Float32Array(trained.length);
    for (let i = 0; i < trained.length; i++) part[i] = array[trained[i]];
    return part;
  }

  #position(): { name: PhaseName; step: number } {
    let step = this.#step;
    let position: { name: PhaseName; step: number } = { name: "learn", step };
    for (const { name, steps } of this.phases) {
      position = { name, step };
      if (step < steps) break;
      step -= steps;
    }
    return position;
  }

  #savedPosition(): RunPosition {
    const { name, step } = this.#position();
    return {
      ...{ phase: name, phaseSteps: step, steps: this.steps, learnSteps: this.#material.settings.steps },
      hasTeacher: this.#plan.teacher !== undefined,
      ...(this.#material.settings.emaDecay !== undefined && { averaged: this.#compact.length }),
      sizes: { adapter: this.adapter.parameters.length, embedding: this.embedding.length },
    };
  }

  /** Why a loss or a gradient is not finite: of the weights, of what was there before the run, or of the run itself. */
  async #notFinite(): Promise<KeepsakeError> {
    const { concept, denoiser, frozenEmbeddings } = this.#material;
    const damaged = await denoiser.damagedWeights?.();
    if (damaged !== undefined) return damaged;
    if (![this.#start.adapter, frozenEmbeddings].every((values) => values.every(Number.isFinite))) {
      const advice = 'return to an earlier state with "keepsake undo", or restore the library from a backup';
      return new KeepsakeError("state", `What was learned before ${concept} holds NaN or infinity; ${advice}.`);
    }
    if (this.step === 0) {
      const fault = `The model's predictions are NaN or infinite before anything of ${concept} was learned`;
      return new KeepsakeError("input", `${fault}: no setting mends that; use another checkpoint of the model.`);
    }
    const advice = "learn it again with --restart and a lower --lr";
    return new KeepsakeError("input", `Learning ${concept} diverged at step ${this.step + 1}: ${advice}.`);
  }
}

function phasesOf(material: TrainingMaterial, plan: ConceptPlan): { name: PhaseName; steps: number }[] {
  const { steps } = material.settings;
  return [
    ...(plan.teacher ? [{ name: "teacher", steps } as const] : []),
    { name: "learn", steps },
    ...(plan.fisher
      ? [{ name: "consolidate", steps: consolidationSamples(material, plan.fisher.draws) } as const]
      : []),
  ];
}

function copied(arrays: Readonly<Record<string, Float32Array>>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, values.slice()]));
}

function addScaled(sum: Float32Array, values: Float32Array, factor: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] += factor * values[i];
}
