/**
 * @file A purge, watched from outside: what the files of a library's folder hold before and after it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { forgetConcept } from "../../src/library/forget.ts";
import { Library } from "../../src/library/library.ts";
import { allStates } from "../../src/library/manifest/manifest.ts";
import { blobsOf, type Again, type ConceptEntry, type LibraryState } from "../../src/library/manifest/state.ts";
import { failure } from "../io/failure.ts";
import { addConcept, contentOf, WIDTH } from "./support.ts";

/** Which concept each training run taught: known to whoever ran it, whatever the library makes of it. */
export class Taught {
  /** By the run's seed. */
  readonly #runs = new Map<number, { readonly concept: number; readonly blob: string; readonly token: number }>();

  /**
   * No two runs end with the same adapter.
   *
   * @param token - decides on the embedding; default: no two runs end with the same one
   */
  async teach(
    folder: string,
    name: string,
    { again, token }: { again?: Again; token?: number | undefined },
  ): Promise<void> {
    const { concepts } = await Library.open(folder);
    const known = concepts.find((entry) => entry.name === name);
    const seed = 100 * (this.#runs.size + 1);
    const after = await addConcept(folder, name, { seed, token, run: seed, again });
    const { embedding: blob } = after.concepts.find((entry) => entry.name === name) ?? { embedding: "" };
    this.#runs.set(seed, { concept: known === undefined ? seed : this.conceptOf(known), blob, token: token ?? seed });
  }

  conceptOf({ training }: ConceptEntry): number {
    return this.#runs.get(training?.seed ?? -1)?.concept ?? -1;
  }

  /** Every embedding of some concepts: its file's name, and its numbers. */
  embeddingsOf(concepts: ReadonlySet<number>): { readonly blob: string; readonly bytes: Buffer }[] {
    return [...this.#runs.values()]
      .filter(({ concept }) => concepts.has(concept))
      .map(({ blob, token }) => {
        const numbers = Float32Array.from({ length: WIDTH }, (_, i) => token + i);
        return { blob, bytes: Buffer.from(numbers.buffer) };
      });
  }
}

/**
 * Purges a name, and compares the folder with what it was.
 *
 * @returns how many states the purge says that it deleted
 */
export async function purgeAndLook(library: string, name: string, taught: Taught): Promise<number> {
  const { manifest } = await Library.open(library);
  const before = allStates(manifest);
  const content = await contentOf(library);
  if (!textOf(library).includes(name)) {
    expect((await failure(forgetConcept({ library, name, purge: true }))).message).toContain(`not know "${name}"`);
    return 0;
  }
  const idsOf = (state: LibraryState) => state.concepts.map((entry) => taught.conceptOf(entry));
  const has = (state: LibraryState, each: string) => state.concepts.some((entry) => entry.name === each);
  const namesOf = (ids: ReadonlySet<number>) =>
    new Set(
      before
        .flatMap(({ concepts }) => concepts)
        .flatMap((entry) => (ids.has(taught.conceptOf(entry)) ? [entry.name] : [])),
    );
  const hadName = (entry: ConceptEntry) =>
    before.some(({ change, concepts }) => {
      const then = concepts.find((each) => taught.conceptOf(each) === taught.conceptOf(entry))?.name;
      return then === name || (change.kind === "renamed" && change.concept === then && change.from === name);
    });
  const present = manifest.concepts.filter((entry) => entry.name !== name).map((entry) => taught.conceptOf(entry));
  const called = (each: string) =>
    before
      .flatMap(({ concepts }) => concepts.filter((entry) => entry.name === each))
      .map((entry) => taught.conceptOf(entry))
      .filter((id) => !present.includes(id));

  const result = await forgetConcept({ library, name, purge: true });
  const { manifest: left } = await Library.open(library);
  const after = allStates(left);
  expect(result.heldBy).toBe(0);
  expect(result.purged).toBeGreaterThanOrEqual(before.slice(1).filter((state) => has(state, name)).length);
  expect(textOf(library)).not.toContain(name);
  const nowCalled = has(manifest, name) ? [] : manifest.concepts.filter(hadName).map((entry) => entry.name);
  expect(nowCalled).toEqual(result.knownAs === undefined ? [] : expect.arrayContaining([result.knownAs]));

  // Of the concept that the name means without doubt nothing is left, and none of its names unless another has it.
  const own = manifest.concepts.find((entry) => entry.name === name);
  const candidates = new Set(own === undefined ? called(name) : [taught.conceptOf(own)]);
  const meant = candidates.size === 1 ? candidates : new Set<number>();
  expect(after.flatMap(idsOf).filter((id) => meant.has(id))).toEqual([]);
  const stillUsed = new Set(after.flatMap(blobsOf));
  for (const { blob, bytes } of taught.embeddingsOf(meant)) {
    if (stillUsed.has(blob)) continue;
    for (const [path, file] of filesOf(library)) {
      expect(path.includes(blob) || file.includes(blob) || file.includes(bytes), path).toBe(false);
    }
  }
  for (const old of namesOf(meant)) {
    if (!after.some((state) => has(state, old))) expect(textOf(library)).not.toContain(old);
  }

  // The current state loses the name alone, and of the others go those that may hold a concept that had its names.
  const rest = content.content.concepts?.filter((entry) => entry.name !== name);
  const others = rest?.length === 0 && own !== undefined ? { concepts: rest } : { ...content.content, concepts: rest };
  expect((await contentOf(library)).content).toEqual({ adapter: undefined, strategy: undefined, ...others });
  const may = new Set(candidates);
  for (let size = -1; size !== may.size;) {
    size = may.size;
    for (const each of [name, ...namesOf(may)]) for (const id of called(each)) may.add(id);
  }
  const partsOf = ({ adapter, concepts }: LibraryState) => JSON.stringify([adapter, concepts]);
  const kept = new Set(after.map(partsOf));
  for (const state of before.slice(1)) {
    if (has(state, name)) expect(kept).not.toContain(partsOf(state));
    else if (!idsOf(state).some((id) => may.has(id))) expect(kept).toContain(partsOf(state));
  }
  return result.purged;
}

function textOf(library: string): string {
  return readFileSync(join(library, "library.json"), "utf8");
}

function filesOf(library: string): [path: string, content: Buffer][] {
  return readdirSync(library, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path, readFileSync(path)]);
}
