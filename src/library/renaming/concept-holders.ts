/**
 * @file Which states of a library hold a concept, for whoever wants it gone from all of them.
 */
import type { Manifest } from "../manifest/manifest.ts";
import { identityOf, knows, type LibraryState } from "../manifest/state.ts";
import { ConceptTrails, type Sighting } from "./concept-trail.ts";

export interface ConceptHolders {
  /** Whether a state of the library holds the concept, or may. */
  readonly holds: (state: LibraryState) => boolean;
  /** Every name that the concept is known to have had. */
  readonly names: ReadonlySet<string>;
  /** What the current state calls a concept that had the name before; undefined: none had it, or one has it now. */
  readonly presentName: string | undefined;
  /** Whether it is an old name and nothing else: a purge takes no concept away. */
  readonly isOldName: boolean;
}

/**
 * The states that hold the concept of a name. Those are meant that had the name last; if there are none on the line of
 * states, those that ever had it. A state holds them
 *
 * - if it knows something by the name, or
 * - if it knows one of them, by whatever name, or
 * - if it was set aside and knows what may be another beginning of one of them: a concept that had one of its names,
 *   and that no state of the line knows, and none together with it.
 *
 * What the current state knows by another name is not meant: only its old name is.
 */
export function conceptHolders(manifest: Manifest, name: string): ConceptHolders {
  const { all, sightings } = new ConceptTrails(manifest);
  const calledLast = all.filter((trail) => trail.name === name);
  const isOnLine = calledLast.some((trail) => trail.isOnLine);
  const meant = new Set(isOnLine ? calledLast : all.filter(({ names }) => names.has(name)));

  const present = knows(manifest, name) ? [] : sightings.filter(({ state }) => state === manifest);
  const otherName = (sighting: Sighting) => present.find((each) => isSame(each, sighting))?.entry.name;
  const certain = sightings.filter((sighting) => meant.has(sighting.trail) && otherName(sighting) === undefined);

  const names = namesIn(certain).add(name);
  const states = new Set(certain.map(({ state }) => state));
  const others = new Set(sightings.filter(({ state }) => states.has(state)).map(({ trail }) => trail));
  const possible = sightings.filter(
    ({ trail }) => !trail.isOnLine && !others.has(trail) && [...trail.names].some((each) => names.has(each)),
  );

  // The state that is current now may become an earlier one: its concepts tell it then, too.
  const held = new Set([...certain, ...possible].map(({ state }) => state.concepts));
  const renamed = sightings.find((sighting) => sighting.names.includes(name) && otherName(sighting) !== undefined);
  return {
    holds: (state) => held.has(state.concepts) || knows(state, name),
    names: namesIn([...certain, ...possible]).add(name),
    presentName: renamed && otherName(renamed),
    isOldName: renamed !== undefined && certain.length === 0 && possible.length === 0,
  };
}

/** Whether two sightings are of one concept that was begun once. Its trail may have several beginnings. */
function isSame(a: Sighting, b: Sighting): boolean {
  return a.trail === b.trail && identityOf(a.entry) === identityOf(b.entry);
}

function namesIn(sightings: readonly Sighting[]): Set<string> {
  return new Set(sightings.flatMap(({ names }) => names));
}
