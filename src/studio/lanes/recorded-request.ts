/**
 * @file What an unfinished run was begun with, as a request: for a program that goes on with it and does not remember,
 * such as one that was killed.
 */
import { KeepsakeError } from "../../errors.ts";
import type { AskedAdapter } from "../../learning/learn-settings.ts";
import { isStrategy } from "../../strategies/registry.ts";
import type { OptionValue } from "../../training/options.ts";
import type { TrainingSettings } from "../../training/training-settings.ts";
import type { Library } from "../../library/library.ts";
import { isTraining } from "../../library/manifest/manifest-checks.ts";
import { recordedAdapter, recordedStrategy, recordedTraining } from "../../library/run/recorded-run.ts";
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
  readonly strategyOptions?: Readonly<Record<string, OptionValue>> | undefined;
  /** Of a library's first concept; the later ones have the library's adapter. */
  readonly adapter?: AskedAdapter | undefined;
}

/** @returns undefined if no run is unfinished, or its snapshot cannot be read */
export async function recordedRequest(library: Library): Promise<RecordedRequest | undefined> {
  const snapshot = await peekSnapshot(library.folder).catch((error: unknown) => {
    if (!(error instanceof KeepsakeError)) throw error;
  });
  const name = snapshot?.identity.concept;
  if (snapshot === undefined || name === undefined || hasEnded(snapshot, library)) return undefined;
  const { identity } = snapshot;
  const settings = recordedTraining(identity);
  const [strategy, strategyOptions] = recordedStrategy(identity);
  const adapter = recordedAdapter(snapshot, library.manifest);
  return {
    name,
    ...(identity.again === "more" && { more: true }),
    ...(identity.again === "replaced" && { replace: true }),
    ...(isTraining(settings) && { training: settings }),
    ...(strategy !== undefined && isStrategy(strategy) && { strategy, strategyOptions, adapter }),
  };
}
