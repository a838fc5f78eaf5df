/**
 * @file The plan of a run that has been prepared, and the number of steps that its budget comes to.
 */
import { encoderOutputs } from "../../diffusion/latents.ts";
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { programCost } from "../../diffusion/program-cost.ts";
import { availableMemory } from "../../io/available-memory.ts";
import { freeDisk } from "../../io/free-disk.ts";
import { denoiserOf, planOf, type PreparedRun } from "../../learning/concept-run.ts";
import { checkWarmup, VALIDATION_EVERY } from "../../learning/learn-settings.ts";
import { replayedPictures, replaySteps } from "../../learning/replayed-pictures.ts";
import { rehearse } from "../../learning/rehearsal.ts";
import { readSnapshot } from "../../library/run/run-snapshot.ts";
import type { ConceptPlan } from "../../training/strategy.ts";
import type { LearnConceptRequest } from "../learn-request.ts";
import { PREVIEW_PICTURES } from "../previews/previews.ts";
import type { Session } from "../session.ts";
import { VALIDATION_TIMESTEPS } from "../../training/parts/validation.ts";
import { findPhotos } from "../../training/photos/find-photos.ts";
import type { ValidationRequest } from "../training/validation.ts";
import { mostSteps } from "./budget.ts";
import { factsWithin, learnPlan, type LearnPlan } from "./learn-plan.ts";
import { adapterBytes } from "./memory-mode.ts";
import { speedOfRun } from "./measured-speed.ts";
import type { PlanFacts } from "./plan-facts.ts";
import type { LibraryOnModel, PreparedLearning } from "./prepare-learning.ts";

/** A run with its plan. */
export interface PlannedRun {
  readonly plan: LearnPlan;
  /** How the strategy learns the concept: made already, and not to be made again. */
  readonly conceptPlan: ConceptPlan;
}

/** Whether a request needs a plan. */
export function isPlanned({ tellsPlan = false, budget }: LearnConceptRequest): boolean {
  return tellsPlan || budget !== undefined;
}

/** The run with another number of steps. @throws KeepsakeError ("usage") if they are fewer than those of its warm-up */
export function withSteps(prepared: PreparedRun, steps = prepared.settings.steps): PreparedRun {
  const settings = { ...prepared.settings, steps };
  checkWarmup(settings);
  return { ...prepared, settings };
}

/**
 * Plans a run. Some of its programs are compiled for that, and stay in its pool.
 *
 * @param began - when the command began, as `performance.now` says it
 * @throws KeepsakeError if the strategy cannot work on the adapter, or no useful number of steps fits the budget; the
 *   signal's reason when aborted
 */
export async function planRun(
  { folder, program }: Pick<Session, "folder" | "program">,
  { budget, samples, validation, signal }: Pick<LearnConceptRequest, "budget" | "samples" | "validation" | "signal">,
  { library, profile, pipeline }: LibraryOnModel,
  { concept, prepared, pool, recorded }: PreparedLearning,
  {
    photos,
    drawsPreviews,
    began,
  }: {
    readonly photos: number;
    readonly drawsPreviews: boolean;
    readonly began: number;
  },
): Promise<PlannedRun> {
  const heldBytes = process.memoryUsage.rss();
  const freeMemory = availableMemory().memory;
  signal?.throwIfAborted();
  const conceptPlan = await planOf(pipeline, pool, prepared);
  signal?.throwIfAborted();
  const { resolution, batchSize } = prepared.settings;
  const size = { width: resolution, height: resolution };
  const denoiser = denoiserOf(pool, prepared);
  const step = { training: denoiser.cost(true), prediction: denoiser.cost(false), batchSize };
  const work = await rehearse(pipeline, pool, prepared, { plan: conceptPlan, photos });
  signal?.throwIfAborted();
  const speed = await speedOfRun(pipeline, program, { pool, prepared, plan: conceptPlan, facts: step });
  const loading = (performance.now() - began) / 1000;
  signal?.throwIfAborted();
  const concepts = library.concepts.filter(({ name }) => name !== concept.name).length + 1;
  const facts: PlanFacts = {
    steps: prepared.settings.steps,
    stepsDone: recorded === undefined ? 0 : ((await readSnapshot(library.folder))?.step ?? 0),
    ...{ photos, work, step, speed, loading, heldBytes, adapterBytes: adapterBytes(prepared) },
    encoder: programCost(encoderOutputs(pipeline.vae, size), program),
    ...pictureFacts(pipeline, prepared, conceptPlan, { samples, drawsPreviews, concepts }),
    ...(validation !== undefined && { validation: await validationFacts(validation) }),
    mode: pool.checkpointing ? "checkpointing" : "full",
  };
  const { steps: usual } = profile.training;
  const planned = budget === undefined || recorded !== undefined ? facts : factsWithin(budget, facts, usual);
  const rest = { freeMemory, freeDisk: await freeDisk(folder), budget, most: mostSteps(usual) };
  return { plan: learnPlan(planned, rest), conceptPlan };
}

/** The pictures that are drawn before, during and after a run; of samples, those of one look. */
function pictureFacts(
  pipeline: StableDiffusionPipeline,
  { settings }: PreparedRun,
  conceptPlan: ConceptPlan,
  {
    samples,
    drawsPreviews,
    concepts,
  }: Pick<LearnConceptRequest, "samples"> & { readonly drawsPreviews: boolean; readonly concepts: number },
): Pick<PlanFacts, "drawings" | "samples" | "previews"> {
  const { priorPictures = 0, resolution } = settings;
  const replayed = replayedPictures(conceptPlan);
  const before = priorPictures + replayed;
  if (before === 0 && samples === undefined && !drawsPreviews) return {};
  const { steps, guidanceScale } = pipeline.family;
  const costs = pipeline.drawingCosts({ width: resolution, height: resolution }, guidanceScale);
  const stepsBefore = (priorPictures * steps + replayed * replaySteps(pipeline.family)) / before;
  const looked = samples?.others === true ? concepts : 1;
  const onSheet = 2 * PREVIEW_PICTURES * concepts;
  return {
    ...(before > 0 && { drawings: { pictures: before, steps: stepsBefore, ...costs } }),
    ...(samples !== undefined && { samples: { every: samples.every, pictures: looked, steps, ...costs } }),
    ...(drawsPreviews && {
      previews: { pictures: onSheet, steps, ...costs, sheetBytes: onSheet * bytesOfPicture(resolution) },
    }),
  };
}

async function validationFacts({ photos, every = VALIDATION_EVERY }: ValidationRequest) {
  const { photos: heldBack } = await findPhotos(photos);
  return { every, predictions: heldBack.length * VALIDATION_TIMESTEPS };
}

/** Bytes of a picture on the sheet: small ones are enlarged to squares of one colour, which take little more room. */
function bytesOfPicture(side: number): number {
  return 2.2 * side ** 2;
}
