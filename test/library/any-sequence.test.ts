import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { forgetConcept } from "../../src/library/forget.ts";
import { keepStates, libraryHistory } from "../../src/library/history.ts";
import { Library } from "../../src/library/library.ts";
import { renameConcept } from "../../src/library/renaming/rename.ts";
import { redo, undo } from "../../src/library/undo.ts";
import { verifyLibrary } from "../keepsake/one-shot.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { purgeAndLook, Taught } from "./purge-and-look.ts";
import { addConcept, contentOf, emptyLibrary, type Content } from "./support.ts";

const inFolder = temporaryFolder();
let made = 0;

/** What a library should keep: a line of states, oldest first, on which one is the current, and states off the line. */
class ModelOfHistory {
  line: string[];
  at = 0;
  aside: string[] = [];
  keep = 3;
  /** What a state was renamed from, and has the files of: it does not count. */
  readonly #renamedFrom = new Map<string, string>();

  constructor(state: string) {
    this.line = [state];
  }

  rename(state: string): void {
    this.#renamedFrom.set(state, this.line[this.at]);
    this.change(state);
  }

  change(state: string): void {
    this.aside.unshift(...this.line.splice(this.at + 1).reverse());
    this.line.push(state);
    this.at++;
    this.aside = this.aside.filter((id, i) => !this.line.includes(id) && this.aside.indexOf(id) === i);
    this.shorten();
  }

  /** What was set aside goes first; then the beginning of the line, then its end, but never the current state. */
  shorten(): void {
    while (this.#counted(this.line) + this.aside.length > this.keep) {
      if (this.aside.length > 0) this.aside.pop();
      else if (this.#counted(this.line.slice(0, this.at + 1)) > 0) {
        this.line.shift();
        this.at--;
      } else this.line.pop();
    }
    if (this.keep === 0) [this.line, this.at] = [[this.line[this.at]], 0];
  }

  /** How many states of a line count beside one of them. */
  #counted(line: readonly string[]): number {
    return line.slice(1).filter((state, i) => this.#renamedFrom.get(state) !== line[i]).length;
  }

  /** As `libraryHistory` lists them. */
  get ids(): { current: string | undefined; earlier: string[]; later: string[]; aside: string[] } {
    const { line, at, aside } = this;
    return { current: line[at], earlier: line.slice(0, at).reverse(), later: line.slice(at + 1), aside };
  }
}

async function idsOf(folder: string): Promise<ModelOfHistory["ids"]> {
  const history = await libraryHistory(folder);
  const [current, ...earlier] = history.states.map(({ id }) => id);
  return { current, earlier, later: history.later.map(({ id }) => id), aside: history.aside.map(({ id }) => id) };
}

const namesIn = async (folder: string) => (await Library.open(folder)).concepts.map(({ name }) => name);

