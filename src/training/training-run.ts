/**
 * @file The step loop: takes a strategy's plan for one concept through its phases (the new teacher, the concept itself,
 * the consolidation pass), one step at a time. Every random draw is addressed, so a run that goes on from a saved state
 * takes the very steps it would have taken.
 *
 * Long because a run is one state that every phase reads and changes: a part of it could not be resumed without the
 * rest.
 */
import type { Adapter } from "../adapters/adapter.ts";
import type { TrainedForm } from "../adapters/stacked-lora.ts";
import { TrainedNumbers } from "../adapters/trained-numbers.ts";
import type { KeepsakeError } from "../errors.ts";
import { AdamW, clipGradNorm, learningRateFactor } from "../graph/optim/index.ts";
import type { Denoiser } from "./denoiser.ts";
import type { Trainable } from "./denoising-error.ts";
import { type StrategyMemory, DENOISING, type ConceptPlan, type Objective, type TeacherName } from "./strategy.ts";
import { objectiveGradient, type Evaluations, type ObjectiveGradient } from "./objective-gradient.ts";
import { FisherDiagonal } from "./quadratic-penalty.ts";
import { besidePhotos, type OwnPictures } from "./parts/beside-photos.ts";
import { averageIn } from "./parts/moving-average.ts";
import { notFiniteError } from "./parts/not-finite.ts";
import { validationItems } from "./parts/validation.ts";
import type { TrainingPhoto } from "./photos/encode-photos.ts";
import { squaredError } from "./prediction-loss.ts";
import { consolidationSamples, drawBatch, drawSample, type DrawMaterial } from "./training-draws.ts";
import type { TrainingSettings } from "./training-settings.ts";
import {
  checkSavedState,
  SavedStateError,
  type PhaseEvaluations,
  type PhaseName,
  type RunPosition,
  type TrainingStart,
  type TrainingState,
} from "./training-state.ts";

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
  readonly #trained: TrainedNumbers;
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
    this.#trained = new TrainedNumbers(this.adapter, form);
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
    this.#trained.putInto(averaged.parameters, adapter);
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
    const gradient = [this.#trained.of(result.adapterGradient), result.embeddingsGradient.slice(first, last)];
    const norm = clipGradNorm(gradient, settings.maxGradNorm);
    if (!Number.isFinite(result.denoisingError) || !Number.isFinite(norm)) throw await this.#notFinite();
    this.#trained.readFrom(this.adapter.parameters);
    const { steps: totalSteps, warmupSteps } = settings;
    this.#optimizer.step(gradient, learningRateFactor(settings.lrScheduler, step, { totalSteps, warmupSteps }));
    this.#trained.putInto(this.adapter.parameters, this.#trained.values);
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
    const now = { "ema.lora": this.#trained.of(this.adapter.parameters), "ema.embedding": this.embedding };
    for (const [name, values] of Object.entries(now)) {
      this.#kept[name] ??= new Float32Array(values.length);
      averageIn(this.#kept[name], values, step, emaDecay);
    }
  }

  /** The learning phase is over: what was averaged takes the place of its last step. */
  #takeAverage(): void {
    const { "ema.lora": adapter, "ema.embedding": embedding, ...rest } = this.#kept;
    if (adapter === undefined || embedding === undefined) return;
    this.#trained.putInto(this.adapter.parameters, adapter);
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
      { name: "lora", parameters: this.#trained.values, learningRate, weightDecay },
      { name: "embedding", parameters: this.embedding, learningRate: tokenLearningRate, weightDecay: 0 },
    ]);
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

  #notFinite(): Promise<KeepsakeError> {
    const { concept, denoiser, frozenEmbeddings } = this.#material;
    return notFiniteError({ concept, denoiser, before: [this.#start.adapter, frozenEmbeddings], step: this.#step });
  }

  #savedPosition(): RunPosition {
    const { name, step } = this.#position();
    return {
      ...{ phase: name, phaseSteps: step, steps: this.steps, learnSteps: this.#material.settings.steps },
      hasTeacher: this.#plan.teacher !== undefined,
      ...(this.#material.settings.emaDecay !== undefined && { averaged: this.#trained.values.length }),
      sizes: { adapter: this.adapter.parameters.length, embedding: this.embedding.length },
    };
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
