/**
 * @file Whether what was read from a manifest is one: people can edit the file, and disks can damage it.
 */
import { CHECKPOINT_FAMILIES } from "../../diffusion/family/families.ts";
import type { AdapterForm } from "../../adapters/adapter.ts";
import { DEFAULT_KIND, findAdapterKind, isAdapterKind } from "../../adapters/kinds.ts";
import { LONGEST_TARGETS } from "../../adapters/modules.ts";
import { WEIGHTS_VARIANTS } from "../../diffusion/checkpoint.ts";
import { PREDICTION_TYPES } from "../../diffusion/schedulers/noise-schedule.ts";
import { learningRateSchedules } from "../../graph/index.ts";
import { isOrigin } from "../../hub-cache/hub-model.ts";
import { isReal, isWhole, LIMITS, REAL_LIMITS, type Range } from "../../limits.ts";
import { isConceptName, tokenOf } from "../../prompts/concept-name.ts";
import type { TrainingSettings } from "../../training/training-settings.ts";
import type { LibraryModel, LibraryState } from "./state.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Where the model of a library is, and which one it is. */
export function isModel(value: unknown): value is LibraryModel {
  if (!isObject(value)) return false;
  const { folder, fingerprint, weights, hub, variant, vae, config, predictionType, family } = value;
  return (
    isText(folder, 32_768) &&
    isText(fingerprint, 128) &&
    (weights === undefined || isText(weights, 128)) &&
    (hub === undefined || isOrigin(hub)) &&
    (variant === undefined || WEIGHTS_VARIANTS.some((known) => known === variant)) &&
    [vae, config].every((path) => path === undefined || isText(path, 32_768)) &&
    (family === undefined || CHECKPOINT_FAMILIES.some((name) => name === family)) &&
    (predictionType === undefined || PREDICTION_TYPES.some((type) => type === predictionType))
  );
}

/** The part of a state that manifests had from the beginning. */
export function isContent(value: unknown): value is JsonObject & Omit<LibraryState, "change"> {
  if (!isObject(value)) return false;
  const { adapter, strategy, concepts } = value;
  return (
    isList(concepts) &&
    concepts.every(isConcept) &&
    (adapter === undefined ? concepts.length === 0 : isAdapter(adapter)) &&
    (strategy === undefined || isStrategy(strategy))
  );
}

/** States of a manifest. */
export function isStates(value: unknown): value is LibraryState[] {
  return isList(value) && value.every(isState);
}

/** A state of a manifest of the present version. */
export function isState(value: unknown): value is JsonObject & LibraryState {
  return isContent(value) && isChange(value.change);
}

/** How many states may be kept. */
export function isKeepCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isChange(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { kind, concept, unlearned, again, from } = value;
  if (unlearned !== undefined && typeof unlearned !== "boolean") return false;
  if (again !== undefined && again !== "more" && again !== "replaced") return false;
  if (kind === "begun") return true;
  const isName = (name: unknown) => typeof name === "string" && isConceptName(name);
  if (kind === "forgot") return concept === undefined || isName(concept);
  if (kind === "renamed") return isName(concept) && (from === undefined || isName(from));
  return (kind === "learned" || kind === "imported") && isName(concept);
}

function isAdapter(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value.targets, LONGEST_TARGETS) &&
    isBlobName(value.blob) &&
    isCount(value.rank, MAX_WIDTH) &&
    isRealIn(value.loraAlpha, REAL_LIMITS.loraAlpha) &&
    (value.form === undefined || FORMS.has(value.form)) &&
    isKind(value)
  );
}

/** Every `AdapterForm`. */
const FORMS: ReadonlySet<unknown> = new Set(["low-rank", "stacked", "full"] satisfies AdapterForm[]);

/**
 * The kind, and the key that its projections need. A kind that is not registered is refused where the adapter is used.
 */
function isKind({ kind = DEFAULT_KIND, projectionKey }: JsonObject): boolean {
  if (!isText(kind, 100) || (projectionKey !== undefined && !isKeepCount(projectionKey))) return false;
  return !isAdapterKind(kind) || findAdapterKind(kind).hasProjections === (projectionKey !== undefined);
}

