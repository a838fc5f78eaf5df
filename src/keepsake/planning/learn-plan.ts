/**
 * @file What learning a concept will take: time, memory and disk, from what is counted of its programs and measured of
 * this machine.
 */
import { likelyBytes } from "../../diffusion/program-cost.ts";
import type { Evaluations } from "../../training/objective-gradient.ts";
import type { PhaseWork } from "../../learning/rehearsal.ts";
import { stepsWithin } from "./budget.ts";
import type { MeasuredSpeed, StepFacts } from "./measured-speed.ts";
import type { MemoryMode } from "./memory-mode.ts";
import { factsWithSteps, looksLeft, trainingPhases, type DrawingFacts, type PlanFacts } from "./plan-facts.ts";

/** What learning a concept will take. Seconds and bytes. */
export interface LearnPlan {
  /** Optimiser steps. */
  readonly steps: number;
  /** Steps that an unfinished run has done already, over all phases. */
  readonly stepsDone: number;
  /** How many photos are learned from. */
  readonly photos: number;
  /** The budget that the steps were chosen for. */
  readonly budget?: number;
  /** Whether no budget, however long, comes to more steps. */
  readonly isMost?: boolean;
  readonly secondsPerStep: number;
  readonly seconds: PlannedSeconds;
  readonly memory: {
    readonly mode: MemoryMode;
    /** The most that the process will likely hold at once. */
    readonly peak: number;
    /** What is free now; absent if there is no telling. */
    readonly free?: number;
  };
  readonly disk: {
    /** That the library takes more of afterwards, with the preview sheet. */
    readonly kept: number;
    /** Of the snapshot, while the concept is being learned. */
    readonly snapshot: number;
    readonly free?: number;
  };
  /** Floating-point operations in a second, as they were measured. */
  readonly speed: { readonly forward: number; readonly training: number };
}

/** The parts of a run's time. */
export interface PlannedSeconds {
  /** Loading, compiling, and what the strategy prepares. */
  readonly loading: number;
  /** Photos become latents. */
  readonly encoding: number;
  readonly training: number;
  readonly consolidation: number;
  /** Class pictures and replayed ones before the first step; samples and validation on the way. */
  readonly extras: number;
  readonly previews: number;
  readonly total: number;
}

/** Beside the values of programs: graphs and models while they are compiled, photos, the optimiser. */
const WORKING_BYTES = 100_000_000;

/** Seconds of all steps of a phase. */
export function phaseSeconds({ steps, evaluations }: PhaseWork, step: StepFacts, speed: MeasuredSpeed): number {
  return steps * stepSeconds(evaluations, step, speed);
}

/** Seconds of evaluations. */
export function stepSeconds(
  { forward, forwardBackward }: Evaluations,
  { training, prediction, batchSize }: StepFacts,
  speed: MeasuredSpeed,
): number {
  const backward = training.flops / speed.training + training.repeatedFlops / speed.forward;
  return (forwardBackward * backward + (forward * prediction.flops) / speed.forward) / batchSize;
}

/** The parts of a run's time. Of a resumed run, what is left of it. */
export function plannedSeconds(facts: PlanFacts): PlannedSeconds {
  const { speed, encoder, photos, previews, drawings, samples, validation, work, step } = facts;
  let done = facts.stepsDone;
  const left = work.phases.map((phase) => {
    const skipped = Math.min(done, phase.steps);
    done -= skipped;
    return { ...phase, steps: phase.steps - skipped };
  });
  const secondsOf = (isOurs: (phase: PhaseWork) => boolean) =>
    left.filter(isOurs).reduce((sum, phase) => sum + phaseSeconds(phase, step, speed), 0);
  // The encoder; the program of a step; and that of predictions, if there are any.
  const ofSteps = 1 + (predicts(facts) ? 1 : 0);
  const programs = 1 + (speed.isOpen ? 0 : ofSteps);
  const sampled = samples && { ...samples, pictures: samples.pictures * looksLeft(samples, facts) };
  const predictions = validation === undefined ? 0 : validation.predictions * looksLeft(validation, facts);
  const seconds = {
    loading: facts.loading + programs * speed.opening,
    encoding: (photos * encoder.flops) / speed.forward,
    training: secondsOf(({ name }) => name !== "consolidate"),
    consolidation: secondsOf(({ name }) => name === "consolidate"),
    extras:
      drawingSeconds(drawings, speed, 3) +
      drawingSeconds(sampled, speed, 3) +
      stepSeconds({ forward: predictions, forwardBackward: 0 }, step, speed),
    // Text encoder and denoiser are compiled for the adapter before and the one after; the decoder once.
    previews: drawingSeconds(previews, speed, 5),
  };
  return { ...seconds, total: Object.values(seconds).reduce((sum, each) => sum + each) };
}

