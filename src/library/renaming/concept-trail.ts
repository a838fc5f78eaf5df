/**
 * @file Which states hold a concept, whatever it was called in them.
 */
import { currentState, type Manifest } from "../manifest/manifest.ts";
import { knows, type LibraryState } from "../manifest/state.ts";

/**
 * A test for states beside the current one: whether they hold the concept of a name. If the current state knows it, renamings are
 * followed along the line, and its embedding tells it in a state off the line too.
 */
export function holderTest(manifest: Manifest, name: string): (state: LibraryState) => boolean {
  const { earlier, later, concepts } = manifest;
  const embedding = concepts.find((concept) => concept.name === name)?.embedding;
  if (embedding === undefined) return (state) => knows(state, name);
  const names = new Map<LibraryState, string>();
  const current = currentState(manifest);
  let [nearer, called] = [current, name];
  for (const state of earlier) {
    const { change } = nearer;
    if (change.kind === "renamed" && change.concept === called) called = change.from ?? called;
    names.set(state, called);
    nearer = state;
  }
  called = name;
  for (const state of later) {
    const { change } = state;
    if (change.kind === "renamed" && change.from === called) called = change.concept;
    names.set(state, called);
  }
  return (state) => {
    return knows(state, names.get(state) ?? name) || state.concepts.some((concept) => concept.embedding === embedding);
  };
}