function isStrategy(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value.name, 100) &&
    isObject(value.options) &&
    Object.values(value.options).every((option) => isNumber(option) || isText(option, 1000) || isFlag(option)) &&
    (value.memory === undefined || isBlobName(value.memory))
  );
}

function isConcept(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value.name === "string" &&
    isConceptName(value.name) &&
    value.token === tokenOf(value.name) &&
    isText(value.classNoun, 10_000) &&
    isCount(value.vectors, MAX_WIDTH) &&
    isBlobName(value.embedding) &&
    (value.training === undefined || isTraining(value.training)) &&
    (value.strategy === undefined || isText(value.strategy, 100)) &&
    (value.taught === undefined || isCount(value.taught)) &&
    (value.begun === undefined || isBlobName(value.begun))
  );
}

/** What each setting of a training run may be, as it is for whoever asks for one. */
const TRAINING_CHECKS: Readonly<Record<keyof TrainingSettings, (value: unknown) => boolean>> = {
  steps: (value) => isWholeIn(value, LIMITS.steps),
  batchSize: (value) => isWholeIn(value, LIMITS.batchSize),
  learningRate: (value) => isRealIn(value, REAL_LIMITS.learningRate),
  tokenLearningRate: (value) => isRealIn(value, REAL_LIMITS.learningRate),
  lrScheduler: (value) => learningRateSchedules.some((schedule) => schedule === value),
  weightDecay: (value) => isRealIn(value, REAL_LIMITS.weightDecay),
  maxGradNorm: (value) => isRealIn(value, REAL_LIMITS.maxGradNorm),
  seed: (value) => isWholeIn(value, LIMITS.trainingSeed),
  resolution: (value) => isWholeIn(value, LIMITS.side),
  flip: isFlag,
  alphaMasks: isFlag,
  warmupSteps: (value) => isWholeIn(value, LIMITS.warmupSteps),
  gradientAccumulation: (value) => isWholeIn(value, LIMITS.gradientAccumulation),
  emaDecay: (value) => isRealIn(value, REAL_LIMITS.emaDecay),
  minSnrGamma: (value) => isRealIn(value, REAL_LIMITS.minSnrGamma),
  noiseOffset: (value) => isRealIn(value, REAL_LIMITS.noiseOffset),
  priorWeight: (value) => isRealIn(value, REAL_LIMITS.priorWeight),
  priorPictures: (value) => isWholeIn(value, LIMITS.priorPictures),
};

/**
 * All but the steps may be missing: they are for people, for previews and for unlearning. Other versions may write
 * more.
 */
export function isTraining(value: unknown): value is JsonObject & Pick<TrainingSettings, "steps"> {
  if (!isObject(value) || value.steps === undefined) return false;
  return Object.entries(value).every(([name, setting]) =>
    isSetting(name) ? TRAINING_CHECKS[name](setting) : isNumber(setting) || isText(setting, 1000) || isFlag(setting),
  );
}

function isSetting(name: string): name is keyof TrainingSettings {
  return Object.hasOwn(TRAINING_CHECKS, name);
}

function isWholeIn(value: unknown, range: Range): boolean {
  return typeof value === "number" && isWhole(value, range);
}

function isRealIn(value: unknown, range: Range): boolean {
  return typeof value === "number" && isReal(value, range);
}

/** No layer is wider. */
const MAX_WIDTH = 65_536;

/** Concepts of a state, or states: a list with more is no list that this program has written. */
export const MAX_ENTRIES = 100_000;

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.length <= MAX_ENTRIES;
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === "string" && value.length <= longest;
}

/** JSON can write numbers that are read as infinite. */
function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isFlag(value: unknown): value is boolean {
  return typeof value === "boolean";
}

/** Blob names come from a file that people can edit: anything but a hash could lead out of the folder. */
function isBlobName(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function isCount(value: unknown, largest = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= largest;
}
