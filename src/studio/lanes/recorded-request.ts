/**
 * @file What an unfinished run was begun with, as a request: for a program that goes on with it and does not remember,
 * such as one that was killed.
 */
import { KeepsakeError } from "../../errors.ts";
import type { AskedAdapter } from "../../learning/learn-settings.ts";
import { createStrategy, isStrategy } from "../../strategies/registry.ts";
import type { OptionValue } from "../../training/options.ts";
import type { TrainingSettings } from "../../training/training-settings.ts";
import type { Library } from "../../library/library.ts";
import { isObject, isTraining } from "../../library/manifest/manifest-checks.ts";
import { hasEnded, peekSnapshot } from "../../library/run/run-snapshot.ts";

/** What the run's request said, or left to defaults that have since been settled. */
export interface RecordedRequest {
  readonly name: string;
  /** Of a concept that is taught further. */
  readonly more?: boolean;
  /** Of a concept that is begun anew. */
  readonly replace?: boolean;
  readonly training?: Partial<TrainingSettings>;
  readonly strategy?: string;
  readonly strategyOptions?: Readonly<Record<string, OptionValue>>;
  /** Of a library's first concept; the later ones have the library's adapter. */
  readonly adapter?: AskedAdapter;
}

/** @returns undefined if no run is unfinished, or its snapshot cannot be read */
export async function recordedRequest(library: Library): Promise<RecordedRequest | undefined> {
  const snapshot = await peekSnapshot(library.folder).catch((error: unknown) => {
    if (!(error instanceof KeepsakeError)) throw error;
  });
  const name = snapshot?.identity.concept;
  if (snapshot === undefined || name === undefined || hasEnded(snapshot, library)) return undefined;
  const { training, strategy, adapter, again } = snapshot.identity;
  const settings = parsed(training);
  const [strategyName, options] = strategyOf(parsed(strategy));
  const isKnown = strategyName !== undefined && isStrategy(strategyName);
  const asked = library.concepts.length === 0 ? adapterOf(parsed(adapter)) : undefined;
  return {
    name,
    ...(again === "more" && { more: true }),
    ...(again === "replaced" && { replace: true }),
    ...(isTraining(settings) && { training: settings }),
    ...(isKnown && { strategy: strategyName, strategyOptions: options }),
    ...(isKnown && asked && { adapter: askedPart(asked, createStrategy(strategyName, options).form) }),
  };
}

/** An adapter that carries a whole matrix has a larger rank than was asked for, which its strategy gives it again. */
function askedPart({ kind, targets, ...ranks }: AskedAdapter, form: string): AskedAdapter {
  return { ...(kind !== undefined && { kind }), targets, ...(form === "low-rank" && ranks) };
}

function adapterOf(value: unknown): AskedAdapter | undefined {
  if (!isObject(value)) return undefined;
  const { kind, rank, loraAlpha, targets } = value;
  if (typeof rank !== "number" || typeof loraAlpha !== "number" || typeof targets !== "string") return undefined;
  return { rank, loraAlpha, targets, ...(typeof kind === "string" && { kind }) };
}

function strategyOf(value: unknown): [name?: string, options?: Record<string, OptionValue>] {
  if (!Array.isArray(value)) return [];
  const [name, options] = value as readonly unknown[]; // Array.isArray says any[]
  if (typeof name !== "string" || !isObject(options)) return [];
  const values: Record<string, OptionValue> = {};
  for (const [option, each] of Object.entries(options)) {
    if (typeof each === "number" || typeof each === "string" || typeof each === "boolean") values[option] = each;
  }
  return [name, values];
}

function parsed(text = "null"): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
