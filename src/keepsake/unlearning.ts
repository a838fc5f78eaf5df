/**
 * @file Distils a concept away from the shared adapter, without any photo: on noised drawings of it, the model under
 * its token is taught to predict what the model without adapter predicts under its class noun, and under the other
 * concepts' tokens what it predicted before. (The distillation of docs/method.md, "Unlearning", with the bare model as
 * the teacher of what is to be forgotten; compare Gandikota et al., "Erasing Concepts from Diffusion Models", ICCV
 * 2023.) Long because its settings, its material and its distance are of one thing.
 */
import type { Adapter } from "../adapters/adapter.ts";
import { BoundAdapter } from "../adapters/bound-adapter.ts";
import { findAdapterKind } from "../adapters/kinds.ts";
import { TrainedNumbers } from "../adapters/trained-numbers.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { addLearnedTokens } from "../diffusion/prompt-encoder.ts";
import { NoiseSchedule } from "../diffusion/schedulers/index.ts";
import { KeepsakeError } from "../errors.ts";
import { AdamW, clipGradNorm, type ProgramOptions } from "../graph/index.ts";
import { RandomStream } from "../random/random.ts";
import { DenoiserPool } from "../training/denoiser-pool.ts";
import type { Denoiser } from "../training/denoiser.ts";
import type { Trainable } from "../training/denoising-error.ts";
import { pairedDraws } from "../training/diffusion-classifier.ts";
import type { Learned } from "../library/library-model.ts";
import type { Concept } from "../prompts/concept.ts";
import { objectiveGradient, type StepItem } from "../training/objective-gradient.ts";
import { fillTemplate, PROMPT_TEMPLATES } from "../prompts/prompt-templates.ts";
import { drawSubjects } from "../training/training-draws.ts";
import { squaredError } from "../training/prediction-loss.ts";
import type { Objective } from "../training/strategy.ts";

/** Where a request leaves them open. */
export const DEFAULT_UNLEARNING = { steps: 100, seed: 0 } as const;

export interface UnlearningSettings {
  /** Optimiser steps. */
  readonly steps: number;
  /** Of drawings, noise, timesteps and sentences. */
  readonly seed: number;
  /** Of the adapter. */
  readonly learningRate: number;
  /** Noised drawings in one step. */
  readonly batchSize: number;
  /** Side of the square drawings, in pixels. */
  readonly resolution: number;
}

export interface UnlearningOptions {
  readonly program?: ProgramOptions;
  /** When it fires, unlearning ends with its reason before the next step. */
  readonly signal?: AbortSignal;
  /** After each step, from 1 to `steps`. */
  readonly onStep?: (step: number, steps: number) => void;
}

export interface Unlearned {
  /** The adapter's numbers, laid out as they were. */
  readonly adapter: Adapter;
  /**
   * Mean of ‖ε_θ(x_t, t, token) - ε_0(x_t, t, class noun)‖² per element, θ being the adapter and 0 none, over the
   * drawings and timesteps spread evenly; their noise is not that of the training.
   */
  readonly distance: { readonly before: number; readonly after: number };
  /**
   * Mean of ‖ε_θ' - ε_θ‖² per element under the other concepts' tokens, on the same noised drawings: what the others
   * lost.
   */
  readonly drift: number;
}

/** Drawings of the concept: enough to be different, few enough to take less time than the training. */
const DRAWINGS = 4;
/** Timesteps of each drawing at which distance and drift are measured. */
const MEASURED_TIMESTEPS = 8;
/** Other concepts in one step, drawn anew for each: their number must not make a step of a large library endless. */
const MOST_OTHERS = 4;
/** Of the whole gradient, as when a concept is learned. */
const MAX_GRAD_NORM = 1;

/**
 * Prompt 0 is the token's, 1 the class noun's, the others those of concepts that stay. `new` is the bare model, `old`
 * the adapter before.
 */
