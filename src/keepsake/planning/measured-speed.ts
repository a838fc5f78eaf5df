/**
 * @file How fast this machine runs a model: by steps of the run itself where they take moments, else by two seconds of
 * a small UNet.
 */
import { latentShape } from "../../diffusion/latents.ts";
import { measureSpeed, type MachineSpeed } from "../../diffusion/machine-speed.ts";
import type { ProgramCost } from "../../diffusion/program-cost.ts";
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import type { ProgramOptions } from "../../graph/index.ts";
import { createRun, type PreparedRun } from "../../learning/concept-run.ts";
import { blankPictures } from "../../learning/rehearsal.ts";
import type { DenoiserPool } from "../../training/denoiser-pool.ts";
import type { ConceptPlan } from "../../training/strategy.ts";

/** A speed, and how long it takes to open a program. */
export interface MeasuredSpeed extends MachineSpeed {
  /** Seconds to trace, compile and open one program. */
  readonly opening: number;
  /** Whether the programs of a step are open already: it was measured on them. */
  readonly isOpen: boolean;
}

/** Steps with more operations are too long to be tried. */
const MOST_FLOPS = 2e10;
/** Seconds of trying, and bounds of the steps in them. */
const SECONDS = 1;
const [LEAST_STEPS, MOST_STEPS] = [2, 10];
/** Predictions alone use the processor better than training, by so much (bench/README.md). */
export const FORWARD_OVER_TRAINING = 1.3;
/** Seconds in which a program of the size of Stable Diffusion is traced and opened. */
const LARGE_OPENING = 1.5;

/** What a step of a run takes; costs are of one batch. */
export interface StepFacts {
  readonly training: ProgramCost;
  readonly prediction: ProgramCost;
  readonly batchSize: number;
}

/** Speeds of this process's machine, by where and how they were measured. */
const known = new Map<string, Promise<MachineSpeed>>();

/** The speed at which large models run. Measured once in a process. */
export function machineSpeed({ provider, threads }: ProgramOptions): Promise<MachineSpeed> {
  const key = JSON.stringify([provider, threads]);
  const speed = known.get(key) ?? measureSpeed({ ...(provider && { provider }), ...(threads && { threads }) });
  known.set(key, speed);
  return speed;
}

/** The speed at which a run's own programs run. Nothing of the run is changed. */
export async function speedOfRun(
  pipeline: StableDiffusionPipeline,
  program: ProgramOptions,
  {
    pool,
    prepared,
    plan,
    facts,
  }: {
    readonly pool: DenoiserPool;
    readonly prepared: PreparedRun;
    readonly plan: ConceptPlan;
    readonly facts: StepFacts;
  },
): Promise<MeasuredSpeed> {
  if (facts.training.flops > MOST_FLOPS)
    return { ...(await machineSpeed(program)), opening: LARGE_OPENING, isOpen: false };
  const { resolution } = prepared.settings;
  const shape = latentShape(pipeline.vae.config, { width: resolution, height: resolution });
  const blank = () => new Float32Array(shape.reduce((product, extent) => product * extent));
  const photo = { mean: blank(), logvar: blank() };
  const own = blankPictures(prepared.settings, plan, photo.mean.length);
  const trial = await createRun(pipeline, pool, prepared, [[photo]], { plan, ...own });
  const opening = await timed(() => trial.advance());
  const before = workOf(facts, trial.evaluations[trial.phase]);
  let [seconds, steps] = [0, 0];
  const { phase } = trial;
  while (!trial.isFinished && trial.phase === phase && steps < MOST_STEPS) {
    if (steps >= LEAST_STEPS && seconds > SECONDS) break;
    seconds += await timed(() => trial.advance());
    steps++;
  }
  const work = workOf(facts, trial.evaluations[phase]) - before;
  const training = steps === 0 ? before / opening : work / seconds;
  return {
    ...{ training, forward: FORWARD_OVER_TRAINING * training },
    ...{ opening: Math.max(0, opening - before / training), isOpen: true },
  };
}

/** Operations of evaluations, in those of training. */
function workOf(
  { training, prediction, batchSize }: StepFacts,
  { forward, forwardBackward }: { readonly forward: number; readonly forwardBackward: number } = {
    forward: 0,
    forwardBackward: 0,
  },
): number {
  const backward = training.flops + training.repeatedFlops / FORWARD_OVER_TRAINING;
  return (forwardBackward * backward + (forward * prediction.flops) / FORWARD_OVER_TRAINING) / batchSize;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
