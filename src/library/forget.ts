/**
 * @file Forgetting a concept: its token goes. What the shared adapter learned from it stays in the adapter, unless no
 * concept is left.
 */
import { KeepsakeError } from "../errors.ts";
import { conceptName } from "../prompts/concept-name.ts";
import { deletePreviewSheet } from "./preview-sheet.ts";
import { changeLibrary } from "./change.ts";
import { conceptHolders, type ConceptHolders } from "./renaming/concept-holders.ts";
import type { Library, SharedBlobs } from "./library.ts";
import { allStates, currentState, manifestOf, timelineOf, type Manifest } from "./manifest/manifest.ts";
import { deleteSnapshot, readSnapshot } from "./run/run-snapshot.ts";
import { emptyState, knows, type Change, type LibraryState } from "./manifest/state.ts";
import { shortened, statesOf, withNewState, withoutRepeats, type Timeline } from "./manifest/timeline.ts";
import { refuseUnfinishedRun } from "./run/unfinished-run.ts";

export interface ForgetRequest {
  /** Folder of the library. */
  readonly library: string;
  /** With or without the angle brackets that it has in prompts. */
  readonly name: string;
  /**
   * Also delete every other state that holds the concept, by whatever name, and its names with them. Cannot be undone.
   * Default false.
   */
  readonly purge?: boolean;
}

export interface ForgetResult {
  readonly name: string;
  /**
   * What was forgotten: the `concept`; the concept in `earlier` states only (or later ones, or states that were set
   * aside), since the current one did not know it; or an unfinished `run`, of which nothing is left.
   */
  readonly forgot: "concept" | "earlier" | "run";
  /** Other states that still hold the concept, and can bring it back: as many as `purge` would delete. */
  readonly heldBy: number;
  /** Other states that were deleted because they held it. */
  readonly purged: number;
  /**
   * What the current state still holds of the concept. `adapter`: the adapter (and what the strategy remembers) was
   * trained on it and keeps traces of it. `unknown`: the same if the concept was learned before this state. `nothing`:
   * no trace. `concept`: all of it. Then a run was given up that would have taught it further, or nothing was forgotten
   * but an old name.
   */
  readonly remains: "nothing" | "adapter" | "unknown" | "concept";
  /** What the current state calls a concept of which the name that was forgotten was an old one. */
  readonly knownAs?: string;
  /** Where the preview sheet would lie: something is there that Keepsake did not draw, so it is not deleted. */
  readonly leftBeside?: string;
}

/**
 * Forgets a concept. Its token leaves the current state; other states that hold it are kept, so that it can be undone,
 * unless `purge` deletes them. When it was the last concept, adapter and strategy's memory go too: the library is as it
 * began. The name of an unfinished run gives that run up, and nothing else unless `purge` is given. The sheet of
 * previews beside the library, which may show the concept, is deleted, unless only an old name was forgotten. Where
 * sheets and pictures were written elsewhere is not recorded: those that show it are yours to delete.
 *
 * @throws KeepsakeError if the library does not know the concept, or a run of another one is unfinished
 */
export async function forgetConcept(request: ForgetRequest): Promise<ForgetResult> {
  const name = conceptName(request.name);
  return changeLibrary(request.library, `forgetting ${name}`, (library) => forgetIn(library, { ...request, name }));
}

/**
 * As {@link forgetConcept}, in a library that the caller holds the lock of.
 *
 * @param unlearned - what takes the place of the adapter and the strategy's memory in the state without the concept
 */
export async function forgetIn(
  library: Library,
  { name, purge = false }: Pick<ForgetRequest, "name" | "purge">,
  unlearned?: SharedBlobs,
): Promise<ForgetResult> {
  const { folder, manifest: before } = library;
  const wasKnown = knows(before, name);
  const concept = conceptHolders(before, name);
  const holders = otherHolders(before, concept);
  const isRun = await isRunOf(library, name);
  if (isRun) await deleteSnapshot(folder);
  if (isRun && !(purge && (wasKnown || isInHistory(before, name, concept)))) {
    const remains = wasKnown ? "concept" : "nothing";
    return { name, forgot: "run", heldBy: holders, purged: 0, remains };
  }
  if (wasKnown) await refuseUnfinishedRun(library);
  if (!wasKnown) refuseUnlessPurged(library, name, { purge, concept });
  const timeline = wasKnown ? withoutConcept(library, name, unlearned) : timelineOf(before);
  const { model, keep } = before;
  // What is purged takes the place of no other state.
  const left = withoutRepeats(purge ? purged(timeline, concept) : timeline, model.fingerprint);
  const after = manifestOf(before, shortened(left, keep));
  const { presentName, isOldName } = concept;
  // First, as a kill in between must not leave it: the same command would find nothing to forget any more.
  const leftBeside = isOldName ? undefined : await deletePreviewSheet(folder);
  await library.replace(after);
  return {
    name,
    forgot: wasKnown ? "concept" : "earlier",
    heldBy: otherHolders(after, conceptHolders(after, name)),
    purged: purge ? holders : 0,
    remains: isOldName ? "concept" : remainsIn(after, wasKnown),
    ...(presentName !== undefined && { knownAs: presentName }),
    ...(leftBeside !== undefined && { leftBeside }),
  };
}