const OBJECTIVE: Objective = {
  candidates: 2 + MOST_OTHERS,
  teachers: { new: () => [1], old: (prompts) => Array.from({ length: prompts - 2 }, (_, i) => i + 2) },
  addTerms: (loss, { prompts, prediction }) => {
    loss.addSquaredError(0, 1, prediction("new", 1));
    for (let other = 2; other < prompts; other++) loss.addSquaredError(other, 1, prediction("old", other));
  },
};

/**
 * Trains a copy of the adapter. Tokens stay as they are. The same arguments give the same numbers.
 *
 * @param name - of the concept to unlearn
 * @throws KeepsakeError for an adapter that changes something when its numbers are 0, or if the training diverges; the
 *   signal's reason when aborted
 */
export async function unlearn(
  pipeline: StableDiffusionPipeline,
  learned: Learned,
  name: string,
  settings: UnlearningSettings,
  { program, signal, onStep }: UnlearningOptions = {},
): Promise<Unlearned> {
  const { adapter: before, concepts, embeddings } = learned;
  const concept = concepts.find((each) => each.name === name);
  if (concept === undefined || before === undefined) throw new RangeError(`"${name}" has not been learned`);
  // The bare model is taken to be the adapter with zeros.
  if (!findAdapterKind(before.kind).changesNothingAtZero) {
    const advice = 'leave --unlearn out, or return to a state from before it was learned with "keepsake undo --to"';
    throw new KeepsakeError("usage", `An adapter of the kind ${before.kind} cannot be unlearned yet; ${advice}.`);
  }
  const tokenizer = pipeline.newTokenizer();
  const { rows, values } = addLearnedTokens(tokenizer, embeddings, pipeline.text.width);
  const { resolution, batchSize, steps } = settings;
  const pool = new DenoiserPool(pipeline, program);
  try {
    const denoiser = pool.denoiser(before, { resolution, batchSize, learnedRows: rows });
    denoiser.checkMemory();
    const drawings = await drawConcept(pipeline, learned, concept, settings, signal);
    // The memory was checked as if nothing else were open.
    await pipeline.dispose();
    const material: Material = {
      concept,
      others: concepts.filter((other) => other !== concept).map(({ token }) => token),
      drawings,
      schedule: new NoiseSchedule(pipeline.schedulerConfig),
      tokenize: (prompt) => [...tokenizer.encode(prompt).inputIds],
      denoiser,
      old: { adapter: before, embeddings: values },
      bare: { adapter: before.withParameters(new Float32Array(before.parameters.length)), embeddings: values },
      settings,
    };
    const adapter = before.withParameters(before.parameters);
    const trainer = trainerOf(adapter, settings.learningRate);
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted();
      await takeStep(material, { adapter, embeddings: values }, trainer, step);
      onStep?.(step + 1, steps);
    }
    signal?.throwIfAborted();
    return { adapter, ...(await measure(material, { adapter, embeddings: values })) };
  } finally {
    await pool.dispose();
  }
}

interface Material {
  readonly concept: Concept;
  /** Tokens of the concepts that stay. */
  readonly others: readonly string[];
  /** Latents `[channels, height, width]`. */
  readonly drawings: readonly Float32Array[];
  readonly schedule: NoiseSchedule;
  readonly tokenize: (prompt: string) => readonly number[];
  readonly denoiser: Denoiser;
  /** The adapter as it was. */
  readonly old: Trainable;
  /** No adapter. */
  readonly bare: Trainable;
  readonly settings: UnlearningSettings;
}

async function drawConcept(
  pipeline: StableDiffusionPipeline,
  { embeddings, adapter }: Learned,
  { token }: Concept,
  { seed, resolution }: UnlearningSettings,
  signal: AbortSignal | undefined,
): Promise<Float32Array[]> {
  const { steps, guidanceScale } = pipeline.family;
  const pictures = await pipeline.generate({
    ...{ prompt: fillTemplate(PROMPT_TEMPLATES[0], token), n: DRAWINGS, seed, steps, guidanceScale },
    ...{ width: resolution, height: resolution, learnedEmbeddings: embeddings },
    adapter: adapter && new BoundAdapter(adapter),
    signal,
  });
  return pictures.map(({ latents }) => latents);
}

