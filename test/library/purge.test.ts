/**
 * @file A purge finds a concept in every state that is kept, whatever it was called or had learned there, and leaves
 * other concepts alone. Long because every case is a history of its own.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { changeLibrary } from "../../src/library/change.ts";
import { forgetConcept, forgetIn } from "../../src/library/forget.ts";
import { keepStates, libraryHistory } from "../../src/library/history.ts";
import { Library } from "../../src/library/library.ts";
import { describeChange } from "../../src/library/manifest/state.ts";
import { renameConcept } from "../../src/library/renaming/rename.ts";
import { undo } from "../../src/library/undo.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { treeOf } from "../keepsake/support.ts";
import { addConcept, emptyLibrary } from "./support.ts";

const inFolder = temporaryFolder();
let made = 0;
let taught = 0;

/** An empty library, and how it is changed: every training run ends with other numbers. */
async function blank(keep = 10) {
  const library = inFolder(`library ${made++}`);
  await emptyLibrary(library, keep);
  const learn = async (name: string, again?: "more" | "replaced") => {
    const after = await addConcept(library, name, again === undefined ? { seed: ++taught } : { seed: ++taught, again });
    return after.concepts.find((concept) => concept.name === name)?.embedding ?? "";
  };
  return {
    ...{ library, learn },
    rename: (name: string, to: string) => renameConcept({ library, name, to }),
    forget: (name: string) => forgetConcept({ library, name }),
    purge: (name: string) => forgetConcept({ library, name, purge: true }),
    undo: async (times = 1) => {
      for (let i = 0; i < times; i++) await undo({ library });
    },
    /** To the state that was set aside last. */
    undoToAside: async () => undo({ library, to: (await libraryHistory(library)).aside[0].id }),
    text: () => readFileSync(join(library, "library.json"), "utf8"),
  };
}

/** As {@link blank}, but every concept is begun with the same embedding, as imported styles of one class noun are. */
async function sameNumbers() {
  const changes = await blank();
  const learn = (name: string) => addConcept(changes.library, name, { seed: ++taught, token: 0 });
  /** Of every state of the line, the current one first: what the concepts are called now. */
  const presentNames = async () =>
    (await libraryHistory(changes.library)).states.map((state) => state.presentNames.join(" "));
  /** As a Keepsake did that did not record how a concept was begun. */
  const forgetBeginnings = () => {
    writeFileSync(join(changes.library, "library.json"), changes.text().replaceAll(/,\s*"begun": "\w+"/g, ""));
  };
  return { ...changes, learn, presentNames, forgetBeginnings };
}

/** Every state that is kept, the current one first, then those of the line, then those off it. */
async function statesOf(library: string): Promise<string[]> {
  const { states, later, aside } = await libraryHistory(library);
  return [...states, ...later, ...aside].map(
    ({ change, concepts }) => `${describeChange(change)}: ${concepts.join(" ")}`,
  );
}

describe("A purge of a name that the current state does not know", () => {
  it("finds the concept by its older names, and nothing brings it back", async () => {
    const { library, learn, rename, forget, purge, text } = await blank();
    await learn("mug");
    const rex = await learn("rex");
    await rename("rex", "max");
    expect(await forget("max")).toMatchObject({ forgot: "concept", heldBy: 2 });
    expect(await purge("max")).toMatchObject({ forgot: "earlier", purged: 2, heldBy: 0 });
    expect(await statesOf(library)).toEqual(["forgot a concept: mug", "learned mug: mug", "begun: "]);
    expect(text()).not.toMatch(/"rex"|"max"/);
    expect(Object.keys(treeOf(library) ?? {}).join(" ")).not.toContain(rex);
    expect((await failure(purge("max"))).message).toContain('does not know "max"; it knows "mug"');
  });

  it("finds the concept by its newer names too", async () => {
    const { library, learn, rename, forget, purge } = await blank();
    await learn("rex");
    await rename("rex", "max");
    await rename("max", "tom");
    await forget("tom");
    expect(await purge("max")).toMatchObject({ purged: 3, heldBy: 0 });
    expect(await statesOf(library)).toEqual(["forgot a concept: "]);
  });

  it("takes the old name of a known concept, and says what it is called now", async () => {
    const { library, learn, rename, forget, purge, text } = await blank();
    await learn("rex");
    await rename("rex", "max");
    await learn("mug");
    expect((await failure(forget("rex"))).message).toContain('not know "rex"; it is called "max" now: add --purge');
    expect(await purge("rex")).toMatchObject({ purged: 1, heldBy: 0, remains: "concept", knownAs: "max" });
    expect(await statesOf(library)).toEqual(["learned mug: max mug", "renamed a concept to max: max", "begun: "]);
    expect(text()).not.toContain("rex");
  });

  it("takes the name out of the history when no state holds the concept any more", async () => {
    const { library, learn, forget, purge, text } = await blank();
    await learn("rex");
    await learn("mug");
    await forget("rex");
    await keepStates({ library, keep: 0 });
    expect((await failure(forget("rex"))).message).toContain("only the history names it: add --purge");
    expect(await purge("rex")).toMatchObject({ forgot: "earlier", purged: 0, heldBy: 0 });
    expect(text()).not.toContain("rex");
  });
});

