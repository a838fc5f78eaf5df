/**
 * @file The plan of a run that has been prepared, and the number of steps that its budget comes to.
 */
import { encoderOutputs } from "../../diffusion/latents.ts";
import { programCost } from "../../diffusion/program-cost.ts";
import { availableMemory } from "../../io/available-memory.ts";
import { freeDisk } from "../../io/free-disk.ts";
import { denoiserOf, planOf, type PreparedRun } from "../../learning/concept-run.ts";
import { rehearse } from "../../learning/rehearsal.ts";
import { readSnapshot } from "../../library/run-snapshot.ts";
import type { ConceptPlan } from "../../training/strategy.ts";
import type { LearnConceptRequest } from "../learn-request.ts";
import { PREVIEW_PICTURES, PREVIEW_STEPS } from "../previews/previews.ts";
import type { Session } from "../session.ts";
import { stepsWithin } from "./budget.ts";
import { fixedAndPerStep, learnPlan, type LearnPlan, type PlanFacts, type PreviewFacts } from "./learn-plan.ts";
import { speedOfRun } from "./measured-speed.ts";
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

/** The run with another number of steps. */
export function withSteps(prepared: PreparedRun, steps = prepared.settings.steps): PreparedRun {
  return { ...prepared, settings: { ...prepared.settings, steps } };
}

/**
 * Plans a run. Some of its programs are compiled for that, and stay in its pool.
 *
 * @param began - when the command began, as `performance.now` says it
 * @throws KeepsakeError if the strategy cannot work on the adapter, or no useful number of steps fits the budget
 */
export async function planRun(
  { folder, program }: Pick<Session, "folder" | "program">,
  { budget }: Pick<LearnConceptRequest, "budget">,
  { library, profile, pipeline }: LibraryOnModel,
  { prepared, pool, recorded }: PreparedLearning,
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
  const conceptPlan = await planOf(pipeline, pool, prepared);
  const { resolution, batchSize } = prepared.settings;
  const size = { width: resolution, height: resolution };
  const denoiser = denoiserOf(pool, prepared);
  const step = { training: denoiser.cost(true), prediction: denoiser.cost(false), batchSize };
  const work = await rehearse(pipeline, pool, prepared, { plan: conceptPlan, photos });
  const speed = await speedOfRun(pipeline, program, { pool, prepared, plan: conceptPlan, facts: step });
  const loading = (performance.now() - began) / 1000;
  const previews = (): PreviewFacts => {
    const pictures = 2 * PREVIEW_PICTURES * (library.concepts.length + 1);
    const costs = pipeline.drawingCosts(size, profile.guidanceScale);
    return { pictures, steps: PREVIEW_STEPS, ...costs, sheetBytes: pictures * bytesOfPicture(resolution) };
  };
  const facts: PlanFacts = {
    steps: prepared.settings.steps,
    stepsDone: recorded === undefined ? 0 : ((await readSnapshot(library.folder))?.step ?? 0),
    ...{ photos, work, step, speed, loading, heldBytes },
    encoder: programCost(encoderOutputs(pipeline.vae, size), program),
    ...(drawsPreviews && { previews: previews() }),
    mode: pool.checkpointing ? "checkpointing" : "full",
  };
  const steps =
    budget === undefined || recorded !== undefined
      ? facts.steps
      : stepsWithin({ budget, ...fixedAndPerStep(facts), usual: profile.training.steps });
  const phases = work.phases.map((phase) => (phase.name === "consolidate" ? phase : { ...phase, steps }));
  const rest = { freeMemory, freeDisk: await freeDisk(folder), budget };
  return { plan: learnPlan({ ...facts, steps, work: { ...work, phases } }, rest), conceptPlan };
}

/** Bytes of a picture on the sheet: small ones are enlarged to squares of one colour, which take little more room. */
function bytesOfPicture(side: number): number {
  return 2.2 * side ** 2;
}