/**
 * The facts with as many steps as fit a budget, with all that depends on their number: samples, say.
 *
 * @param usual - steps that the model is usually taught with
 * @throws KeepsakeError ("usage") if no useful number fits
 */
export function factsWithin(budget: number, facts: PlanFacts, usual: number): PlanFacts {
  const secondsOf = (steps: number) => plannedSeconds(factsWithSteps(facts, steps)).total;
  return factsWithSteps(facts, stepsWithin({ budget, secondsOf, usual }));
}

/** @param programs - that are compiled for them */
function drawingSeconds(drawing: DrawingFacts | undefined, speed: MeasuredSpeed, programs: number): number {
  if (drawing === undefined) return 0;
  const { pictures, steps, step, decoder } = drawing;
  return programs * speed.opening + (pictures * (steps * step.flops + decoder.flops)) / speed.forward;
}

/** Of an optimiser step; with a teacher, of one of its steps as well. */
function secondsPerStep({ work, step, speed }: PlanFacts): number {
  return trainingPhases(work).reduce((sum, { evaluations }) => sum + stepSeconds(evaluations, step, speed), 0);
}

/** Whether the network predicts without derivatives as well. */
function predicts({ work, validation }: PlanFacts): boolean {
  return validation !== undefined || work.phases.some(({ evaluations }) => evaluations.forward > 0);
}

/** The most that the process will likely hold at once. */
export function peakBytes(facts: PlanFacts): number {
  const { heldBytes, adapterBytes, work, step, encoder, previews, drawings, samples, mode } = facts;
  const training =
    likelyBytes(step.training, mode === "full" ? "training" : "checkpointing") +
    // The same weights, mapped once.
    (predicts(facts) ? likelyBytes(step.prediction, "drawing") - step.prediction.memory.weights : 0);
  // A consolidation pass goes through photos one by one: programs of another batch size, beside those of the steps.
  const consolidates = step.batchSize > 1 && work.phases.some(({ name }) => name === "consolidate");
  const ofSteps = training + (consolidates ? training - step.training.memory.weights : 0);
  // Samples are drawn between steps, so their programs are held beside those of training.
  const onTheWay = samples === undefined ? 0 : drawingBytes(samples);
  const drawn = previews ?? drawings;
  const drawing = drawn === undefined ? 0 : drawingBytes(drawn);
  return (
    heldBytes + WORKING_BYTES + Math.max(adapterBytes + ofSteps + onTheWay, likelyBytes(encoder, "drawing"), drawing)
  );
}

/** Bytes of the programs that draw. */
export function drawingBytes({ step, decoder }: Pick<DrawingFacts, "step" | "decoder">): number {
  return likelyBytes(step, "drawing") + likelyBytes(decoder, "drawing");
}

/** Everything together. */
export function learnPlan(
  facts: PlanFacts,
  {
    freeMemory,
    freeDisk,
    budget,
    most,
  }: {
    readonly freeMemory: number;
    readonly freeDisk: number | undefined;
    readonly budget: number | undefined;
    /** Steps that no budget goes beyond. */
    readonly most?: number;
  },
): LearnPlan {
  const { steps, stepsDone, photos, work, speed, previews, mode } = facts;
  return {
    ...{ steps, stepsDone, photos },
    ...(budget !== undefined && { budget, isMost: steps === most }),
    secondsPerStep: secondsPerStep(facts),
    seconds: plannedSeconds(facts),
    memory: { mode, peak: peakBytes(facts), ...(freeMemory < Infinity && { free: freeMemory }) },
    disk: {
      kept: work.keptBytes + (previews?.sheetBytes ?? 0),
      snapshot: work.snapshotBytes,
      ...(freeDisk !== undefined && { free: freeDisk }),
    },
    speed: { forward: speed.forward, training: speed.training },
  };
}
