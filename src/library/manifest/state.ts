/**
 * @file One state of a library: which adapter, which memory of the strategy and which concepts it is made of, and what
 * made it. The current state and the earlier ones that are kept have the same form.
 */
import type { AdapterForm } from "../../adapters/adapter.ts";
import type { AdapterSettings } from "../../adapters/new-adapter.ts";
import type { CheckpointOptions } from "../../diffusion/checkpoint.ts";
import { type HubOrigin, originOf } from "../../hub-cache/hub-model.ts";
import { sha256 } from "../../io/hash.ts";
import type { Concept } from "../../prompts/concept.ts";
import type { TrainingSettings } from "../../training/training-settings.ts";

/** Which model a library was made on, and what a person said of it, with absolute paths. */
export interface LibraryModel extends CheckpointOptions {
  /** Folder or file of the checkpoint. */
  readonly folder: string;
  /** Of the beginnings and ends of its weights files: part of the ids of states. */
  readonly fingerprint: string;
  /**
   * Of whole weights files: an adapter fits no other model. Absent until the first change of a library of version 1 or
   * 2.
   */
  readonly weights?: string;
  /** Where the checkpoint was pulled from, if it lies in a cache of the Hugging Face Hub or did so. */
  readonly hub?: HubOrigin;
}

/** A model with where it was pulled from, which the path of its folder says. A copy elsewhere is still that model. */
export function withOrigin(model: LibraryModel): LibraryModel {
  const hub = originOf(model.folder) ?? model.hub;
  return hub === undefined ? model : { ...model, hub };
}

/** A concept that the library knows. Names and numbers only: nothing here comes from a photo. */
export interface ConceptEntry extends Concept {
  /** Embeddings that the token stands for. */
  readonly vectors: number;
  /** Blob of the token's embedding, `[vectors, width]`. */
  readonly embedding: string;
  /** Absent: it was not learned here, but came from a file. */
  readonly training?: TrainingSettings;
  /** Name of the strategy with which it was learned; absent: plain training, which protects nothing. */
  readonly strategy?: string;
  /**
   * How often it has been taught since it was begun, if that was more than once; settings and strategy are the last
   * ones.
   */
  readonly taught?: number;
  /**
   * Of the numbers that the concept was begun with, see {@link beginningOf}; absent: it was begun before that was
   * recorded, and has not been taught since.
   */
  readonly begun?: string;
}

/**
 * Tells a concept that is begun from all others. The embedding alone does not: that of an import may be its class
 * noun's.
 */
export function beginningOf({ adapter, embedding }: { readonly adapter: string; readonly embedding: string }): string {
  return sha256(`${adapter} ${embedding}`);
}

/** What stays the same of a concept, however often it is renamed, taught more or replaced. */
export function identityOf({ begun, embedding }: ConceptEntry): string {
  return begun ?? embedding;
}

/** How often a concept has been taught since it was begun. */
export function timesTaught({ taught = 1 }: Pick<ConceptEntry, "taught">): number {
  return taught;
}

/** The one adapter that lives through all concepts. */
export interface AdapterEntry extends AdapterSettings {
  /** Blob of its parameters. */
  readonly blob: string;
  /** What the parameters are. */
  readonly form: AdapterForm;
}

/** How the last concept was kept from harming the earlier ones. */
export interface StrategyEntry {
  readonly name: string;
  readonly options: Readonly<Record<string, number | string | boolean>>;
  /** Blob of the tensors that the strategy keeps for the next concept; absent if it keeps none. */
  readonly memory?: string;
}

/** What made a state. A concept that was purged is not named. `unlearned`: the adapter was changed too. */
export type Change =
  | { readonly kind: "begun" }
  | { readonly kind: "learned"; readonly concept: string; readonly again?: Again }
  | { readonly kind: "imported"; readonly concept: string }
  | { readonly kind: "forgot"; readonly concept?: string; readonly unlearned?: boolean }
  /** `from`: the name before; absent if a concept of that name was purged. */
  | { readonly kind: "renamed"; readonly concept: string; readonly from?: string };

/** What became of a concept that the library knew already: it was taught `more`, or `replaced` by a new beginning. */
export type Again = "more" | "replaced";

export interface LibraryState {
  readonly change: Change;
  /** Absent while there is no concept. */
  readonly adapter?: AdapterEntry;
  /** Absent if the last concept was learned without one. */
  readonly strategy?: StrategyEntry;
  /** In the order in which they were begun: one that is taught more, or replaced, keeps its place. */
  readonly concepts: readonly ConceptEntry[];
}

/** The state of a library that has learned nothing, or has forgotten all. */
export function emptyState(change: Change): LibraryState {
  return { change, concepts: [] };
}

/**
 * Identifies what a concept is learned on top of: the model, and every number and name that the state holds. What made
 * the state, and the strategy's options, which the next concept may change, do not count; nor do the adapter's form and
 * what a concept was begun with, which were not recorded in the beginning.
 */
export function stateId(fingerprint: string, { adapter, strategy, concepts }: LibraryState): string {
  const counted = adapter === undefined ? null : { ...adapter, form: undefined };
  const entries = concepts.map((concept) => ({ ...concept, begun: undefined }));
  return sha256(JSON.stringify([fingerprint, counted, strategy?.memory ?? null, entries]));
}

/** The blobs that a state is made of. */
export function blobsOf({ adapter, strategy, concepts }: LibraryState): string[] {
  const shared = [adapter?.blob, strategy?.memory].filter((blob) => blob !== undefined);
  return [...shared, ...concepts.map(({ embedding }) => embedding)];
}

export function knows({ concepts }: LibraryState, name: string): boolean {
  return concepts.some((concept) => concept.name === name);
}

/** A change in words: `learned mochi`. */
export function describeChange(change: Change): string {
  switch (change.kind) {
    case "begun":
      return "begun";
    case "learned":
      if (change.again === undefined) return `learned ${change.concept}`;
      return change.again === "more" ? `learned more of ${change.concept}` : `learned ${change.concept} anew`;
    case "imported":
      return `imported ${change.concept}`;
    case "forgot":
      return `${change.unlearned === true ? "unlearned" : "forgot"} ${change.concept ?? "a concept"}`;
    case "renamed":
      return `renamed ${change.from ?? "a concept"} to ${change.concept}`;
  }
}
