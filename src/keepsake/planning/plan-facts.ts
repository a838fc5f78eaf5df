/**
 * @file What the plan of a run is made of: what was counted of its programs, and measured of this machine.
 */
import type { ProgramCost } from "../../diffusion/program-cost.ts";
import type { PhaseWork, RunWork } from "../../learning/rehearsal.ts";
import type { MeasuredSpeed, StepFacts } from "./measured-speed.ts";
import type { MemoryMode } from "./memory-mode.ts";

/** What a plan is made of. */
export interface PlanFacts {
  readonly steps: number;
  readonly stepsDone: number;
  readonly photos: number;
  readonly work: RunWork;
  readonly step: StepFacts;
  /** Of one photo. */
  readonly encoder: ProgramCost;
  /** Class pictures and replayed ones, drawn before the first step, if there will be any. */
  readonly drawings?: DrawingFacts;
  /** The pictures of one look, if samples are drawn. */
  readonly samples?: DrawingFacts & Looks;
  /** The predictions of one look, if the run is validated. */
  readonly validation?: Looks & { readonly predictions: number };
  /** Pictures of the preview sheet, if there will be one. */
  readonly previews?: PreviewFacts;
  readonly speed: MeasuredSpeed;
  /** Seconds that loading and planning took so far. */
  readonly loading: number;
  readonly mode: MemoryMode;
  /** Bytes that the process holds before anything is compiled. */
  readonly heldBytes: number;
  /** Bytes that it holds of the adapter while it trains, beside programs. */
  readonly adapterBytes: number;
}

/** How often a run is looked at: before the first step, on the way and after the last one. */
export interface Looks {
  /** Steps from one look to the next. */
  readonly every: number;
}

/** Pictures, and what each takes. */
export interface DrawingFacts {
  readonly pictures: number;
  /** Denoising steps of one, in the mean. */
  readonly steps: number;
  readonly step: ProgramCost;
  readonly decoder: ProgramCost;
}

export interface PreviewFacts extends DrawingFacts {
  /** Bytes of the sheet. */
  readonly sheetBytes: number;
}

/** The facts of the same run with another number of steps. */
export function factsWithSteps(facts: PlanFacts, steps: number): PlanFacts {
  const phases = facts.work.phases.map((phase) => (phase.name === "consolidate" ? phase : { ...phase, steps }));
  return { ...facts, steps, work: { ...facts.work, phases } };
}

/** How many looks are still to come. A run that is gone on with begins with the one that is due there. */
export function looksLeft({ every }: Looks, { work, stepsDone }: PlanFacts): number {
  const trained = trainingPhases(work).reduce((sum, { steps }) => sum + steps, 0);
  const dueBeforeTheEnd = Math.floor((trained - 1) / every) - Math.ceil(stepsDone / every) + 1;
  return Math.max(0, dueBeforeTheEnd) + 1;
}

export function trainingPhases({ phases }: RunWork): PhaseWork[] {
  return phases.filter(({ name }) => name !== "consolidate");
}
