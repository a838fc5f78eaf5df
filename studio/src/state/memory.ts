/** @file What is remembered in which state: the cells of every comparison, and the kept states in their order. */
import { computed } from "@preact/signals";
import type { MatrixCell } from "../../../src/studio/api.ts";
import type { KeptState } from "./contract.ts";
import { jobsOf, studio } from "./studio.ts";

/** From the oldest kept state to the last one that an undo has left; each once. */
export const timeline = computed<readonly KeptState[]>(() => {
  const history = studio.value?.history;
  if (history === undefined) return [];
  const all = [...[...history.states].reverse(), ...history.later];
  return all.filter(({ id }, index) => all.findIndex((other) => other.id === id) === index);
});

export const currentState = computed(() => studio.value?.history?.states[0]);

const keyOf = (state: string, concept: string) => `${state} ${concept}`;

const cells = computed(() => {
  const found = new Map<string, MatrixCell>();
  // The oldest comparison first, so that newer cells replace older ones.
  for (const { progress, result } of [...jobsOf("remember")].reverse()) {
    const all = result?.kind === "remember" ? result.cells : (progress.cells ?? []);
    for (const cell of all) found.set(keyOf(cell.state, cell.concept), cell);
  }
  return found;
});

/** @param concept - the name that it has now: the state may call it otherwise */
export function cellOf(state: string, concept: string): MatrixCell | undefined {
  const kept = timeline.value.find(({ id }) => id === state);
  const nameThen = kept?.concepts[kept.presentNames.indexOf(concept)];
  return nameThen === undefined ? undefined : cells.value.get(keyOf(state, nameThen));
}

/** Every concept of a kept state by the name that it has now, in the order of learning. */
export const rememberedConcepts = computed(() => [
  ...new Set(timeline.value.flatMap(({ presentNames }) => presentNames)),
]);

/** Whether a kept state holds a concept that was not compared yet. */
export const isIncomplete = computed(() =>
  timeline.value.some(({ id, concepts }) => concepts.some((concept) => !cells.value.has(keyOf(id, concept)))),
);
