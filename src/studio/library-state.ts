/**
 * @file What the server says of the library. It is read from the disk, so that what another process has changed is
 * seen, and kept while its files stay the same.
 */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Keepsake } from "../keepsake/keepsake.ts";
import { stateFacts, type ConceptFacts, type LibraryHistory, type StateFacts } from "../library/history.ts";
import { Library } from "../library/library.ts";
import { allStates, manifestPath } from "../library/manifest/manifest.ts";
import { blobsOf, type LibraryState } from "../library/manifest/state.ts";
import { snapshotPath } from "../library/run/run-snapshot.ts";
import { unfinishedFacts } from "../library/run/unfinished-run.ts";
import type { StudioState } from "./api.ts";
import { faultOf } from "./fault.ts";

/** What there is to know of a library without its model. */
export interface LibraryFacts {
  readonly library: StudioState["library"];
  readonly concepts: readonly ConceptFacts[];
  readonly history?: NonNullable<StudioState["history"]>;
  readonly unfinished?: NonNullable<StudioState["unfinished"]>;
  /** Id of the current state. */
  readonly state?: string;
  /** The current state, and those with the same files: they draw the same, whatever their concepts are called. */
  readonly alike: readonly Pick<StateFacts, "id" | "concepts">[];
}

export class LibraryReader {
  readonly folder: string;
  #known: { readonly files: string; readonly facts: Promise<LibraryFacts> } | undefined;

  constructor(folder: string) {
    this.folder = resolve(folder);
  }

  async read(): Promise<LibraryFacts> {
    const files = await this.#files();
    if (this.#known?.files !== files) this.#known = { files, facts: this.#read() };
    return this.#known.facts;
  }

  /** Reads anew the next time: the files' times may be too coarse to tell. */
  forget(): void {
    this.#known = undefined;
  }

  async #files(): Promise<string> {
    const paths = [manifestPath(this.folder), snapshotPath(this.folder)];
    const facts = paths.map((path) =>
      stat(path, { bigint: true })
        .then(({ ino, size, mtimeNs }) => [ino, size, mtimeNs].join(" "))
        .catch(() => ""),
    );
    return (await Promise.all(facts)).join("\n");
  }

  async #read(): Promise<LibraryFacts> {
    const { folder } = this;
    try {
      const library = await Library.openIfExists(folder);
      if (library === undefined) return { library: { folder, exists: false }, concepts: [], alike: [] };
      const keepsake = await Keepsake.open(folder, { lazy: true });
      const [concepts, history] = await Promise.all([keepsake.concepts(), keepsake.history()]);
      const unfinished = await unfinishedFacts(library);
      return {
        library: { folder, exists: true },
        ...{ concepts, history: shown(history), state: history.states[0].id, alike: alikeIn(library) },
        ...(unfinished !== undefined && { unfinished }),
      };
    } catch (error) {
      return { library: { folder, exists: true, fault: faultOf(error) }, concepts: [], alike: [] };
    }
  }
}

function alikeIn({ manifest }: Library): LibraryFacts["alike"] {
  const filesOf = (state: LibraryState) => JSON.stringify(blobsOf(state));
  return allStates(manifest)
    .filter((state) => filesOf(state) === filesOf(manifest))
    .map(stateFacts(manifest));
}

function shown({ states, later, aside, keep }: LibraryHistory): NonNullable<StudioState["history"]> {
  return { states, later, aside, keep };
}
