/**
 * @file What a manifest of each version of the format holds. The next change of a library writes it in the newest form.
 */
import { isContent, isKeepCount, isModel, isObject, isState, isStates, type JsonObject } from "./manifest-checks.ts";
import type { AdapterForm } from "../../adapters/adapter.ts";
import { findStrategy, isStrategy } from "../../strategies/registry.ts";
import { type LibraryModel, knows, type LibraryState, type StrategyEntry } from "./state.ts";
import type { Timeline } from "./timeline.ts";

/** What stands in a manifest. */
export interface ManifestContent {
  readonly model: LibraryModel;
  /** Absent: the default. */
  readonly keep?: number;
  readonly timeline: Timeline;
}

/** @returns undefined if entries are missing or have impossible values */
export function fromVersion3({
  model,
  keep,
  earlier,
  later,
  aside,
  ...current
}: JsonObject): ManifestContent | undefined {
  if (!isModel(model) || !isKeepCount(keep) || !isState(current)) return undefined;
  if (!isStates(earlier) || !isStates(later) || !isStates(aside)) return undefined;
  return { model, keep, timeline: { current: stateOf(current), earlier, later, aside } };
}

/**
 * Version 2 knew one row of states, the one that was left last first, and an undo was a change like any other: a second
 * undo took it back. Where an undo was the last change, what it took back is what redo brings back now.
 *
 * @returns undefined as {@link fromVersion3}
 */
export function fromVersion2({ model, keep, earlier, ...current }: JsonObject): ManifestContent | undefined {
  if (!isModel(model) || !isKeepCount(keep) || !Array.isArray(earlier)) return undefined;
  const entries: unknown[] = earlier;
  const states = [current, ...entries].map(withoutUndo);
  if (!isStates(states)) return undefined;
  const [state, ...others] = states;
  const wasUndone = isObject(current.change) && current.change.kind === "undo";
  return { model, keep, timeline: timelineFrom(stateOf(state), others, wasUndone) };
}

/**
 * Version 1 kept no earlier states, and there was nothing but learning.
 *
 * @returns undefined as {@link fromVersion3}
 */
export function fromVersion1({ model, ...content }: JsonObject): ManifestContent | undefined {
  if (!isModel(model) || !isContent(content)) return undefined;
  const last = content.concepts.at(-1);
  const change = last === undefined ? ({ kind: "begun" } as const) : ({ kind: "learned", concept: last.name } as const);
  return { model, timeline: { current: stateOf({ ...content, change }), earlier: [], later: [], aside: [] } };
}

function stateOf({ change, adapter, strategy, concepts }: LibraryState): LibraryState {
  return {
    change,
    adapter: adapter && { ...adapter, form: adapter.form ?? formAfter(strategy) },
    strategy,
    concepts,
  };
}

/** The form of an adapter whose form was not recorded: that in which the strategy of the last concept trains. */
function formAfter(strategy: StrategyEntry | undefined): AdapterForm {
  if (strategy === undefined || !isStrategy(strategy.name)) return "low-rank";
  const definition = findStrategy(strategy.name);
  const known = Object.entries(strategy.options).filter(([name]) => Object.hasOwn(definition.options, name));
  const { form } = definition.create(Object.fromEntries(known));
  return form === "frozen" ? "low-rank" : form;
}

/** An undo said what had made the state that it went back to. */
function withoutUndo(state: unknown): unknown {
  if (!isObject(state) || !isObject(state.change) || state.change.kind !== "undo") return state;
  return { ...state, change: state.change.to };
}

/** @param others - of version 2, the one that was left last first */
function timelineFrom(current: LibraryState, others: readonly LibraryState[], wasUndone: boolean): Timeline {
  const left = wasUndone ? others.at(0) : undefined;
  if (left === undefined || !isAfter(left, current)) return { current, earlier: others, later: [], aside: [] };
  const after = others.filter((state) => state === left || extendsConcepts(state, current));
  const later = after.filter((state) => state === left || extendsConcepts(left, state));
  return {
    current,
    earlier: others.filter((state) => !after.includes(state)),
    later: later.sort((a, b) => (a === left ? 1 : b === left ? -1 : a.concepts.length - b.concepts.length)),
    aside: after.filter((state) => !later.includes(state)),
  };
}

/** Whether a state can have come from another by learning, or by the forgetting that made it. */
function isAfter(state: LibraryState, before: LibraryState): boolean {
  if (extendsConcepts(state, before)) return true;
  const { change, concepts } = state;
  if (change.kind !== "forgot") return false;
  const gone = before.concepts.filter(({ name }) => !knows(state, name));
  const isNamed = change.concept === undefined || gone.some(({ name }) => name === change.concept);
  return gone.length === 1 && isNamed && concepts.length === before.concepts.length - 1;
}

/** Whether a state knows all that another knows, in the same order, and more. */
function extendsConcepts({ concepts }: LibraryState, { concepts: fewer }: LibraryState): boolean {
  const beginning = concepts.slice(0, fewer.length);
  return concepts.length > fewer.length && JSON.stringify(beginning) === JSON.stringify(fewer);
}
