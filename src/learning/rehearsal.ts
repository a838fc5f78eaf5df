/**
 * @file What a run will ask of the network and of the disk, found by going through it once with a network that predicts
 * noise: one step of each phase. No strategy need say what it takes.
 */
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { RandomStream } from "../random/random.ts";
import type { Denoiser } from "../training/denoiser.ts";
import type { DenoiserPool } from "../training/denoiser-pool.ts";
import type { Evaluations } from "../training/objective-gradient.ts";
import type { TrainingPhoto } from "../training/photos/encode-photos.ts";
import type { ConceptPlan } from "../training/strategy.ts";
import type { OwnPicture } from "../training/parts/beside-photos.ts";
import type { TrainingSettings } from "../training/training-settings.ts";
import type { PhaseName } from "../training/training-state.ts";
import { createRun, denoiserOf, type PreparedRun } from "./concept-run.ts";

/** A phase of a run. */
export interface PhaseWork {
  readonly name: PhaseName;
  readonly steps: number;
  /** UNet evaluations of one step. */
  readonly evaluations: Evaluations;
}

/** What a run asks for. */
export interface RunWork {
  readonly phases: readonly PhaseWork[];
  /** Bytes that the library holds more of afterwards. */
  readonly keptBytes: number;
  /** Bytes of the snapshot of an unfinished run. */
  readonly snapshotBytes: number;
}

/**
 * Goes through a run without a network.
 *
 * @param plan - of the strategy
 * @param photos - how many there are
 */
export async function rehearse(
  pipeline: StableDiffusionPipeline,
  pool: DenoiserPool,
  prepared: PreparedRun,
  { plan, photos }: { readonly plan: ConceptPlan; readonly photos: number },
): Promise<RunWork> {
  const { settings } = prepared;
  const numbers = prepared.made.adapter.parameters.length;
  const denoiser = noiseDenoiser(numbers, denoiserOf(pool, prepared).embeddingsSize);
  const once = { ...prepared, settings: { ...settings, steps: 1 } };
  const options = { plan, denoiser, ...blankPictures(settings, plan, LATENT) };
  const run = await createRun(pipeline, pool, once, [blankPhotos(photos)], options);
  while (!run.isFinished) await run.advance();
  const { evaluations } = run;
  const phases = run.phases.map(({ name, steps }) => {
    const { forward = 0, forwardBackward = 0 } = evaluations[name] ?? {};
    return {
      name,
      steps: name === "consolidate" ? steps : settings.steps,
      evaluations: { forward: forward / steps, forwardBackward: forwardBackward / steps },
    };
  });
  const { optimizer, adapter, embedding, kept } = run.state();
  const moments = Object.values(optimizer.groups).flatMap(({ expAvg, expAvgSq }) => [expAvg, expAvgSq]);
  // At the end of a run its average, which is as large as a moment, is gone.
  const average = settings.emaDecay === undefined ? [] : Object.values(optimizer.groups).map(({ expAvg }) => expAvg);
  const snapshot = [adapter.parameters, embedding, ...moments, ...average, ...Object.values(kept)];
  return {
    phases,
    keptBytes: bytesOf([adapter.parameters, embedding, ...Array.from(run.memory().values(), ({ data }) => data)]),
    snapshotBytes: bytesOf(snapshot),
  };
}

/** Photos without anything on them. A few numbers are as good as all of a latent's. */
function blankPhotos(count: number): TrainingPhoto[] {
  return Array.from({ length: count }, () => ({ mean: new Float32Array(LATENT), logvar: new Float32Array(LATENT) }));
}

const LATENT = 64;

/** Pictures with nothing on them in the place of those that the model would draw, for runs that are tried out. */
export function blankPictures({ priorWeight = 0 }: TrainingSettings, { replay }: ConceptPlan, numbers: number) {
  const blank: OwnPicture = { latents: new Float32Array(numbers), sentence: "" };
  return {
    ...(priorWeight > 0 && { classPictures: [blank] }),
    ...(replay !== undefined && { replayedPictures: [[blank]] }),
  };
}

/** Predicts noise, another one each time, so that no two terms of a loss cancel. */
function noiseDenoiser(numbers: number, embeddingsSize: number): Denoiser {
  const random = new RandomStream(0, "rehearsal");
  return {
    embeddingsSize,
    predictions: (items) => Promise.resolve(items.map(() => random.normal(LATENT))),
    gradient: (items) =>
      Promise.resolve({
        errors: items.map(() => 1),
        predictions: items.map(() => random.normal(LATENT)),
        adapterGradient: new Float32Array(numbers),
        embeddingsGradient: new Float32Array(embeddingsSize),
      }),
  };
}

function bytesOf(arrays: readonly Float32Array[]): number {
  return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