describe("A purge of states that were set aside", () => {
  it("finds what was taught further there, under the name that the concept had then", async () => {
    const { library, learn, rename, purge, undo } = await blank();
    await learn("rex");
    await learn("rex", "more");
    await undo();
    await rename("rex", "max");
    expect(await purge("max")).toMatchObject({ purged: 2, heldBy: 0 });
    expect(await statesOf(library)).toEqual(["forgot a concept: "]);
  });

  it.each(["more", "replaced"] as const)(
    "finds what was renamed and taught there (%s), whatever fell out",
    async (again) => {
      const { library, learn, rename, purge, undo, text } = await blank();
      await learn("mug");
      await learn("rex");
      await learn("rex", again);
      await rename("rex", "ruff");
      await learn("ruff", again);
      await undo(3);
      await rename("rex", "max");
      // Of the three states that were set aside, the last one is left: no other state has its name or its embedding.
      for (const keep of [3, 10]) await keepStates({ library, keep });
      expect((await statesOf(library)).at(-1)).toMatch(/ruff.*: mug ruff$/);
      expect(await statesOf(library)).toHaveLength(5);
      await purge("max");
      expect(await statesOf(library)).toEqual(["forgot a concept: mug", "learned mug: mug", "begun: "]);
      expect(text()).not.toMatch(/rex|ruff/);
    },
  );

  it("finds it in a library of an earlier Keepsake, which did not record what was taught further", async () => {
    const { library, learn, rename, purge, undo, text } = await blank();
    await learn("rex");
    await learn("rex", "more");
    await rename("rex", "ruff");
    await undo(2);
    await rename("rex", "max");
    writeFileSync(join(library, "library.json"), text().replaceAll(/,\s*"begun": "\w+"/g, ""));
    expect(await purge("max")).toMatchObject({ purged: 3, heldBy: 0 });
    expect(await statesOf(library)).toEqual(["forgot a concept: "]);
  });

  it("takes another beginning under the same name, as after an undo, but no concept that was there beside it", async () => {
    const { library, learn, rename, forget, purge, undo } = await blank();
    await learn("rex");
    await undo();
    await learn("rex");
    await rename("rex", "max");
    await learn("rex");
    await forget("max");
    await undo(2);
    await learn("mug");
    expect(await statesOf(library)).toEqual([
      ...["learned mug: max mug", "renamed rex to max: max", "learned rex: rex", "begun: "],
      ...["forgot max: rex", "learned rex: max rex", "learned rex: rex"],
    ]);
    await purge("max");
    expect(await statesOf(library)).toEqual(["forgot a concept: mug", "begun: ", "forgot a concept: rex"]);
  });
});

