/**
 * @file What a concept is learned with, where the request leaves it open: defaults, and what the library has fixed
 * already.
 */
import { DEFAULT_KIND, findAdapterKind } from "../adapters/kinds.ts";
import { LONGEST_TARGETS, plainTargets } from "../adapters/modules.ts";
import { withDefaults } from "../defaults.ts";
import { latentShape } from "../diffusion/latents.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import { learningRateSchedules } from "../graph/index.ts";
import { checkReal, checkWhole, LIMITS, REAL_LIMITS } from "../limits.ts";
import type { AdapterSettings } from "../adapters/new-adapter.ts";
import { checkLossOptions, type LossOptions } from "../training/loss-options.ts";
import type { TrainingSettings } from "../training/training-settings.ts";

export const DEFAULT_ADAPTER: AdapterSettings = { rank: 4, loraAlpha: 4, targets: "crossattn-kv" };

/** `resolution` is left to the model. The token learns ten times as fast as the adapter, as in pivotal tuning. */
export const DEFAULT_TRAINING: Omit<TrainingSettings, "resolution"> = {
  steps: 400,
  batchSize: 1,
  learningRate: 1e-4,
  tokenLearningRate: 1e-3,
  lrScheduler: "constant",
  weightDecay: 0.01,
  maxGradNorm: 1,
  seed: 0,
};

/** Steps between two measurements on photos that are held back, unless a request says otherwise. */
export const VALIDATION_EVERY = 25;

/** Pictures of the class, if prior preservation is asked for and their number is left open. */
export const DEFAULT_PRIOR_PICTURES = 16;

/** What a request may say of the adapter. */
export interface AskedAdapter {
  /** Default: the library's, or a LoRA. */
  readonly kind?: string;
  readonly rank?: number;
  readonly loraAlpha?: number;
  /** As `parseTargets` reads it. */
  readonly targets?: string;
}

/** How the adapter of a library is made. */
export function settingsOfEntry({ kind, rank, loraAlpha, targets, projectionKey }: AdapterSettings): AdapterSettings {
  return { kind, rank, loraAlpha, targets, projectionKey };
}

/**
 * The adapter is the library's; only its first concept may choose.
 *
 * @param known - what there is already, if anything
 * @param owner - where, for messages
 * @param seed - of the training: a new adapter draws its projections from it
 * @throws KeepsakeError if something else is asked for, or the kind has no such setting
 */
export function adapterSettings(
  asked: AskedAdapter,
  known: AdapterSettings | undefined,
  owner: string,
  seed: number,
): AdapterSettings {
  if (known === undefined) return newSettings(asked, seed);
  const { kind = DEFAULT_KIND, rank, loraAlpha, targets } = known;
  const changed = [
    asked.kind !== undefined && asked.kind !== kind ? `kind ${kind}` : "",
    asked.rank !== undefined && asked.rank !== rank ? `rank ${rank}` : "",
    asked.loraAlpha !== undefined && asked.loraAlpha !== loraAlpha ? `alpha ${loraAlpha}` : "",
    asked.targets !== undefined && plainTargets(asked.targets) !== plainTargets(targets) ? `targets ${targets}` : "",
  ].filter((text) => text !== "");
  if (changed.length > 0) {
    const fault = `that of ${owner} has ${changed.join(", ")}`;
    throw new KeepsakeError("usage", `One adapter lives through all concepts, and ${fault}; leave the option out.`);
  }
  return settingsOfEntry(known);
}

function newSettings(asked: AskedAdapter, projectionKey: number): AdapterSettings {
  const { name, defaultRank = DEFAULT_ADAPTER.rank, hasAlpha, hasProjections } = findAdapterKind(asked.kind);
  const { rank = defaultRank, loraAlpha = rank } = asked;
  const targets = plainTargets(asked.targets ?? DEFAULT_ADAPTER.targets);
  if (targets.length > LONGEST_TARGETS) {
    const fault = `The targets of the adapter have ${targets.length} characters, at most ${LONGEST_TARGETS} are possible`;
    throw new KeepsakeError("usage", `${fault}; use shorter endings, or unet-linear.`);
  }
  if (!hasAlpha && asked.loraAlpha !== undefined) {
    throw new KeepsakeError("usage", `An adapter of the kind ${name} has no alpha; leave the option out.`);
  }
  return {
    kind: name === DEFAULT_KIND ? undefined : name,
    ...{ rank, loraAlpha, targets },
    projectionKey: hasProjections ? projectionKey : undefined,
  };
}

