/**
 * @file The command that goes on with an unfinished run, from what its snapshot holds. Names of photos are not stored,
 * so it leaves a gap for them.
 */
import { DEFAULT_ADAPTER, DEFAULT_TRAINING, VALIDATION_EVERY } from "../../learning/learn-settings.ts";
import { isWhole, LIMITS } from "../../limits.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { RunIdentity, SnapshotFacts } from "./run-snapshot.ts";
import { profileOf, taughtWith, type ModelProfile } from "../model/model-profile.ts";
import { shellQuote } from "../../shell.ts";
import type { OptionValue } from "../../training/options.ts";
import {
  createStrategy,
  findStrategy,
  isStrategy,
  parseStrategyOptions,
  usualOptions,
} from "../../strategies/registry.ts";

/** Options of `keepsake learn` by the settings that they give. */
const TRAINING_OPTIONS = {
  steps: "--steps",
  batchSize: "--batch-size",
  learningRate: "--lr",
  tokenLearningRate: "--token-lr",
  lrScheduler: "--lr-scheduler",
  seed: "--seed",
  resolution: "--resolution",
  flip: "--flip",
  alphaMasks: "--alpha-masks",
  warmupSteps: "--warmup-steps",
  gradientAccumulation: "--gradient-accumulation",
  emaDecay: "--ema",
  minSnrGamma: "--min-snr-gamma",
  noiseOffset: "--noise-offset",
  priorWeight: "--prior-weight",
  priorPictures: "--prior-pictures",
} as const;

/** `keepsake learn ...` with every option that the run was begun with and that is not the default. */
export function learnCommandOf(snapshot: SnapshotFacts, folder: string, manifest: Manifest): string {
  const { identity } = snapshot;
  const { concept = "", class: noun = "", vectors = "1" } = identity;
  const profile = profileOf(manifest.model.folder);
  const options = [
    ...againOptions(identity),
    ...["--class", noun, "--library", folder],
    ...(vectors === "1" ? [] : ["--vectors", vectors]),
    ...(beginsAdapter(identity, manifest) ? adapterOptions(snapshot, profile) : []),
    ...strategyOptions(snapshot, manifest),
    ...trainingOptions(identity, profile),
    ...samplesOptions(identity),
  ];
  const command = `keepsake learn ${shellQuote(concept)} <the same photos> ${options.map(shellQuote).join(" ")}`;
  return `${command}${validationOptions(identity)}`;
}

function samplesOptions({ sampleEvery, sampleOthers }: RunIdentity): string[] {
  return [
    ...(sampleEvery === undefined ? [] : ["--sample-every", sampleEvery]),
    ...(sampleOthers === undefined ? [] : ["--sample-others"]),
  ];
}

/** Names of the photos that are held back are not stored either. */
function validationOptions({ validationEvery }: RunIdentity): string {
  if (validationEvery === undefined) return "";
  const every =
    validationEvery === String(VALIDATION_EVERY) ? "" : ` --validation-every ${shellQuote(validationEvery)}`;
  return `${every} --validation <the photo held back>`;
}

/** What is to become of a concept that the library knows. */
function againOptions({ again }: RunIdentity): string[] {
  return again === undefined ? [] : [again === "more" ? "--more" : "--replace"];
}

/** Whether the run's adapter is a new one: nothing else is known. */
function beginsAdapter({ concept, again }: RunIdentity, { concepts }: Manifest): boolean {
  return again !== "more" && concepts.every(({ name }) => name === concept);
}

/** Of a library's first concept; the later ones have the library's adapter. */
function adapterOptions(snapshot: SnapshotFacts, profile: ModelProfile): string[] {
  const { kind, targets, ...settings } = recorded(snapshot.identity.adapter);
  const { rank, alpha } = trainedPart(snapshot, Number(settings.rank), Number(settings.loraAlpha), targets);
  return [
    ...(kind === undefined ? [] : ["--adapter", inText(kind)]),
    ...(rank === undefined ? [] : ["--rank", String(rank)]),
    ...(alpha === undefined || alpha === rank ? [] : ["--alpha", String(alpha)]),
    ...(targets === usualTargets(snapshot.identity, profile) ? [] : ["--targets", inText(targets)]),
  ];
}

/** The targets of a new adapter where the strategy is named, and they are not. */
function usualTargets(identity: RunIdentity, { adapter }: ModelProfile): string {
  const [name] = strategyOf(identity);
  const { targets = adapter.targets } = name === undefined || !isStrategy(name) ? {} : createStrategy(name);
  return targets;
}

/**
 * Rank and alpha as they were asked for, where that can be known: an adapter that carries a whole matrix has a larger
 * rank.
 */
function trainedPart(
  { identity, embeddingWidth }: SnapshotFacts,
  rank: number,
  alpha: number,
  targets: unknown,
): { readonly rank?: number; readonly alpha?: number } {
  const [name, options] = strategyOf(identity);
  const form = name === undefined || !isStrategy(name) ? undefined : createStrategy(name, options).form;
  if (form === "low-rank" || form === "frozen") return { rank, alpha };
  // What the usual layers read, and so the matrix, is as wide as an embedding of a token.
  if (form !== "stacked" || targets !== DEFAULT_ADAPTER.targets) return {};
  const trained = rank - embeddingWidth;
  return { rank: trained, alpha: Number(((alpha / rank) * trained).toPrecision(12)) };
}

/** The strategy, with the options that it would not have otherwise. */
function strategyOptions({ identity, embeddingWidth }: SnapshotFacts, { strategy: last }: Manifest): string[] {
  const [name, options = {}] = strategyOf(identity);
  if (name === undefined) return [];
  const specs = isStrategy(name) ? findStrategy(name).options : {};
  const usual = name === last?.name ? last.options : usualOptions(name, embeddingWidth);
  const changed = Object.entries(options).filter(
    ([option, value]) => value !== (usual[option] ?? specs[option]?.default),
  );
  return [
    "--strategy",
    name,
    ...changed.flatMap(([option, value]) => ["--strategy-option", `${option}=${inText(value)}`]),
  ];
}

function trainingOptions({ adapter, training }: RunIdentity, profile: ModelProfile): string[] {
  const { targets } = recorded(adapter);
  const usual = taughtWith(profile, inText(targets));
  const defaults: Readonly<Record<string, unknown>> = { ...DEFAULT_TRAINING, ...usual.training };
  const settings = recorded(training);
  return Object.entries(TRAINING_OPTIONS).flatMap(([setting, option]) => {
    const value = settings[setting];
    if (value === undefined || value === defaults[setting]) return [];
    return value === true ? [option] : [option, inText(value)];
  });
}

/** The number of steps that a run was begun with; undefined if there is none that makes sense. */
export function recordedSteps({ training }: RunIdentity): number | undefined {
  const { steps } = recorded(training);
  return typeof steps === "number" && isWhole(steps, LIMITS.steps) ? steps : undefined;
}

/**
 * Name and options; no name if they are not as a strategy has them. A strategy that is not registered is named alone.
 */
function strategyOf({ strategy = "[]" }: RunIdentity): [name?: string, options?: Record<string, OptionValue>] {
  const [name, options] = Object.values(recorded(strategy));
  const texts = Object.entries(recorded(JSON.stringify(options))).map(
    ([option, value]) => `${option}=${inText(value)}`,
  );
  if (typeof name === "string" && !isStrategy(name)) return [name];
  try {
    return [findStrategy(inText(name)).name, parseStrategyOptions(inText(name), texts)];
  } catch {
    return [];
  }
}

/** What was written as JSON; empty if it was not. */
function recorded(text = "{}"): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** A setting as it is written on a command line. */
function inText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
