/**
 * @file One run of an experiment: concepts are learned one after another, all that are known are drawn after each, and
 * what was drawn is measured.
 */
import { BoundAdapter } from "../adapters/bound-adapter.ts";
import type { TokenEmbedding } from "../adapters/textual-inversion.ts";
import { ConceptClassifier } from "../classifier/concept-classifier.ts";
import { conceptConfidence, type ConceptConfidence } from "../classifier/concept-confidence.ts";
import { tokenOf } from "../prompts/concept-name.ts";
import {
  learnSequence,
  type LearnedConcept,
  type SequenceConcept,
  type SequenceRequest,
} from "../learning/learn-sequence.ts";
import { trainingSettings } from "../learning/learn-settings.ts";
import type { Evaluations } from "../training/objective-gradient.ts";
import { encodePhotos } from "../training/photos/encode-photos.ts";
import { fillTemplate } from "../prompts/prompt-templates.ts";
import type { ClipFeatures } from "../diffusion/clip/clip-features.ts";
import { latentsFrom } from "../diffusion/latents.ts";
import type { GenerateOptions } from "../diffusion/pipeline.ts";
import { imageToTensor, resizeAndCrop } from "../io/images/image.ts";
import type { RgbImage } from "../io/images/rgb-image.ts";
import { measureRun, type RunMetrics } from "./run-report.ts";
import type { SequenceMatrix } from "./score-matrix.ts";

/** A concept, and by what it is judged. */
export interface JudgedConcept extends SequenceConcept {
  /** Real pictures that it is not learned from, at least 2. */
  readonly heldOut: readonly RgbImage[];
  /** What is drawn of it, at least two prompts; `{}` stands for the thing: "a photo of {} in the snow". */
  readonly prompts: readonly string[];
}

export interface SequenceRunRequest extends Omit<SequenceRequest, "concepts"> {
  readonly concepts: readonly JudgedConcept[];
  /** Whose features the pictures are compared by. */
  readonly clip: ClipFeatures;
  /** The same for every concept and stage, so that pictures differ by the weights alone. */
  readonly drawing: Pick<GenerateOptions, "seed" | "steps" | "guidanceScale" | "scheduler">;
  /** Draws of timestep and noise with which each held-out picture is classified. */
  readonly classifierDraws: number;
  /** After how many concepts the run is measured as if it ended there. Default: at its end alone. */
  readonly measuredAfter?: readonly number[];
  /** Told before what takes long. */
  readonly onStage?: (stage: SequenceStage) => void;
  /** Told of each picture that has been drawn. */
  readonly onPicture?: (picture: DrawnPicture) => void;
  /** Called, and waited for, when everything known has been drawn after a concept. */
  readonly onRow?: (row: { readonly learned: number }) => Promise<void>;
}

/** One picture of one concept. */
export interface DrawnPicture {
  /** Concepts learned so far. */
  readonly learned: number;
  /** Indices of the concept and of its prompt. */
  readonly concept: number;
  readonly prompt: number;
  readonly image: RgbImage;
}

export interface SequenceStage {
  readonly kind: "drawing" | "classifying";
  /** Concepts learned so far. */
  readonly learned: number;
}

/** What one concept cost. */
export interface ConceptCost {
  readonly seconds: number;
  /**
   * UNet evaluations over all phases, one for each pair of latents and prompt: predictions alone, those with which
   * replayed pictures were drawn among them, and predictions with derivatives.
   */
  readonly evaluations: Evaluations;
}

/** A run, judged after some concepts. */
export interface MeasuredStage {
  /** Concepts learned so far. */
  readonly learned: number;
  readonly metrics: Omit<RunMetrics, "plasticity"> & Partial<Pick<RunMetrics, "plasticity">>;
  /**
   * Of the model's own classifier, about the held-out pictures of what is known; absent where each concept has an
   * adapter of its own.
   */
  readonly confidence?: readonly ConceptConfidence[];
  readonly keptBytes: number;
}

/** A run, judged at its end. */
export interface SequenceRun extends MeasuredStage {
  /** What was measured before the end. */
  readonly earlier: readonly MeasuredStage[];
  /** `generated[n][j][i]`: prompt i of concept j, drawn after concept n was learned. */
  readonly generated: SequenceMatrix<readonly RgbImage[]>;
  readonly costs: readonly ConceptCost[];
  /** Of the last concept. */
  readonly trainedParameters: number;
}

/**
 * Carries out one run. The same request gives the same pictures and measures.
 *
 * @throws KeepsakeError as {@link learnSequence}; the signal's reason when aborted
 * @throws RangeError for too few held-out pictures or prompts
 */