/** @throws KeepsakeError for a resolution that the model cannot have, or a schedule that does not exist */
export function trainingSettings(
  asked: Partial<TrainingSettings>,
  pipeline: StableDiffusionPipeline,
): TrainingSettings {
  const { lrScheduler = DEFAULT_TRAINING.lrScheduler } = asked;
  if (!learningRateSchedules.includes(lrScheduler)) {
    const known = learningRateSchedules.join(", ");
    throw new KeepsakeError("usage", `There is no learning-rate schedule "${lrScheduler}"; choose one of ${known}.`);
  }
  // What is off is left out, as it was before it could be on: the same run is then recorded in the same words.
  const { flip = false, alphaMasks = false, ...others } = asked;
  const { warmupSteps = 0, gradientAccumulation = 1, emaDecay = 0, minSnrGamma, ...more } = others;
  const { noiseOffset = 0, priorWeight = 0, priorPictures, ...numbers } = more;
  const settings = {
    ...withDefaults({ ...DEFAULT_TRAINING, resolution: pipeline.defaultSize.width }, numbers),
    ...(flip && { flip }),
    ...(alphaMasks && { alphaMasks }),
    ...(warmupSteps !== 0 && { warmupSteps }),
    ...(gradientAccumulation !== 1 && { gradientAccumulation }),
    ...(emaDecay !== 0 && { emaDecay }),
    ...(minSnrGamma !== undefined && { minSnrGamma }),
    ...(noiseOffset !== 0 && { noiseOffset }),
    ...(priorWeight !== 0 && { priorWeight, priorPictures: priorPictures ?? DEFAULT_PRIOR_PICTURES }),
  };
  checkWhole("The number of steps", settings.steps, LIMITS.steps);
  checkWhole("The batch size", settings.batchSize, LIMITS.batchSize);
  checkReal("The learning rate", settings.learningRate, REAL_LIMITS.learningRate);
  checkReal("The learning rate of the token", settings.tokenLearningRate, REAL_LIMITS.learningRate);
  checkReal("The weight decay", settings.weightDecay, REAL_LIMITS.weightDecay);
  checkReal("The largest norm of the gradient", settings.maxGradNorm, REAL_LIMITS.maxGradNorm);
  checkWhole("The seed", settings.seed, LIMITS.trainingSeed);
  checkWhole("The number of warm-up steps", warmupSteps, LIMITS.warmupSteps);
  checkWhole("The number of batches in a step", gradientAccumulation, LIMITS.gradientAccumulation);
  checkReal("The decay of the average", emaDecay, REAL_LIMITS.emaDecay);
  checkReal("The weight of the class pictures", priorWeight, REAL_LIMITS.priorWeight);
  checkWhole("The number of class pictures", priorPictures ?? DEFAULT_PRIOR_PICTURES, LIMITS.priorPictures);
  checkLossOptions(lossOf(settings) ?? {});
  if (priorWeight === 0 && priorPictures !== undefined) {
    throw new KeepsakeError("usage", "Class pictures count for nothing without a weight: add --prior-weight, e.g. 1.");
  }
  checkWarmup(settings);
  latentShape(pipeline.vae.config, { height: settings.resolution, width: settings.resolution });
  return settings;
}

/** @throws KeepsakeError ("usage") if the rates never rise to what was asked for */
export function checkWarmup({ steps, warmupSteps = 0 }: Pick<TrainingSettings, "steps" | "warmupSteps">): void {
  if (warmupSteps < steps) return;
  const fault = `A warm-up of ${warmupSteps} steps does not end within the ${steps} steps of the run`;
  throw new KeepsakeError("usage", `${fault}; choose a shorter one.`);
}

/** How the loss of each photo is changed; undefined: not at all. */
export function lossOf({ minSnrGamma, noiseOffset }: TrainingSettings): LossOptions | undefined {
  if (minSnrGamma === undefined && noiseOffset === undefined) return undefined;
  return {
    ...(minSnrGamma !== undefined && { minSnrGamma }),
    ...(noiseOffset !== undefined && { noiseOffset: { amount: noiseOffset } }),
  };
}
