import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Keepsake } from "../../src/keepsake/keepsake.ts";
import { libraryHistory } from "../../src/library/history.ts";
import { Library } from "../../src/library/library.ts";
import { redo, undo } from "../../src/library/undo.ts";
import { verifyLibrary } from "../keepsake/one-shot.ts";
import { fixture } from "../diffusion/support.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, TINY_SD1, treeOf, writePhotos } from "../keepsake/support.ts";

const inFolder = temporaryFolder();
let made = 0;

/** States as Keepsake 0.1.0 showed them: it had learned dog, mug and cup, and had undone the last. */
const IDS = { empty: "c7d46a025a6a", dog: "0761c35fc7de", mug: "7ac2c25a99ee", cup: "6f1e2857f373" };

/** A library of version 2 of the format, written by the Keepsake of then. Its model is the tiny one, here. */
function version2(edit = (text: string): string => text): string {
  const folder = inFolder(`library ${made++}`);
  cpSync(fixture("libraries/version-2"), folder, { recursive: true });
  const path = join(folder, "library.json");
  writeFileSync(path, edit(readFileSync(path, "utf8").replace("/models/tiny-sd1", () => TINY_SD1)));
  return folder;
}

const names = ({ concepts }: { concepts: readonly string[] }) => concepts.join(" ");

/** The names that each kept state knows. */
async function timeline(folder: string) {
  const { states, later, aside } = await libraryHistory(folder);
  return { states: states.map(names), later: later.map(names), aside: aside.map(names) };
}

interface Entry {
  change: unknown;
  concepts: { name: string }[];
}

/** A manifest of version 2 whose states know other concepts, and were made by other changes. */
function rewritten(changes: readonly (readonly [change: object, ...names: string[]])[]): string {
  return version2((text) => {
    const manifest = JSON.parse(text) as Entry & { adapter: object; earlier: Entry[] };
    const { adapter } = manifest;
    const [example] = manifest.concepts;
    const states = changes.map(([change, ...known]) => ({
      ...{ change, adapter },
      concepts: known.map((name) => ({ ...example, name, token: `<${name}>` })),
    }));
    return JSON.stringify({ ...manifest, ...states[0], earlier: states.slice(1) });
  });
}

const learned = (concept: string) => ({ kind: "learned", concept });
const back = (to: object) => ({ kind: "undo", to });

describe("a library of version 2", () => {
  it("opens and is whole, its states have the ids that they had, and looking changes nothing", async () => {
    const folder = version2();
    const before = treeOf(folder);
    expect(await verifyLibrary(folder)).toMatchObject({ faults: [], leftovers: [], model: "checked", blobs: 6 });
    const { states, later, aside, keep } = await libraryHistory(folder);
    expect(states.map(({ id }) => id.slice(0, 12))).toEqual([IDS.mug, IDS.dog, IDS.empty]);
    expect(states[0].change).toEqual({ kind: "learned", concept: "mug" });
    expect(later.map(({ id }) => id.slice(0, 12))).toEqual([IDS.cup]);
    expect({ aside, keep }).toEqual({ aside: [], keep: 3 });
    expect(treeOf(folder)).toEqual(before);
  });

  it("goes forward again to what its last undo had taken back, and back to its beginning", async () => {
    const folder = version2();
    expect(await redo({ library: folder })).toMatchObject({ concepts: ["dog", "mug", "cup"] });
    for (const concepts of [["dog", "mug"], ["dog"], []]) {
      expect(await undo({ library: folder })).toMatchObject({ concepts });
    }
    expect((await libraryHistory(folder)).later.map(({ id }) => id.slice(0, 12))).toEqual([IDS.dog, IDS.mug, IDS.cup]);
    expect(await verifyLibrary(folder)).toMatchObject({ faults: [], leftovers: [] });
  });

  it("is written in a form that the Keepsake of then refuses from the first change on, and learns on", async () => {
    const folder = version2();
    const photos = [await writePhotos(inFolder("photos"), "hat")];
    await learnQuickly({ model: TINY_SD1, library: folder, name: "hat", photos, training: { steps: 1 } });
    expect(JSON.parse(readFileSync(join(folder, "library.json"), "utf8"))).toMatchObject({ version: 3 });
    // Whole weights files are recorded from then on.
    expect((await Library.open(folder)).manifest.model.weights).toMatch(/^[0-9a-f]{64}$/);
    expect(await timeline(folder)).toEqual({
      ...{ states: ["dog mug hat", "dog mug", "dog", ""], later: [], aside: [] },
    });
    expect(await verifyLibrary(folder)).toMatchObject({ faults: [], leftovers: [] });
  });

  /** A library that has learned nothing, on the built-in model with that fingerprint. */
  function onBuiltIn(fingerprint: string): string {
    const folder = inFolder(`library ${made++}`);
    mkdirSync(folder);
    const manifest = {
      ...{ format: "keepsake-library", version: 2, model: { folder: "built-in", fingerprint }, keep: 3 },
      ...{ change: { kind: "begun" }, concepts: [], earlier: [] },
    };
    writeFileSync(join(folder, "library.json"), JSON.stringify(manifest));
    return folder;
  }

  it("that was made on the built-in model still knows it", async () => {
    const folder = onBuiltIn("e3a104ec57831ba0a9758eef583f8e7e02fa07b26e8f697aacc1d287c2446ecf");
    expect(await verifyLibrary(folder)).toMatchObject({ faults: [], model: "checked" });
  });

  it("that was made on the first built-in model is told apart, and says where that is found", async () => {
    const folder = onBuiltIn("b05d689d67d10a3665f3d644c55aee6abb4bb53c10cca43c7ce8bb6d3ed6aa0a");
    expect(await verifyLibrary(folder)).toMatchObject({ faults: [], model: "another" });
    await expect(Keepsake.open(folder)).rejects.toThrow(
      `${folder} was made on an earlier built-in model; name the folder models/keepsake-64 of the Keepsake that made ` +
        "it with --model <path>, or choose another library with --library.",
    );
  });

  it("in which an undo was undone has nothing to redo", async () => {
    const folder = rewritten([
      [back(learned("mug")), "dog", "mug"],
      [back(learned("dog")), "dog"],
    ]);
    expect(await timeline(folder)).toEqual({ states: ["dog mug", "dog"], later: [], aside: [] });
  });

  it("that went back several changes at once goes forward one by one", async () => {
    const folder = rewritten([
      [back(learned("dog")), "dog"],
      [learned("cup"), "dog", "mug", "cup"],
      [learned("mug"), "dog", "mug"],
    ]);
    expect(await timeline(folder)).toEqual({ states: ["dog"], later: ["dog mug", "dog mug cup"], aside: [] });
  });

  it("in which a forgetting was undone forgets it again by redo", async () => {
    const folder = rewritten([
      [back(learned("mug")), "dog", "mug"],
      [{ kind: "forgot", concept: "dog" }, "mug"],
      [learned("dog"), "dog"],
    ]);
    expect(await timeline(folder)).toEqual({ states: ["dog mug", "dog"], later: ["mug"], aside: [] });
  });

  it("that had gone two ways from one state goes the last one, and the other is set aside", async () => {
    const folder = rewritten([
      [back(learned("dog")), "dog"],
      [learned("cup"), "dog", "cup"],
      [learned("mug"), "dog", "mug"],
    ]);
    expect(await timeline(folder)).toEqual({ states: ["dog"], later: ["dog cup"], aside: ["dog mug"] });
  });
});
