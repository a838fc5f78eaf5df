/**
 * @file A concept through the states of a library, whatever it was called in them.
 */
import { currentState, type Manifest } from "../manifest/manifest.ts";
import { knows, type Change, type ConceptEntry, type LibraryState } from "../manifest/state.ts";

/**
 * A test for states beside the current one: whether they hold the concept of a name. If the current state knows it,
 * renamings are followed along the line, and its embedding tells it in a state off the line too.
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

/**
 * What the concepts of a state are called now. Renamings are followed along the line of states; a concept that the
 * current state does not know has the name that the state nearest to it has for it. No two concepts of a state get the
 * same name.
 *
 * @returns names in the order of the state's concepts
 */
export function presentNames(manifest: Manifest): (state: LibraryState) => readonly string[] {
  const { earlier, later } = manifest;
  const found = new Map<LibraryState["concepts"], readonly string[]>();
  const byEmbedding = new Map<string, string>();
  const add = (state: LibraryState, names: readonly string[]): ReadonlyMap<string, string> => {
    found.set(state.concepts, names);
    for (const [i, { embedding }] of state.concepts.entries()) {
      if (!byEmbedding.has(embedding)) byEmbedding.set(embedding, names[i]);
    }
    return new Map(state.concepts.map(({ name }, i) => [name, names[i]]));
  };
  const ownNames = manifest.concepts.map(({ name }) => name);
  const current = add(manifest, ownNames);
  let [nearer, names]: [LibraryState, ReadonlyMap<string, string>] = [manifest, current];
  for (const state of earlier) {
    names = add(
      state,
      distinctNames(state, ({ name }) => names.get(nameAfter(nearer.change, name))),
    );
    nearer = state;
  }
  names = current;
  for (const state of later) {
    names = add(
      state,
      distinctNames(state, ({ name }) => names.get(nameBefore(state.change, name))),
    );
  }
  // A state off the line is reached by no step of it: what a concept has learned tells it.
  return (state) => found.get(state.concepts) ?? distinctNames(state, ({ embedding }) => byEmbedding.get(embedding));
}

/** Names for the concepts of a state. One without any keeps its own, with a mark if another has that. */
function distinctNames(
  { concepts }: LibraryState,
  nameOf: (concept: ConceptEntry) => string | undefined,
): readonly string[] {
  const names = concepts.map(nameOf);
  const firsts = names.map((name, i) => (names.indexOf(name) === i ? name : undefined));
  const taken = new Set(firsts);
  return concepts.map(({ name: own }, i) => {
    let name = firsts[i] ?? own;
    while (firsts[i] === undefined && taken.has(name)) name += " (another)";
    taken.add(name);
    return name;
  });
}

function nameAfter(change: Change, name: string): string {
  return change.kind === "renamed" && change.from === name ? change.concept : name;
}

function nameBefore(change: Change, name: string): string {
  return change.kind === "renamed" && change.concept === name ? (change.from ?? name) : name;
}
