import fc from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { forgetConcept } from "../../../src/continual/library/forget.ts";
import { keepStates, libraryHistory } from "../../../src/continual/library/history.ts";
import { Library } from "../../../src/continual/library/library.ts";
import { undo } from "../../../src/continual/library/undo.ts";
import { verifyLibrary } from "../../../src/continual/verify.ts";
import { temporaryFolder } from "../../io/temporary-folder.ts";
import { addConcept, contentOf, emptyLibrary, type Content } from "./support.ts";

const inFolder = temporaryFolder();
let made = 0;

const namesIn = async (folder: string) => (await Library.open(folder)).concepts.map(({ name }) => name);

describe("any sequence of changes", () => {
  const NAMES = ["dog", "mug", "cup"] as const;
  const step = fc.oneof(
    fc.record({ kind: fc.constant("learn" as const), name: fc.constantFrom(...NAMES), seed: fc.nat(3) }),
    fc.record({ kind: fc.constant("forget" as const), name: fc.constantFrom(...NAMES), purge: fc.boolean() }),
    fc.record({ kind: fc.constant("undo" as const), back: fc.option(fc.nat(3)) }),
    fc.record({ kind: fc.constant("keep" as const), keep: fc.nat(4) }),
  );

  it("leaves a whole library, and every kept state is what it was when it was the current one", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const folder = inFolder(`library ${made++}`);
        await emptyLibrary(folder);
        const seen = new Map<string, Content>();
        for (const each of steps) {
          const before = await contentOf(folder);
          seen.set((await Library.open(folder)).stateId, before);
          const { states } = await libraryHistory(folder);
          if (each.kind === "learn" && !(await namesIn(folder)).includes(each.name)) {
            await addConcept(folder, each.name, { seed: each.seed });
          } else if (each.kind === "forget" && (await namesIn(folder)).includes(each.name)) {
            await forgetConcept({ library: folder, name: each.name, purge: each.purge });
            if (each.purge) expect(readFileSync(join(folder, "library.json"), "utf8")).not.toContain(each.name);
          } else if (each.kind === "keep") {
            await keepStates({ library: folder, keep: each.keep });
            expect(await contentOf(folder)).toEqual(before);
          } else if (each.kind === "undo" && states.length > 1) {
            const target = each.back === null ? undefined : states[each.back % states.length];
            const { state } = await undo({ library: folder, ...(target && { to: target.id }) });
            expect(await contentOf(folder)).toEqual(seen.get(state));
          }
          const history = await libraryHistory(folder);
          expect(history.states.length).toBeLessThanOrEqual(history.keep + 1);
          expect(new Set(history.states.map(({ id }) => id)).size).toBe(history.states.length);
          expect(await verifyLibrary(folder)).toMatchObject({ faults: [], leftovers: [] });
        }
      }),
      { numRuns: 25, seed: 1 },
    );
  });
});