export async function runSequence(request: SequenceRunRequest): Promise<SequenceRun> {
  const { concepts, strategy, measuredAfter = [], onStage, signal } = request;
  const stages: LearnedConcept[] = [];
  const costs: ConceptCost[] = [];
  const measured: MeasuredStage[] = [];
  const generated: (readonly RgbImage[])[][] = [];
  let started = performance.now();
  for await (const learned of learnSequence(request)) {
    const seconds = (performance.now() - started) / 1000;
    stages.push(learned);
    costs.push({ seconds, evaluations: evaluationsOf(learned) });
    const known = learned.embeddings.length;
    onStage?.({ kind: "drawing", learned: known });
    // Where all were learned at once there is one stage, which then stands for each.
    const row: (readonly RgbImage[])[] = [];
    const shared = new BoundAdapter(learned.adapter);
    for (let j = 0; j < known; j++) {
      const adapter = strategy.order === "separate" ? new BoundAdapter(stages[j].adapter) : shared;
      const drawn: RgbImage[] = [];
      for await (const image of drawConcept(request, concepts[j], adapter, learned.embeddings)) {
        request.onPicture?.({ learned: known, concept: j, prompt: drawn.length, image });
        drawn.push(image);
      }
      row.push(drawn);
    }
    await request.onRow?.({ learned: known });
    if (strategy.order === "together") concepts.forEach((_, n) => generated.push(row.slice(0, n + 1)));
    else generated.push(row);
    if (known === concepts.length || measuredAfter.includes(known)) {
      measured.push(await measureStage(request, learned, generated));
    }
    started = performance.now();
  }
  signal?.throwIfAborted();
  const atEnd = measured[measured.length - 1];
  return {
    ...atEnd,
    earlier: measured.slice(0, -1),
    generated,
    costs,
    trainedParameters: stages[stages.length - 1].trainedParameters,
  };
}

/** Measures what has been learned as if no concept came after. */
async function measureStage(
  request: SequenceRunRequest,
  learned: LearnedConcept,
  generated: SequenceMatrix<readonly RgbImage[]>,
): Promise<MeasuredStage> {
  const { clip, strategy, onStage } = request;
  const concepts = request.concepts.slice(0, learned.embeddings.length);
  if (strategy.order !== "separate") onStage?.({ kind: "classifying", learned: concepts.length });
  const confidence = strategy.order === "separate" ? undefined : await confidenceIn({ ...request, concepts }, learned);
  const { aMmd, fMmd, kid, clipI, clipT, plasticity, backwardTransfer, fidelity, dcAccuracy } = await measureRun(
    clip,
    {
      heldOut: concepts.map(({ heldOut }) => heldOut),
      generated,
      prompts: concepts.map(({ prompts, classNoun }) => prompts.map((prompt) => fillTemplate(prompt, classNoun))),
    },
    { ...(confidence !== undefined && { confidence }) },
  );
  // What is learned at once has no order in which anything could be forgotten.
  const overTime = {
    plasticity,
    ...(fMmd !== undefined && { fMmd }),
    ...(backwardTransfer !== undefined && { backwardTransfer }),
  };
  return {
    learned: concepts.length,
    metrics: {
      ...{ aMmd, kid, clipI, clipT, fidelity },
      ...(strategy.order !== "together" && overTime),
      ...(dcAccuracy !== undefined && { dcAccuracy }),
    },
    ...(confidence !== undefined && { confidence }),
    keptBytes: learned.keptBytes,
  };
}

function evaluationsOf({ evaluations, drawingEvaluations }: LearnedConcept): Evaluations {
  const phases = Object.values(evaluations);
  return {
    forward: phases.reduce((sum, { forward }) => sum + forward, drawingEvaluations),
    forwardBackward: phases.reduce((sum, { forwardBackward }) => sum + forwardBackward, 0),
  };
}

/** A picture for each prompt. */
async function* drawConcept(
  { pipeline, drawing, signal }: SequenceRunRequest,
  { name, prompts }: JudgedConcept,
  adapter: BoundAdapter,
  learnedEmbeddings: readonly TokenEmbedding[],
): AsyncGenerator<RgbImage> {
  for (const [index, prompt] of prompts.entries()) {
    const [picture] = await pipeline.generate({
      ...drawing,
      prompt: fillTemplate(prompt, tokenOf(name)),
      firstIndex: index,
      adapter,
      learnedEmbeddings,
      signal,
    });
    yield picture.image;
  }
}

async function confidenceIn(
  { pipeline, concepts, classifierDraws, training = {} }: SequenceRunRequest,
  { adapter, embeddings }: LearnedConcept,
): Promise<ConceptConfidence[]> {
  const { resolution } = trainingSettings(training, pipeline);
  const pictures = [];
  for (const { name, heldOut } of concepts) {
    const tensors = [];
    for (const image of heldOut) tensors.push(imageToTensor(await resizeAndCrop(image, resolution, resolution)));
    const distributions = await encodePhotos(pipeline.vae, tensors, resolution, {});
    const latents = distributions.map((distribution) => latentsFrom(distribution, pipeline.vae.config));
    pictures.push({ concept: name, latents });
  }
  const known = concepts.map(({ name, classNoun }) => ({ name, classNoun, token: tokenOf(name) }));
  const options = { resolution, draws: classifierDraws };
  const classifier = await ConceptClassifier.create(pipeline, { concepts: known, embeddings, adapter }, options);
  try {
    return await conceptConfidence(classifier, pictures);
  } finally {
    await classifier.dispose();
  }
}
