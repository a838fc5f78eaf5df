/**
 * @file What an unfinished run was begun with, as it was asked for, from what its snapshot holds. Whatever makes no
 * sense is left out.
 */
import { DEFAULT_ADAPTER, type AskedAdapter } from "../../learning/learn-settings.ts";
import { isWhole, LIMITS } from "../../limits.ts";
import { createStrategy, isStrategy } from "../../strategies/registry.ts";
import type { OptionValue } from "../../training/options.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { RunIdentity, SnapshotFacts } from "./run-snapshot.ts";

/** Name and options; no name if the strategy has not such options. One that is not registered is named alone. */
export function recordedStrategy({
  strategy = "[]",
}: RunIdentity): [name?: string, options?: Readonly<Record<string, OptionValue>>] {
  const [name, options] = Object.values(fieldsOf(strategy));
  if (typeof name !== "string") return [];
  if (!isStrategy(name)) return [name];
  try {
    return [name, createStrategy(name, optionValues(options)).options];
  } catch {
    return [];
  }
}

/** The settings of the training. */
export function recordedTraining({ training }: RunIdentity): Readonly<Record<string, unknown>> {
  return fieldsOf(training);
}

/** The number of steps that a run was begun with; undefined if there is none that makes sense. */
export function recordedSteps(identity: RunIdentity): number | undefined {
  const { steps } = recordedTraining(identity);
  return typeof steps === "number" && isWhole(steps, LIMITS.steps) ? steps : undefined;
}

/** Layers that a run adapts. */
export function recordedTargets({ adapter }: RunIdentity): string | undefined {
  const { targets } = fieldsOf(adapter);
  return typeof targets === "string" ? targets : undefined;
}

/**
 * The adapter that a run begins, with rank and alpha where they can be known: an adapter that carries a whole matrix
 * has a larger rank than was asked for.
 *
 * @returns undefined if the run goes on with the library's adapter
 */
export function recordedAdapter(snapshot: SnapshotFacts, manifest: Manifest): AskedAdapter | undefined {
  const { identity, embeddingWidth } = snapshot;
  if (!beginsAdapter(identity, manifest)) return undefined;
  const { kind, rank, loraAlpha } = fieldsOf(identity.adapter);
  const targets = recordedTargets(identity);
  if (typeof rank !== "number" || typeof loraAlpha !== "number" || targets === undefined) return undefined;
  const named = { targets, ...(typeof kind === "string" && { kind }) };
  const [name, options] = recordedStrategy(identity);
  const form = name === undefined || !isStrategy(name) ? undefined : createStrategy(name, options).form;
  if (form === "low-rank" || form === "frozen") return { ...named, rank, loraAlpha };
  // What the usual layers read, and so the matrix, is as wide as an embedding of a token.
  if (form !== "stacked" || targets !== DEFAULT_ADAPTER.targets) return named;
  const trained = rank - embeddingWidth;
  return { ...named, rank: trained, loraAlpha: Number(((loraAlpha / rank) * trained).toPrecision(12)) };
}

/** Whether nothing else is known. */
function beginsAdapter({ concept, again }: RunIdentity, { concepts }: Manifest): boolean {
  return again !== "more" && concepts.every(({ name }) => name === concept);
}

function optionValues(options: unknown): Record<string, OptionValue> {
  const values: Record<string, OptionValue> = {};
  for (const [name, value] of Object.entries(fieldsOf(JSON.stringify(options)))) {
    if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") values[name] = value;
  }
  return values;
}

/** What was written as JSON; empty if it was not. */
function fieldsOf(text = "{}"): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
