/**
 * @file Learning several concepts in a row, each a change of the library of its own. What the library knows already is
 * skipped, so the same call goes on after whatever stopped it.
 */
import { KeepsakeError } from "../errors.ts";
import {
  learnAndPreview,
  previewsUnlessStopped,
  sheetOf,
  type LearnProgress,
  type LearnRequest,
  type LearnResult,
} from "./learn-and-preview.ts";
import { Library } from "../library/library.ts";
import { lastLearning } from "../library/manifest/manifest.ts";
import { shareOfBudget } from "./planning/budget.ts";
import type { ConceptEntry } from "../library/manifest/state.ts";
import { checkPhotos } from "../training/photos/photos.ts";
import { isStop, type Watched } from "./operation.ts";
import type { PreviewReport } from "./previews/preview-last-learn.ts";
import type { Session } from "./session.ts";
import { checkNaming } from "./training/asked-concept.ts";

/** One of several things to learn. */
export type Thing = Pick<LearnRequest, "name" | "photos"> & Required<Pick<LearnRequest, "classNoun">>;

/**
 * Everything but the things is the same for all of them. All are new: what is known is skipped, and not taught further.
 * None has a photo held back.
 */
export interface LearnAllRequest
  extends
    Omit<LearnRequest, keyof Thing | "more" | "replace" | "validation" | "onProgress" | "budget">,
    Watched<LearnAllProgress> {
  /**
   * Seconds in which all of them are to be learned, shared out over those that are still to be learned: each has as
   * much as the others, and what one leaves over goes to those after it. A resumed run keeps its steps.
   */
  readonly budget?: number;
  /** In the order in which they are learned. */
  readonly things: readonly Thing[];
}

export type LearnAllProgress =
  | LearnProgress
  /** The next thing; `index` from 0. */
  | { readonly kind: "thing"; readonly name: string; readonly index: number; readonly count: number }
  /** The library knows it already. */
  | { readonly kind: "skipped"; readonly name: string };

/** A thing that the library knew already. */
export interface SkippedThing {
  readonly status: "skipped";
  readonly name: string;
  readonly token: string;
  /** If it is the last thing, and the last that the library has learned: its previews may be what is missing. */
  readonly previews?: PreviewReport | "stopped";
}

/**
 * Learns things one after another, as `learnAndPreview` learns each. All of them are looked at before the first one is
 * learned. The same request repeated after an interruption, a kill or its end comes to the same library and the same
 * sheet.
 *
 * @returns one result for each thing, in order; if the signal fired, those that were begun, of which the last may be
 *   `interrupted`
 * @throws KeepsakeError for a thing that cannot be learned; what was learned before it stays learned
 */
export async function learnAll(session: Session, request: LearnAllRequest): Promise<(LearnResult | SkippedThing)[]> {
  const { things: asked, onProgress, budget, ...common } = request;
  const things = await checkedThings(asked, session.folder, common).catch((error: unknown) => {
    if (isStop(error, common.signal)) return [];
    throw error;
  });
  const shareOf = budget === undefined ? undefined : await sharedOut(budget, things, session.folder);
  const results: (LearnResult | SkippedThing)[] = [];
  for (const [index, thing] of things.entries()) {
    if (common.signal?.aborted) break;
    onProgress?.({ kind: "thing", name: thing.name, index, count: things.length });
    const known = await findKnown(session.folder, thing.name);
    if (known === undefined) {
      const result = await learnAndPreview(session, { ...common, ...thing, budget: shareOf?.(thing), onProgress });
      results.push(result);
      if (result.status === "interrupted") break;
    } else {
      onProgress?.({ kind: "skipped", name: thing.name });
      const previews = index === things.length - 1 ? await missingPreviews(session, request, thing.name) : undefined;
      results.push({ status: "skipped", name: known.name, token: known.token, ...(previews && { previews }) });
    }
  }
  return results;
}

/** @returns the seconds for a thing, asked when it is begun, of a time for all that a library does not know yet */
async function sharedOut(budget: number, things: readonly Thing[], library: string): Promise<(thing: Thing) => number> {
  const began = performance.now();
  const toLearn: Thing[] = [];
  for (const thing of things) if ((await findKnown(library, thing.name)) === undefined) toLearn.push(thing);
  return (thing) => {
    const spent = (performance.now() - began) / 1000;
    return shareOfBudget(budget, { runs: toLearn.length, done: toLearn.indexOf(thing), spent });
  };
}

/**
 * A process may have been killed between a training run and its previews, so they are drawn again; the same states give
 * the same bytes.
 */
async function missingPreviews(
  session: Session,
  request: LearnAllRequest,
  name: string,
): Promise<PreviewReport | "stopped" | undefined> {
  const { manifest } = await Library.open(session.folder);
  if (lastLearning(manifest)?.concept.name !== name) return undefined;
  const sheet = await sheetOf(session, request);
  return sheet === undefined ? undefined : previewsUnlessStopped(session, request, sheet);
}

/** Things with their names as the library writes them. @throws KeepsakeError naming the thing that cannot be learned */
async function checkedThings(
  asked: readonly Thing[],
  library: string,
  { training, signal }: Pick<LearnAllRequest, "training" | "signal">,
): Promise<Thing[]> {
  const things = asked.map((thing) => checkNaming(thing));
  if (things.length === 0) throw new KeepsakeError("usage", "There is nothing to learn; name at least one thing.");
  for (const [i, thing] of things.entries()) {
    const { name, classNoun, photos } = thing;
    if (things.findIndex((other) => other.name === name) !== i) {
      throw new KeepsakeError("usage", `"${name}" comes twice; choose another name.`);
    }
    const known = await findKnown(library, name);
    if (known === undefined) await checkPhotos(photos, { ...training, signal });
    else if (known.classNoun !== classNoun) {
      const fault = `The library ${library} already knows "${name}", with the class "${known.classNoun}" and not "${classNoun}"`;
      throw new KeepsakeError("state", `${fault}; choose another name.`);
    }
  }
  return things;
}

async function findKnown(library: string, name: string): Promise<ConceptEntry | undefined> {
  return (await Library.openIfExists(library))?.concepts.find((concept) => concept.name === name);
}