describe("A purge follows a concept, not what its name means elsewhere:", () => {
  it("names that were exchanged", async () => {
    const { library, learn, rename, purge } = await blank();
    await learn("cup");
    await learn("dog");
    await learn("mug");
    for (const [from, to] of [
      ["dog", "hat"],
      ["mug", "dog"],
      ["hat", "mug"],
    ])
      await rename(from, to);
    await purge("mug");
    expect(await statesOf(library)).toEqual(["forgot a concept: cup dog", "learned cup: cup", "begun: "]);
  });

  it("a name that another concept took later", async () => {
    const { library, learn, rename, forget, purge } = await blank();
    await learn("rex");
    await rename("rex", "max");
    await forget("max");
    await learn("rex");
    await forget("rex");
    expect(await purge("max")).toMatchObject({ purged: 2 });
    expect(await statesOf(library)).toEqual(["forgot rex: ", "learned rex: rex", "forgot a concept: "]);
  });

  it("a name that another concept had before", async () => {
    const { library, learn, rename, forget, purge } = await blank();
    await learn("rex");
    await rename("rex", "max");
    await forget("max");
    await learn("rex");
    expect(await purge("rex")).toMatchObject({ purged: 1 });
    expect(await statesOf(library)).toEqual([...["forgot a concept: ", "renamed a concept to max: max", "begun: "]]);
  });

  it("what was learned again under the same name counts as the same", async () => {
    const { library, learn, rename, forget, purge } = await blank();
    await learn("pup");
    await rename("pup", "rex");
    await forget("rex");
    await learn("rex");
    await learn("rex", "replaced");
    await rename("rex", "max");
    expect(await purge("max")).toMatchObject({ purged: 4 });
    expect(await statesOf(library)).toEqual(["forgot a concept: "]);
  });

  it("what was forgotten under the name before, whatever it had been called", async () => {
    const { library, learn, rename, forget, purge } = await blank();
    const first = await learn("dog");
    await rename("dog", "rex");
    await learn("pup");
    await forget("rex");
    await rename("pup", "rex");
    expect(await purge("rex")).toMatchObject({ purged: 4 });
    expect(await statesOf(library)).toEqual(["forgot a concept: "]);
    expect(Object.keys(treeOf(library) ?? {}).join(" ")).not.toContain(first);
  });

  it("states that stand side by side and did not follow from each other", async () => {
    const { library, learn, rename, purge, undo, undoToAside } = await blank();
    const first = await learn("rex");
    await undo();
    await learn("pup");
    await rename("pup", "rex");
    await undo(2);
    await undoToAside();
    await rename("rex", "max");
    await undo();
    await undoToAside();
    await rename("rex", "bob");
    expect(await statesOf(library)).toEqual([
      ...["renamed rex to bob: bob", "renamed pup to rex: rex", "learned rex: rex", "begun: "],
      ...["renamed rex to max: max", "learned pup: pup"],
    ]);
    const { knownAs, purged } = await purge("max");
    expect({ knownAs, purged }).toEqual({ knownAs: undefined, purged: 2 });
    expect(await statesOf(library)).toEqual([
      ...["renamed rex to bob: bob", "renamed pup to rex: rex", "begun: ", "learned pup: pup"],
    ]);
    expect(Object.keys(treeOf(library) ?? {}).join(" ")).not.toContain(first);
  });

  it("two concepts with the same numbers, adapter and all", async () => {
    const { library, learn, rename, purge } = await blank();
    await addConcept(library, "dog", { seed: 1000 });
    await learn("hat");
    await addConcept(library, "mug", { seed: 1000 });
    await rename("mug", "cup");
    expect(await purge("cup")).toMatchObject({ purged: 1 });
    expect(await statesOf(library)).toEqual([
      ...["forgot a concept: dog hat", "learned hat: dog hat", "learned dog: dog", "begun: "],
    ]);
  });

  it("a state that came back beside another beginning of the name", async () => {
    const { library, learn, rename, purge, undo, undoToAside, text } = await blank();
    const first = await learn("rex");
    await undo();
    await learn("pup");
    await rename("pup", "rex");
    await undoToAside();
    await undo();
    await rename("rex", "tom");
    await undoToAside();
    await rename("rex", "max");
    expect((await Library.open(library)).concepts[0].embedding).toBe(first);
    await purge("max");
    expect(text()).not.toContain(first);
    expect(await statesOf(library)).toEqual([
      ...["forgot a concept: ", "renamed rex to tom: tom", "renamed pup to rex: rex", "learned pup: pup", "begun: "],
    ]);
  });
});