describe("any sequence of changes", () => {
  const NAMES = ["dog", "mug", "cup"] as const;
  const step = fc.oneof(
    fc.record({ kind: fc.constant("learn" as const), name: fc.constantFrom(...NAMES), seed: fc.nat(3) }),
    fc.record({ kind: fc.constant("forget" as const), name: fc.constantFrom(...NAMES) }),
    fc.record({ kind: fc.constant("rename" as const), name: fc.constantFrom(...NAMES), to: fc.constantFrom(...NAMES) }),
    fc.record({ kind: fc.constant("undo" as const) }),
    fc.record({ kind: fc.constant("redo" as const) }),
    fc.record({ kind: fc.constant("keep" as const), keep: fc.nat(4) }),
  );

  it("keeps the states that a line with a place on it would keep, each as it was when it was the current one", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
        const folder = inFolder(`library ${made++}`);
        const model = new ModelOfHistory((await emptyLibrary(folder)).stateId);
        const seen = new Map<string, Content>();
        for (const each of steps) {
          const { stateId } = await Library.open(folder);
          seen.set(stateId, await contentOf(folder));
          const known = await namesIn(folder);
          if (each.kind === "learn" && !known.includes(each.name)) {
            model.change((await addConcept(folder, each.name, { seed: each.seed })).stateId);
          } else if (each.kind === "forget" && known.includes(each.name)) {
            await forgetConcept({ library: folder, name: each.name });
            model.change((await Library.open(folder)).stateId);
          } else if (each.kind === "rename" && known.includes(each.name) && !known.includes(each.to)) {
            await renameConcept({ library: folder, name: each.name, to: each.to });
            model.rename((await Library.open(folder)).stateId);
          } else if (each.kind === "keep") {
            model.keep = each.keep;
            model.shorten();
            await keepStates({ library: folder, keep: each.keep });
          } else if (each.kind === "undo" && model.at > 0) {
            model.at--;
            await undo({ library: folder });
          } else if (each.kind === "redo" && model.at < model.line.length - 1) {
            model.at++;
            await redo({ library: folder });
          }
          expect(await idsOf(folder)).toEqual(model.ids);
          const { stateId: now } = await Library.open(folder);
          expect(await contentOf(folder)).toEqual(seen.get(now) ?? (await contentOf(folder)));
          expect(await verifyLibrary(folder)).toMatchObject({ faults: [], leftovers: [] });
        }
      }),
      { numRuns: 20, seed: 1 },
    );
  });

  /** Which state, which known name and which free one: the n-th of those that there are. */
  const leap = fc.record({
    kind: fc.constantFrom(
      ...(["learn", "learn", "more", "replaced", "rename", "rename", "undo", "redo", "to"] as const),
      ...(["keep", "forget", "purge", "forget and purge"] as const),
    ),
    which: fc.nat(5),
    to: fc.nat(2),
    /** What decides on the embedding: some runs end with the same one. */
    token: fc.option(fc.nat(1), { nil: undefined }),
  });

  it("loses no state by going to any other, and a purge leaves nothing of its concept and all of the others", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(leap, { minLength: 6, maxLength: 12 }), async (leaps) => {
        const folder = inFolder(`library ${made++}`);
        await emptyLibrary(folder);
        const taught = new Taught();
        for (const { kind, which, to, token } of leaps) {
          const known = await namesIn(folder);
          const free = NAMES.filter((each) => !known.includes(each));
          const { current, earlier, later, aside } = await idsOf(folder);
          const all = [current ?? "", ...earlier, ...later, ...aside];
          const name = known[which % known.length];
          if (kind === "learn" && free.length > 0) {
            await taught.teach(folder, free[which % free.length], { token });
          } else if (kind === "undo" && earlier.length > 0) {
            await undo({ library: folder });
          } else if (kind === "redo" && later.length > 0) {
            await redo({ library: folder });
          } else if (kind === "to") {
            const state = all[which % all.length];
            expect(await undo({ library: folder, to: state })).toMatchObject({ state, changed: state !== current });
            const after = await idsOf(folder);
            expect(after.current).toBe(state);
            expect(new Set([after.current, ...after.earlier, ...after.later, ...after.aside])).toEqual(new Set(all));
          } else if (kind === "keep") {
            await keepStates({ library: folder, keep: which + 2 });
          } else if (kind === "purge") {
            await purgeAndLook(folder, NAMES[to], taught);
          } else if (known.length > 0) {
            if (kind === "more" || kind === "replaced") await taught.teach(folder, name, { again: kind, token });
            if (kind === "rename" && free.length > 0) {
              await renameConcept({ library: folder, name, to: free[to % free.length] });
            }
            const { heldBy } = kind.startsWith("forget")
              ? await forgetConcept({ library: folder, name })
              : { heldBy: 0 };
            if (kind === "forget and purge") expect(await purgeAndLook(folder, name, taught)).toBe(heldBy);
          }
          expect(await verifyLibrary(folder)).toMatchObject({ faults: [], leftovers: [] });
        }
      }),
      { numRuns: 30, seed: 3 },
    );
  });
});
