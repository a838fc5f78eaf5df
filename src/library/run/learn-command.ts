/**
 * @file The command that goes on with an unfinished run, from what its snapshot holds. Names of photos are not stored,
 * so it leaves a gap for them.
 */
import { DEFAULT_TRAINING, VALIDATION_EVERY } from "../../learning/learn-settings.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { recordedAdapter, recordedStrategy, recordedTargets, recordedTraining } from "./recorded-run.ts";
import type { RunIdentity, SnapshotFacts } from "./run-snapshot.ts";
import { profileOf, taughtWith, type ModelProfile } from "../model/model-profile.ts";
import { shellQuote } from "../../shell.ts";
import { createStrategy, findStrategy, isStrategy } from "../../strategies/registry.ts";

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
    ...adapterOptions(snapshot, manifest, profile),
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

/** Of a library's first concept; the later ones have the library's adapter. */
function adapterOptions(snapshot: SnapshotFacts, manifest: Manifest, profile: ModelProfile): string[] {
  const adapter = recordedAdapter(snapshot, manifest);
  if (adapter === undefined) return [];
  const { kind, rank, loraAlpha, targets } = adapter;
  return [
    ...(kind === undefined ? [] : ["--adapter", kind]),
    ...(rank === undefined ? [] : ["--rank", String(rank)]),
    ...(loraAlpha === undefined || loraAlpha === rank ? [] : ["--alpha", String(loraAlpha)]),
    ...(targets === undefined || targets === usualTargets(snapshot.identity, profile) ? [] : ["--targets", targets]),
  ];
}

/** The targets of a new adapter where the strategy is named, and they are not. */
function usualTargets(identity: RunIdentity, { adapter }: ModelProfile): string {
  const [name] = recordedStrategy(identity);
  const { targets = adapter.targets } = name === undefined || !isStrategy(name) ? {} : createStrategy(name);
  return targets;
}

/** The strategy, with the options that it would not have otherwise. */
function strategyOptions({ identity, embeddingWidth }: SnapshotFacts, { strategy: last }: Manifest): string[] {
  const [name, options = {}] = recordedStrategy(identity);
  if (name === undefined) return [];
  const known = isStrategy(name) ? findStrategy(name) : undefined;
  const usual = name === last?.name ? last.options : known?.usualOptions?.(embeddingWidth);
  const changed = Object.entries(options).filter(
    ([option, value]) => value !== (usual?.[option] ?? known?.options[option]?.default),
  );
  return [
    "--strategy",
    name,
    ...changed.flatMap(([option, value]) => ["--strategy-option", `${option}=${inText(value)}`]),
  ];
}

function trainingOptions(identity: RunIdentity, profile: ModelProfile): string[] {
  const usual = taughtWith(profile, recordedTargets(identity));
  const defaults: Readonly<Record<string, unknown>> = { ...DEFAULT_TRAINING, ...usual.training };
  const settings = recordedTraining(identity);
  return Object.entries(TRAINING_OPTIONS).flatMap(([setting, option]) => {
    const value = settings[setting];
    if (value === undefined || value === defaults[setting]) return [];
    return value === true ? [option] : [option, inText(value)];
  });
}

/** A setting as it is written on a command line. */
function inText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