describe.each([{ recorded: true }, { recorded: false }])(
  "Of two concepts that were begun with the same embedding (what they were begun with is recorded: $recorded)",
  ({ recorded }) => {
    it("the one that is forgotten is not taken for the other", async () => {
      const { library, learn, forget, purge, forgetBeginnings } = await sameNumbers();
      for (const name of ["aa", "bb"]) await learn(name);
      if (!recorded) forgetBeginnings();
      await forget("aa");
      expect((await failure(forget("aa"))).message).toContain("another state that is kept does: add --purge");
      const result = await purge("aa");
      expect(result).toMatchObject({ forgot: "earlier", purged: 2, remains: "unknown" });
      expect(result).not.toHaveProperty("knownAs");
      expect(await statesOf(library)).toEqual(["forgot a concept: bb", "begun: "]);
    });

    it("the one that was renamed goes under both names", async () => {
      const { library, learn, rename, forget, purge, forgetBeginnings } = await sameNumbers();
      for (const name of ["aa", "bb"]) await learn(name);
      if (!recorded) forgetBeginnings();
      await rename("aa", "cc");
      await forget("cc");
      expect(await purge("cc")).toMatchObject({ purged: 3, heldBy: 0, remains: "unknown" });
      expect(await statesOf(library)).toEqual(["forgot a concept: bb", "begun: "]);
    });
  },
);

describe("A concept that is begun with the embedding of one that was forgotten", () => {
  it("is not that one in the history, and a purge leaves that one alone", async () => {
    const { library, learn, forget, purge, presentNames } = await sameNumbers();
    await learn("aa");
    await forget("aa");
    await learn("bb");
    expect(await presentNames()).toEqual(["bb", "", "aa", ""]);
    expect((await failure(forget("aa"))).message).toContain("another state that is kept does: add --purge");
    await purge("bb");
    expect(await statesOf(library)).toEqual(["forgot a concept: ", "learned aa: aa", "begun: "]);
  });

  it("is not that one where that one was set aside", async () => {
    const { library, learn, rename, purge, undo } = await sameNumbers();
    await learn("aa");
    await rename("aa", "cc");
    await undo(2);
    await learn("bb");
    await purge("bb");
    expect(await statesOf(library)).toEqual(["forgot a concept: ", "renamed aa to cc: cc", "learned aa: aa"]);
  });
});

describe("A purge of an old name", () => {
  it("says whether the name meant another concept as well", async () => {
    const { library, learn, rename, forget, purge } = await blank();
    await learn("rex");
    await rename("rex", "max");
    await learn("rex");
    await forget("rex");
    expect((await failure(forget("rex"))).message).toContain(
      'another state that is kept does, and "max" was called so before: add --purge to delete every state that has it',
    );
    expect(await purge("rex")).toMatchObject({ purged: 2, heldBy: 0, remains: "unknown", knownAs: "max" });
    expect(await statesOf(library)).toEqual([...["forgot a concept: max", "renamed a concept to max: max", "begun: "]]);
  });
});

it("A purge leaves it said that a concept was unlearned", async () => {
  const { library, learn, purge } = await blank();
  for (const name of ["dog", "mug"]) await learn(name);
  await changeLibrary(library, "unlearning mug", (opened) =>
    forgetIn(opened, { name: "mug" }, { adapter: opened.manifest.adapter }),
  );
  expect((await statesOf(library))[0]).toBe("unlearned mug: dog");
  await purge("mug");
  expect(await statesOf(library)).toEqual(["unlearned a concept: dog", "learned dog: dog", "begun: "]);
});

it("A purge pushes no state out of those that are kept", async () => {
  const { library, learn, purge } = await blank(2);
  for (const name of ["dog", "mug", "cup"]) await learn(name);
  expect(await purge("cup")).toMatchObject({ purged: 0 });
  expect(await statesOf(library)).toEqual(["forgot a concept: dog mug", "learned mug: dog mug", "learned dog: dog"]);
});
