/**
 * @file The states of a library in time. The current state stands on a line: `earlier` states lie before it, `later`
 * ones, which an undo has left, after it. Undo and redo walk along the line and lose nothing. A new change after an
 * undo begins another end of the line; what was `later` is then set `aside`, off the line, as long as the library keeps
 * so many states.
 */
import { blobsOf, stateId, type LibraryState } from "./state.ts";

/** All states of a library but the current one. */
export interface OtherStates {
  /** Before the current one, nearest first: `undo` goes to the first. */
  readonly earlier: readonly LibraryState[];
  /** After the current one, nearest first: `redo` goes to the first. */
  readonly later: readonly LibraryState[];
  /** Off the line, the one that was left last first: `undo` with `to` still reaches them. */
  readonly aside: readonly LibraryState[];
}

export interface Timeline extends OtherStates {
  readonly current: LibraryState;
}

/** Every state of a timeline, the current one first. */
export function statesOf({ current, earlier, later, aside }: Timeline): LibraryState[] {
  return [current, ...earlier, ...later, ...aside];
}

/** The timeline after a change that made a new state. */
export function withNewState({ current, earlier, later, aside }: Timeline, next: LibraryState): Timeline {
  return { current: next, earlier: [current, ...earlier], later: [], aside: [...later.toReversed(), ...aside] };
}

/**
 * The timeline with another of its states as the current one. As many states are kept as before.
 *
 * @param target - one of {@link statesOf}; a state that was set aside comes to the end of the line, as a new one would
 */
export function at(timeline: Timeline, target: LibraryState): Timeline {
  const { current, earlier, later, aside } = timeline;
  const back = earlier.indexOf(target);
  if (back >= 0) {
    const passed = earlier.slice(0, back).toReversed();
    return { current: target, earlier: earlier.slice(back + 1), later: [...passed, current, ...later], aside };
  }
  const ahead = later.indexOf(target);
  if (ahead >= 0) {
    const passed = later.slice(0, ahead).toReversed();
    return { current: target, earlier: [...passed, current, ...earlier], later: later.slice(ahead + 1), aside };
  }
  if (target === current) return timeline;
  return withNewState({ ...timeline, aside: aside.filter((state) => state !== target) }, target);
}

/**
 * The timeline with as many states as a library keeps beside the current one. What was set aside goes first, the one
 * that was left longest ago before the others; then the oldest of the line. A state of the line that has the files of
 * its neighbour, as after a renaming, takes no room and does not count.
 *
 * @param keep - 0: none, not even those that take no room
 */
export function shortened({ current, earlier, later, aside }: Timeline, keep: number): Timeline {
  if (keep === 0) return { current, earlier: [], later: [], aside: [] };
  const ahead = nearest(later, current, keep);
  const back = nearest(earlier, current, keep - ahead.counted);
  return {
    ...{ current, earlier: back.states, later: ahead.states },
    aside: aside.slice(0, Math.max(0, keep - ahead.counted - back.counted)),
  };
}

/** The states of one side of the line of which at most so many count. */
function nearest(
  states: readonly LibraryState[],
  current: LibraryState,
  most: number,
): { readonly states: readonly LibraryState[]; readonly counted: number } {
  let counted = 0;
  for (const [i, state] of states.entries()) {
    if (hasSameFiles(state, i === 0 ? current : states[i - 1])) continue;
    if (counted === most) return { states: states.slice(0, i), counted };
    counted += 1;
  }
  return { states, counted };
}

function hasSameFiles(a: LibraryState, b: LibraryState): boolean {
  return JSON.stringify(blobsOf(a)) === JSON.stringify(blobsOf(b));
}

/**
 * The timeline without steps that change nothing, and without what was set aside and is on the line as well, or twice.
 *
 * @param fingerprint - of the model
 */
export function withoutRepeats({ current, earlier, later, aside }: Timeline, fingerprint: string): Timeline {
  const idOf = (state: LibraryState) => stateId(fingerprint, state);
  const distinct = (states: readonly LibraryState[]) =>
    states.filter((state, i) => idOf(state) !== idOf(i === 0 ? current : states[i - 1]));
  const seen = new Set([current, ...earlier, ...later].map(idOf));
  const isNew = (state: LibraryState) => {
    const id = idOf(state);
    return !seen.has(id) && seen.add(id).size > 0;
  };
  return { current, earlier: distinct(earlier), later: distinct(later), aside: aside.filter(isNew) };
}