interface Trainer {
  /** Changes the adapter. @param gradient - of all its numbers */
  readonly step: (gradient: Float32Array) => void;
}

/** Of an adapter that carries whole matrices, the identity in A stays. */
function trainerOf(adapter: Adapter, learningRate: number): Trainer {
  const numbers = new TrainedNumbers(adapter, adapter.form === "low-rank" ? "low-rank" : "full");
  // No decay: what other concepts need is not to shrink.
  const optimizer = new AdamW([{ name: "adapter", parameters: numbers.values, learningRate, weightDecay: 0 }]);
  return {
    step: (gradient) => {
      const trained = [numbers.of(gradient)];
      if (!Number.isFinite(clipGradNorm(trained, MAX_GRAD_NORM))) {
        throw new KeepsakeError("input", "Unlearning diverged; nothing has been changed. Fewer --steps may help.");
      }
      optimizer.step(trained);
      numbers.putInto(adapter.parameters, numbers.values);
    },
  };
}

async function takeStep(material: Material, student: Trainable, trainer: Trainer, step: number): Promise<void> {
  const { concept, others, drawings, schedule, tokenize, denoiser, old, bare, settings } = material;
  const { seed, batchSize } = settings;
  const draw = (what: string) => new RandomStream(seed, "unlearn", concept.name, what, step);
  const chosen = draw("drawing").integers(batchSize, drawings.length);
  const timesteps = draw("timestep").integers(batchSize, schedule.numTrainTimesteps);
  const templates = draw("prompt").integers(batchSize, PROMPT_TEMPLATES.length);
  const subjects = drawSubjects(OBJECTIVE.candidates, concept, others, () => draw("others"));
  const noises = draw("noise").normal(drawings[0].length * batchSize);
  const items = Array.from(chosen, (index, i): StepItem => {
    const noise = noises.slice(i * drawings[0].length, (i + 1) * drawings[0].length);
    return {
      ...noised(schedule, drawings[index], noise, timesteps[i]),
      prompts: subjects.map((subject) => tokenize(fillTemplate(PROMPT_TEMPLATES[templates[i]], subject))),
    };
  });
  const { adapterGradient } = await objectiveGradient(OBJECTIVE, items, denoiser, student, { old, new: bare });
  trainer.step(adapterGradient);
}

async function measure(material: Material, now: Trainable): Promise<Omit<Unlearned, "adapter">> {
  const { concept, others, drawings, schedule, tokenize, denoiser, old, bare, settings } = material;
  const draws = pairedDraws(MEASURED_TIMESTEPS, schedule, drawings[0].length, settings.seed);
  const items = drawings.flatMap((drawing) =>
    draws.map(({ noise, timestep }) => noised(schedule, drawing, noise, timestep)),
  );
  const predict = (trainable: Trainable, subject: string) => {
    const tokenIds = tokenize(fillTemplate(PROMPT_TEMPLATES[0], subject));
    return denoiser.predictions(
      items.map((item) => ({ ...item, tokenIds })),
      trainable,
    );
  };
  const noun = await predict(bare, concept.classNoun);
  let drift = 0;
  for (const other of others) {
    drift += meanSquaredDistance(await predict(now, other), await predict(old, other)) / others.length;
  }
  return {
    distance: {
      before: meanSquaredDistance(await predict(old, concept.token), noun),
      after: meanSquaredDistance(await predict(now, concept.token), noun),
    },
    drift,
  };
}

function noised(schedule: NoiseSchedule, latents: Float32Array, noise: Float32Array, timestep: number) {
  return {
    noisyLatents: schedule.addNoise(latents, noise, [timestep]),
    target: schedule.trainingTarget(latents, noise, [timestep]),
    timestep,
  };
}

function meanSquaredDistance(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  return a.reduce((sum, values, i) => sum + squaredError(values, b[i]), 0) / a.length;
}
