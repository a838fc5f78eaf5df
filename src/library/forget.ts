/**
 * @file Forgetting a concept: its token goes. What the shared adapter learned from it stays in the adapter, unless no
 * concept is left.
 */
import { KeepsakeError } from "../errors.ts";
import { conceptName } from "../prompts/concept-name.ts";
import { deletePreviewSheet } from "./preview-sheet.ts";
import { changeLibrary } from "./change.ts";
import { holderTest } from "./renaming/concept-trail.ts";
import type { Library, SharedBlobs } from "./library.ts";
import { allStates, currentState, manifestOf, successor, timelineOf, type Manifest } from "./manifest/manifest.ts";
import { deleteSnapshot, readSnapshot } from "./run/run-snapshot.ts";
import { emptyState, knows, type Change, type LibraryState } from "./manifest/state.ts";
import { withoutRepeats } from "./manifest/timeline.ts";
import { refuseUnfinishedRun } from "./run/unfinished-run.ts";

export interface ForgetRequest {
  /** Folder of the library. */
  readonly library: string;
  /** With or without the angle brackets that it has in prompts. */
  readonly name: string;
  /** Also delete every other state that holds the concept, and its name with it. Cannot be undone. Default false. */
  readonly purge?: boolean;
}

export interface ForgetResult {
  readonly name: string;
  /**
   * What was forgotten: the `concept`; the concept in `earlier` states only (or later ones, or states that were set
   * aside), since the current one did not know it; or an unfinished `run`, of which nothing is left.
   */
  readonly forgot: "concept" | "earlier" | "run";
  /** Other states that still hold the concept, and can bring it back. */
  readonly heldBy: number;
  /** Other states that were deleted because they held it. */
  readonly purged: number;
  /**
   * What the current state still holds of the concept. `adapter`: the adapter (and what the strategy remembers) was
   * trained on it and keeps traces of it. `unknown`: the same if the concept was learned before this state. `nothing`:
   * no trace. `concept`: all of it, as the run that was given up would have taught it further.
   */
  readonly remains: "nothing" | "adapter" | "unknown" | "concept";
  /** Where the preview sheet would lie: something is there that Keepsake did not draw, so it is not deleted. */
  readonly leftBeside?: string;
}

/**
 * Forgets a concept. Its token leaves the current state; other states that hold it are kept, so that it can be undone,
 * unless `purge` deletes them. When it was the last concept, adapter and strategy's memory go too: the library is as it
 * began. The name of an unfinished run gives that run up, and nothing else unless `purge` is given. The sheet of
 * previews beside the library, which may show the concept, is deleted. Where sheets and pictures were written elsewhere
 * is not recorded: those that show it are yours to delete.
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
  const holds = holderTest(before, name);
  const holders = otherHolders(before, holds);
  const isRun = await isRunOf(library, name);
  if (isRun) await deleteSnapshot(folder);
  if (isRun && !(purge && (wasKnown || holders > 0))) {
    const remains = wasKnown ? "concept" : "nothing";
    return { name, forgot: "run", heldBy: holders, purged: 0, remains };
  }
  if (wasKnown) await refuseUnfinishedRun(library);
  const forgotten = withoutConcept(library, name, { purge, holders, unlearned });
  const after = purge ? purged(forgotten, name, holds) : forgotten;
  // First, as a kill in between must not leave it: the same command would find nothing to forget any more.
  const leftBeside = await deletePreviewSheet(folder);
  await library.replace(after);
  return {
    name,
    forgot: wasKnown ? "concept" : "earlier",
    heldBy: otherHolders(after, holds),
    purged: purge ? holders : 0,
    remains: after.adapter === undefined ? "nothing" : wasKnown ? "adapter" : "unknown",
    ...(leftBeside !== undefined && { leftBeside }),
  };
}

/** States beside the current one that hold a concept. */
function otherHolders(manifest: Manifest, holds: (state: LibraryState) => boolean): number {
  const [, ...others] = allStates(manifest);
  return others.filter(holds).length;
}

async function isRunOf(library: Library, name: string): Promise<boolean> {
  return (await readSnapshot(library.folder))?.identity.concept === name;
}

/** The manifest with a current state that does not know the concept. */
function withoutConcept(
  { folder, manifest }: Library,
  name: string,
  how: { readonly purge: boolean; readonly holders: number; readonly unlearned: SharedBlobs | undefined },
): Manifest {
  const { purge, holders, unlearned } = how;
  if (!knows(manifest, name)) {
    if (holders > 0 && purge) return manifest;
    const held = "another state that is kept does: add --purge to delete it";
    const fault = `does not know "${name}"; ${holders > 0 ? held : `it knows ${known(manifest)}`}`;
    throw new KeepsakeError("state", `${folder} ${fault}.`);
  }
  const change: Change = { kind: "forgot", concept: name, unlearned: unlearned && true };
  const concepts = manifest.concepts.filter((concept) => concept.name !== name);
  const next =
    concepts.length === 0 ? emptyState(change) : { ...currentState(manifest), ...unlearned, change, concepts };
  return successor(manifest, next);
}

function known({ concepts }: Manifest): string {
  return concepts.map(({ name }) => `"${name}"`).join(", ") || "nothing yet";
}

/** The manifest without the other states that hold a concept, and without its name. */
function purged(manifest: Manifest, name: string, holds: (state: LibraryState) => boolean): Manifest {
  const { current, earlier, later, aside } = timelineOf(manifest);
  const cleared = (states: readonly LibraryState[]) =>
    states.filter((state) => !holds(state)).map((state) => unnamed(state, name));
  const timeline = {
    ...{ current: unnamed(current, name), earlier: cleared(earlier) },
    ...{ later: cleared(later), aside: cleared(aside) },
  };
  return manifestOf(manifest, withoutRepeats(timeline, manifest.model.fingerprint));
}

/** A state that does not hold the concept can name it in one place only: where it says what made it. */
function unnamed(state: LibraryState, name: string): LibraryState {
  const { change } = state;
  if (change.kind === "renamed" && change.from === name) {
    return { ...state, change: { kind: "renamed", concept: change.concept } };
  }
  if (change.kind !== "forgot" || change.concept !== name) return state;
  return { ...state, change: { kind: "forgot" } };
}
