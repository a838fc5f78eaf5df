/**
 * @file The command that goes on with an unfinished run, from what its snapshot holds. Names of photos are not stored, so it leaves
 * a gap for them.
 */
import { DEFAULT_ADAPTER, DEFAULT_TRAINING, BUILT_IN_TRAINING } from "./learn-settings.ts";
import type { Manifest } from "./library/manifest.ts";
import type { RunIdentity } from "./library/run-snapshot.ts";
import { BUILT_IN_MODEL } from "./model-folder.ts";
import { shellQuote } from "../shell.ts";
import { createStrategy, findStrategy } from "./strategies/registry.ts";

/** Options of `keepsake learn` by the settings that they give. */
const TRAINING_OPTIONS = {
  steps: "--steps",
  batchSize: "--batch-size",
  learningRate: "--lr",
  tokenLearningRate: "--token-lr",
  lrScheduler: "--lr-scheduler",
  seed: "--seed",
  resolution: "--resolution",
} as const;

/** `keepsake learn ...` with every option that the run was begun with and that is not the default. */
export function learnCommandOf(identity: RunIdentity, folder: string, manifest: Manifest): string {
  const { concept = "", class: noun = "", vectors = "1" } = identity;
  const options = [
    ...["--class", noun, "--library", folder],
    ...(vectors === "1" ? [] : ["--vectors", vectors]),
    ...(manifest.concepts.length === 0 ? adapterOptions(identity) : []),
    ...strategyOptions(identity),
    ...trainingOptions(identity, manifest.model.folder === BUILT_IN_MODEL),
  ];
  return `keepsake learn ${concept} <the same photos> ${options.map(shellQuote).join(" ")}`;
}

/** Of a library's first concept; the later ones have the library's adapter. */
function adapterOptions(identity: RunIdentity): string[] {
  const { kind, rank, loraAlpha, targets } = recorded(identity.adapter);
  const [name] = strategyOf(identity);
  // Adapters of other forms have ranks of their own.
  const hasRank = name !== undefined && createStrategy(name).form === "low-rank";
  return [
    ...(kind === undefined ? [] : ["--adapter", String(kind)]),
    ...(hasRank ? ["--rank", String(rank)] : []),
    ...(hasRank && loraAlpha !== rank ? ["--alpha", String(loraAlpha)] : []),
    ...(targets === DEFAULT_ADAPTER.targets ? [] : ["--targets", String(targets)]),
  ];
}

function strategyOptions(identity: RunIdentity): string[] {
  const [name, options] = strategyOf(identity);
  if (name === undefined) return [];
  const specs = findStrategy(name).options;
  const changed = Object.entries(options).filter(([option, value]) => value !== specs[option]?.default);
  return [
    "--strategy",
    name,
    ...changed.flatMap(([option, value]) => ["--strategy-option", `${option}=${String(value)}`]),
  ];
}

function trainingOptions({ training }: RunIdentity, isBuiltIn: boolean): string[] {
  const defaults: Readonly<Record<string, unknown>> = { ...DEFAULT_TRAINING, ...(isBuiltIn && BUILT_IN_TRAINING) };
  const settings = recorded(training);
  return Object.entries(TRAINING_OPTIONS).flatMap(([setting, option]) => {
    const value = settings[setting];
    return value === undefined || value === defaults[setting] ? [] : [option, String(value)];
  });
}

/** Name and options; no name if no strategy has it. */
function strategyOf({
  strategy = "[]",
}: RunIdentity): [name: string | undefined, options: Readonly<Record<string, unknown>>] {
  const [name, options] = Object.values(recorded(strategy));
  try {
    return [findStrategy(String(name)).name, recorded(JSON.stringify(options))];
  } catch {
    return [undefined, {}];
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
