/**
 * @file What each change of a library did to each of its concepts: every concept, drawn from the same noise in every
 * state that knows it, and how much its pictures have changed since it was learned. Nothing is stored.
 */
import { conceptCandidate } from "../../classifier/candidate.ts";
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import type { RgbImage } from "../../io/images/rgb-image.ts";
import { stateFacts, type StateFacts } from "../../library/history.ts";
import { learnedIn, type Learned } from "../../library/library-model.ts";
import { Library } from "../../library/library.ts";
import { timelineOf } from "../../library/manifest/manifest.ts";
import type { ConceptEntry, LibraryState } from "../../library/manifest/state.ts";
import { recordedSettings } from "../../library/recorded-settings.ts";
import { findState } from "../../library/undo.ts";
import type { Watched } from "../operation.ts";
import { Picture } from "../picture.ts";
import type { Session } from "../session.ts";
import { distanceOfNeighbours, meanDistance } from "./picture-change.ts";
import { drawConcept, PREVIEW_PICTURES, PREVIEW_SEED } from "./previews.ts";

/** Which states and concepts are compared. */
export interface ForgettingMatrixRequest extends Watched<ForgettingMatrixProgress> {
  /** Ids of states, or their first digits, the oldest first. Default: the current state and all that lie before it. */
  readonly states?: readonly string[];
  /** Names that they have now. Default: all that the states know. */
  readonly concepts?: readonly string[];
}

/** A concept in a state. */
export interface ForgettingCell {
  /** The state's id. */
  readonly state: string;
  /** The name that it has now. */
  readonly concept: string;
  /** The name that it has in the state: another one if it was renamed since. */
  readonly nameThen: string;
  /** "a photo of a `<name>`" from fixed seeds, the same in each state. */
  readonly pictures: readonly Picture[];
  /**
   * How much the pictures differ from those of the first of the states that knows the concept: 0 if they are the same,
   * 1 as much as drawings from different noise.
   */
  readonly change: number;
}

/** A cell is drawn; the first states of all concepts come first. */
export interface ForgettingMatrixProgress {
  readonly kind: "cell";
  readonly cell: ForgettingCell;
  readonly done: number;
  readonly count: number;
}

/** Concepts by states: what was remembered, and what was not. */
export interface ForgettingMatrix {
  /** The oldest first. */
  readonly states: readonly StateFacts[];
  /** The names that they have now, in the order in which the states have come to know them. */
  readonly concepts: readonly string[];
  /** Row by row: a concept in each state that knows it. */
  readonly cells: readonly ForgettingCell[];
}

/** A concept in a state that is to be drawn. */
interface AskedCell {
  readonly library: Library;
  readonly entry: ConceptEntry;
  readonly state: string;
  /** The name that it has now. */
  readonly concept: string;
  /** What its pictures depend on: the adapter and its own embedding, whatever its name. */
  readonly key: string;
}

/**
 * Draws every concept in every state, and compares. The library is read only, without its lock.
 *
 * @throws KeepsakeError if there is no library or no such state, or a part of one is missing; the signal's reason when
 *   it fires
 */
export async function drawForgettingMatrix(
  session: Session,
  request: ForgettingMatrixRequest,
): Promise<ForgettingMatrix> {
  const library = await Library.open(session.folder);
  const states = chosenStates(library, request.states);
  const factsOf = stateFacts(library.manifest);
  const asked = states.flatMap((state) => askedCells(library.inState(state), factsOf(state), request.concepts));
  const { pipeline } = await session.model(library);
  const drawn = new Map<string, readonly RgbImage[]>();
  const draw = async ({ library: inState, entry, key }: AskedCell): Promise<readonly Picture[]> => {
    const { prompt } = conceptCandidate(entry);
    const picture = (image: RgbImage, index: number) => new Picture({ image, prompt, seed: PREVIEW_SEED, index });
    const before = drawn.get(key);
    if (before !== undefined) return before.map(picture);
    request.signal?.throwIfAborted();
    const learned = await learnedIn(inState, pipeline);
    const resolution = recordedSettings(library, entry.training ?? {}, pipeline).resolution;
    const images = await session.withRoom(() =>
      imagesIn(pipeline, session, prompt, learned, {
        ...{ resolution, program: session.program },
        ...(request.signal !== undefined && { signal: request.signal }),
      }),
    );
    drawn.set(key, images);
    return images.map(picture);
  };

  const cells = new Map<AskedCell, ForgettingCell>();
  const add = async (cell: AskedCell, change: (pictures: readonly Picture[]) => number) => {
    const pictures = await draw(cell);
    const { state, concept, entry } = cell;
    const made = { state, concept, nameThen: entry.name, pictures, change: change(pictures) };
    cells.set(cell, made);
    request.onProgress?.({ kind: "cell", cell: made, done: cells.size, count: asked.length });
  };
  // The first of each concept come first: what the others are compared with, and the unit of all changes.
  const firsts = new Map<string, AskedCell>();
  for (const cell of asked) if (!firsts.has(cell.concept)) firsts.set(cell.concept, cell);
  for (const cell of firsts.values()) await add(cell, () => 0);
  const references = new Map([...firsts].map(([name, cell]) => [name, imagesOf(cells.get(cell)?.pictures ?? [])]));
  const unit = distanceOfNeighbours([...references.values()]);
  for (const cell of asked) {
    if (cells.has(cell)) continue;
    const reference = references.get(cell.concept) ?? [];
    await add(cell, (pictures) => {
      const moved = meanDistance(reference, imagesOf(pictures));
      return moved === 0 ? 0 : moved / unit;
    });
  }
  return {
    states: states.map(factsOf),
    concepts: [...firsts.keys()],
    cells: [...firsts.keys()].flatMap((name) =>
      asked.filter(({ concept }) => concept === name).flatMap((cell) => cells.get(cell) ?? []),
    ),
  };
}

function chosenStates({ folder, manifest }: Library, ids: readonly string[] | undefined): readonly LibraryState[] {
  const timeline = timelineOf(manifest);
  if (ids !== undefined) return ids.map((id) => findState({ folder, manifest }, timeline, id));
  return [timeline.current, ...timeline.earlier].toReversed();
}

/** @param library - in the state */
function askedCells(library: Library, facts: StateFacts, names: readonly string[] | undefined): readonly AskedCell[] {
  const { adapter } = library.manifest;
  return library.concepts.flatMap((entry, i) => {
    const concept = facts.presentNames[i];
    if (names !== undefined && !names.includes(concept)) return [];
    const key = JSON.stringify([adapter, entry.embedding, entry.training?.resolution]);
    return [{ library, entry, concept, state: facts.id, key }];
  });
}

async function imagesIn(
  pipeline: StableDiffusionPipeline,
  session: Session,
  prompt: string,
  learned: Learned,
  options: Parameters<typeof drawConcept>[4],
): Promise<readonly RgbImage[]> {
  const adapter = learned.adapter && session.adapters.bind(learned.adapter);
  const images = await drawConcept(pipeline, prompt, learned, adapter, options);
  return images.slice(0, PREVIEW_PICTURES).map(({ image }) => image);
}

const imagesOf = (pictures: readonly Picture[]) => pictures.map(({ image }) => image);
