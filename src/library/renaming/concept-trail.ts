/**
 * @file Which concept is which in all states of a library, whatever it was called in them and however often it was
 * taught.
 */
import type { Manifest } from "../manifest/manifest.ts";
import { identityOf, type Change, type ConceptEntry, type LibraryState } from "../manifest/state.ts";

/** A concept through the states of a library. */
export interface ConceptTrail {
  /** Its name in the nearest state that knows it: what it is called now, or was called last. */
  readonly name: string;
  /** Every name that it is known to have had. */
  readonly names: ReadonlySet<string>;
  /** Whether a state of the line knows it, or only one that was set aside. */
  readonly isOnLine: boolean;
}

/** A concept where one state knows it. */
export interface Sighting {
  readonly state: LibraryState;
  readonly entry: ConceptEntry;
  readonly trail: ConceptTrail;
  /** Its name in the state, and the one before if a renaming made the state. */
  readonly names: readonly string[];
}

/** A trail while it is followed. */
interface Trail extends ConceptTrail {
  readonly names: Set<string>;
  /** One for each time that the concept was begun. */
  readonly identities: Set<string>;
  /** Its name as far as it was followed; undefined: another concept has that name there. */
  called: string | undefined;
  /** Its name as people see it, with a mark where another concept of the state has the same. */
  label: string;
}

/** Whether an entry of the next state may belong to a trail. */
type Evidence = (trail: Trail, entry: ConceptEntry) => boolean;

/**
 * The trails of all concepts, followed from the current state outwards. An identity belongs to one concept: renaming,
 * teaching more and replacing keep it. Where two concepts of a state have the same one (a library may be older than the
 * record of beginnings), the name in the nearest state tells them apart. On the line of states a name tells a concept,
 * too: what was forgotten and begun again under the same name counts as one, unless a state holds both. A name that a
 * renaming gave up tells nothing.
 */
export class ConceptTrails {
  readonly all: readonly ConceptTrail[];
  readonly sightings: readonly Sighting[];
  readonly #trails: Trail[] = [];
  /** By the list of concepts of a state. */
  readonly #labels = new Map<LibraryState["concepts"], readonly string[]>();

  constructor(manifest: Manifest) {
    const { earlier, later, aside } = manifest;
    const together = identitiesTogether([manifest, ...earlier, ...later, ...aside]);
    const same: Evidence = ({ identities }, entry) => identities.has(identityOf(entry));
    const named: Evidence = ({ called }, { name }) => called === name;
    const sameAndNamed: Evidence = (trail, entry) => same(trail, entry) && named(trail, entry);
    const continued: Evidence = (trail, entry) => named(trail, entry) && !together(trail.identities, entry);
    const onLine = (state: LibraryState) => this.#follow(state, [sameAndNamed, same, continued], true);
    // No step leads to a state off the line, so there a name alone tells nothing.
    const offLine = (state: LibraryState) => this.#follow(state, [sameAndNamed, same], false);

    const before = [manifest, ...earlier].flatMap(onLine);
    for (const trail of this.#trails) trail.called = trail.name;
    this.sightings = [...before, ...later.flatMap(onLine), ...aside.flatMap(offLine)];
    this.all = this.#trails;
  }

  /**
   * What the concepts of a state are called now; those that the current state does not know, as they were last. No two
   * of them get the same name.
   *
   * @returns names in the order of the state's concepts
   */
  presentNames({ concepts }: LibraryState): readonly string[] {
    return this.#labels.get(concepts) ?? concepts.map(({ name }) => name);
  }

  /** Follows all trails to the next state. @param evidence - the strongest first */
  #follow(state: LibraryState, evidence: readonly Evidence[], isOnLine: boolean): readonly Sighting[] {
    const { change, concepts } = state;
    const found = new Map<ConceptEntry, Trail>();
    const taken = new Set<Trail>();
    for (const fits of evidence) {
      for (const entry of concepts) {
        const trail = found.has(entry) ? undefined : this.#trails.find((each) => !taken.has(each) && fits(each, entry));
        if (trail === undefined) continue;
        found.set(entry, trail);
        taken.add(trail);
      }
    }
    const sightings = concepts.map((entry) => {
      return { state, entry, trail: found.get(entry) ?? this.#begin(entry, isOnLine), names: namesBy(change, entry) };
    });
    for (const trail of this.#trails) {
      if (concepts.some(({ name }) => name === trail.called)) trail.called = undefined;
    }
    for (const { entry, trail, names } of sightings) {
      trail.called = entry.name;
      trail.identities.add(identityOf(entry));
      for (const name of names) trail.names.add(name);
    }
    this.#label(sightings.map(({ trail }) => trail));
    this.#labels.set(
      concepts,
      sightings.map(({ trail }) => trail.label),
    );
    return sightings;
  }

  #begin({ name }: ConceptEntry, isOnLine: boolean): Trail {
    const trail = {
      name,
      names: new Set<string>(),
      isOnLine,
      identities: new Set<string>(),
      called: name,
      label: name,
    };
    this.#trails.push(trail);
    return trail;
  }

  /** Makes the labels of one state distinct; a concept that was found nearer to the current state keeps its own. */
  #label(trails: readonly Trail[]): void {
    const taken = new Set<string>();
    for (const trail of trails.toSorted((a, b) => this.#trails.indexOf(a) - this.#trails.indexOf(b))) {
      while (taken.has(trail.label)) trail.label += " (another)";
      taken.add(trail.label);
    }
  }
}

function namesBy(change: Change, { name }: ConceptEntry): readonly string[] {
  const wasRenamed = change.kind === "renamed" && change.concept === name && change.from !== undefined;
  return wasRenamed ? [name, change.from] : [name];
}

/** A test for whether one state holds both an entry's identity and, as another concept, one of several others. */
function identitiesTogether(
  states: readonly LibraryState[],
): (identities: ReadonlySet<string>, entry: ConceptEntry) => boolean {
  return (identities, entry) =>
    states.some(({ concepts }) => {
      const itself = concepts.findIndex((each) => identityOf(each) === identityOf(entry));
      return itself >= 0 && concepts.some((each, i) => i !== itself && identities.has(identityOf(each)));
    });
}