function remainsIn({ adapter }: Manifest, wasKnown: boolean): ForgetResult["remains"] {
  return adapter === undefined ? "nothing" : wasKnown ? "adapter" : "unknown";
}

/** States beside the current one that hold a concept. */
function otherHolders(manifest: Manifest, { holds }: ConceptHolders): number {
  const [, ...others] = allStates(manifest);
  return others.filter(holds).length;
}

/** Whether a purge would find anything of a concept that the current state does not know by its name. */
function isInHistory(manifest: Manifest, name: string, concept: ConceptHolders): boolean {
  return otherHolders(manifest, concept) > 0 || allStates(manifest).some(({ change }) => pastName(change) === name);
}

async function isRunOf(library: Library, name: string): Promise<boolean> {
  return (await readSnapshot(library.folder))?.identity.concept === name;
}

/** The states after a change to one that does not know the concept. */
function withoutConcept({ manifest }: Library, name: string, unlearned: SharedBlobs | undefined): Timeline {
  const change: Change = { kind: "forgot", concept: name, unlearned: unlearned && true };
  const concepts = manifest.concepts.filter((concept) => concept.name !== name);
  const next =
    concepts.length === 0 ? emptyState(change) : { ...currentState(manifest), ...unlearned, change, concepts };
  return withNewState(timelineOf(manifest), next);
}

/** @throws KeepsakeError for a name that the current state does not know, unless there is something to purge */
function refuseUnlessPurged(
  { folder, manifest }: Library,
  name: string,
  { purge, concept }: { readonly purge: boolean; readonly concept: ConceptHolders },
): void {
  const advice = adviceFor(manifest, name, concept);
  if (advice !== undefined && purge) return;
  throw new KeepsakeError("state", `${folder} does not know "${name}"; ${advice ?? `it knows ${known(manifest)}`}.`);
}

/** What a purge would do with a name that the current state does not know; undefined: nothing. */
function adviceFor(manifest: Manifest, name: string, concept: ConceptHolders): string | undefined {
  if (!isInHistory(manifest, name, concept)) return undefined;
  const { presentName, isOldName } = concept;
  if (isOldName) {
    return `it is called "${presentName}" now: add --purge to delete the old name, and the states that have it`;
  }
  if (presentName !== undefined) {
    const advice = "add --purge to delete every state that has it";
    return `another state that is kept does, and "${presentName}" was called so before: ${advice}`;
  }
  if (otherHolders(manifest, concept) > 0) return "another state that is kept does: add --purge to delete it";
  return "only the history names it: add --purge to delete the name";
}

function known({ concepts }: Manifest): string {
  return concepts.map(({ name }) => `"${name}"`).join(", ") || "nothing yet";
}

/** The states that do not hold a concept, without those of its names that no other concept has. */
function purged({ current, earlier, later, aside }: Timeline, { holds, names }: ConceptHolders): Timeline {
  const without = (states: readonly LibraryState[]) => states.filter((state) => !holds(state));
  const left = { current, earlier: without(earlier), later: without(later), aside: without(aside) };
  const gone = [...names].filter((name) => !statesOf(left).some((state) => knows(state, name)));
  const unnamed = (state: LibraryState) => withoutPastName(state, gone);
  return {
    ...{ current: unnamed(left.current), earlier: left.earlier.map(unnamed) },
    ...{ later: left.later.map(unnamed), aside: left.aside.map(unnamed) },
  };
}

/** A state that does not know a name can have it in one place only: where it says what made it. */
function withoutPastName(state: LibraryState, names: readonly string[]): LibraryState {
  const { change } = state;
  const goes = (name: string | undefined) => name !== undefined && names.includes(name);
  if (change.kind === "forgot" && goes(change.concept)) return { ...state, change: { ...change, concept: undefined } };
  if (change.kind === "renamed" && goes(change.from)) return { ...state, change: { ...change, from: undefined } };
  return state;
}

/** A name that a change tells of, and that the state which it made need not know. */
function pastName(change: Change): string | undefined {
  return change.kind === "renamed" ? change.from : change.kind === "forgot" ? change.concept : undefined;
}
