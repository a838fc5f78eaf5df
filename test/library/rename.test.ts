/**
 * @file A concept gets another name: nothing that was learned changes, it can be undone, and a purge follows the name
 * back.
 */
import { describe, expect, it } from "vitest";
import { forgetConcept } from "../../src/library/forget.ts";
import { libraryHistory } from "../../src/library/history.ts";
import { Library } from "../../src/library/library.ts";
import { describeChange } from "../../src/library/manifest/state.ts";
import { renameConcept } from "../../src/library/renaming/rename.ts";
import { undo } from "../../src/library/undo.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { addConcept, contentOf, emptyLibrary } from "./support.ts";

const inFolder = temporaryFolder();
let made = 0;

async function libraryOf(names: readonly string[], keep = 10): Promise<string> {
  const folder = inFolder(`library ${made++}`);
  await emptyLibrary(folder, keep);
  for (const [i, name] of names.entries()) await addConcept(folder, name, { seed: i + 1 });
  return folder;
}

const namesIn = async (library: string) => (await Library.open(library)).concepts.map(({ name }) => name);
const statesOf = async (library: string) => {
  const { states } = await libraryHistory(library);
  return states.map(({ change, concepts }) => `${describeChange(change)}: ${concepts.join(" ")}`);
};

describe("A concept that is renamed", () => {
  it("keeps its place and its numbers, to the byte", async () => {
    const library = await libraryOf(["dog", "mug"]);
    const before = await contentOf(library);
    expect(await renameConcept({ library, name: "<dog>", to: "rex" })).toEqual({
      from: "dog",
      name: "rex",
      token: "<rex>",
    });
    const { content, blobs } = await contentOf(library);
    expect(blobs).toEqual(before.blobs);
    const [dog, mug] = before.content.concepts ?? [];
    expect(content).toEqual({ ...before.content, concepts: [{ ...dog, name: "rex", token: "<rex>" }, mug] });
    expect(await statesOf(library)).toEqual([
      "renamed dog to rex: rex mug",
      "learned mug: dog mug",
      "learned dog: dog",
      "begun: ",
    ]);
  });

  it("has its old name back after an undo, to the byte", async () => {
    const library = await libraryOf(["dog"]);
    const before = await contentOf(library);
    await renameConcept({ library, name: "dog", to: "rex" });
    await undo({ library });
    expect(await contentOf(library)).toEqual(before);
  });

  it("does not push a state out of those that are kept: only what was learned or forgotten counts", async () => {
    const library = await libraryOf(["dog", "mug", "cup"], 1);
    await renameConcept({ library, name: "dog", to: "rex" });
    await renameConcept({ library, name: "mug", to: "tin" });
    expect(await statesOf(library)).toEqual([
      "renamed mug to tin: rex tin cup",
      "renamed dog to rex: rex mug cup",
      "learned cup: dog mug cup",
      "learned mug: dog mug",
    ]);
    await addConcept(library, "hat", { seed: 5 });
    expect(await statesOf(library)).toEqual([
      "learned hat: rex tin cup hat",
      "renamed mug to tin: rex tin cup",
      "renamed dog to rex: rex mug cup",
      "learned cup: dog mug cup",
    ]);
  });

  it("leaves no old name behind where no state is kept", async () => {
    const library = await libraryOf(["dog"], 0);
    await renameConcept({ library, name: "dog", to: "rex" });
    expect(await statesOf(library)).toEqual(["renamed dog to rex: rex"]);
  });

  it("leaves its old name to others", async () => {
    const library = await libraryOf(["dog"]);
    await renameConcept({ library, name: "dog", to: "rex" });
    await addConcept(library, "dog", { seed: 5 });
    expect(await namesIn(library)).toEqual(["rex", "dog"]);
  });

  it("is not renamed to what is no name, is its own or is another one's", async () => {
    const library = await libraryOf(["dog", "mug"]);
    const rename = (name: string, to: string) => failure(renameConcept({ library, name, to }));
    expect((await rename("dog", "My Dog!")).kind).toBe("usage");
    expect((await rename("dog", "dog")).message).toBe('"dog" is its name already; choose another one.');
    expect((await rename("dog", "mug")).message).toMatch(/knows "mug" already/);
    expect((await rename("cup", "hat")).message).toMatch(/does not know "cup"; it knows "dog", "mug"/);
    expect(await namesIn(library)).toEqual(["dog", "mug"]);
  });
});

describe("What concepts are called now", () => {
  /** Every state of the line, oldest first: its own names, and the present ones where they differ. */
  const namesOf = async (library: string) => {
    const { states, later } = await libraryHistory(library);
    return [...states.toReversed(), ...later].map(({ concepts, presentNames }) =>
      concepts.map((name, i) => (name === presentNames[i] ? name : `${name} = ${presentNames[i]}`)).join(", "),
    );
  };

  it("is said of every state before a renaming, however often there was one", async () => {
    const library = await libraryOf(["dog", "mug"]);
    await renameConcept({ library, name: "dog", to: "rex" });
    await renameConcept({ library, name: "rex", to: "max" });
    expect(await namesOf(library)).toEqual(["", "dog = max", "dog = max, mug", "rex = max, mug", "max, mug"]);
  });

  it("is the old name again after an undo, also of the states that redo goes to", async () => {
    const library = await libraryOf(["dog"]);
    await renameConcept({ library, name: "dog", to: "rex" });
    await addConcept(library, "mug", { seed: 5 });
    await undo({ library });
    await undo({ library });
    expect(await namesOf(library)).toEqual(["", "dog", "rex = dog", "rex = dog, mug"]);
  });

  it("is the last name of one that was forgotten", async () => {
    const library = await libraryOf(["mug", "dog"]);
    await renameConcept({ library, name: "dog", to: "rex" });
    await forgetConcept({ library, name: "rex" });
    expect(await namesOf(library)).toEqual(["", "mug", "mug, dog = rex", "mug, rex", "mug"]);
  });

  it("tells two concepts of a state apart that have had the same name", async () => {
    const library = await libraryOf(["dog"]);
    await renameConcept({ library, name: "dog", to: "rex" });
    await addConcept(library, "dog", { seed: 5 });
    expect(await namesOf(library)).toEqual(["", "dog = rex", "rex", "rex, dog"]);
    await forgetConcept({ library, name: "rex" });
    await renameConcept({ library, name: "dog", to: "rex" });
    expect((await namesOf(library)).at(3)).toBe("rex = rex (another), dog = rex");
  });

  it("is told by what was learned in states that were set aside", async () => {
    const library = await libraryOf(["dog", "mug"]);
    await undo({ library });
    await renameConcept({ library, name: "dog", to: "rex" });
    const { aside } = await libraryHistory(library);
    expect(aside.map(({ presentNames }) => presentNames)).toEqual([["rex", "mug"]]);
  });
});

describe("A purge", () => {
  it("finds a concept in states where it had another name, and leaves those alone that hold another one of that name", async () => {
    const library = await libraryOf(["mug", "dog"]);
    await renameConcept({ library, name: "dog", to: "rex" });
    await addConcept(library, "dog", { seed: 5 });
    const result = await forgetConcept({ library, name: "rex", purge: true });
    expect(result).toMatchObject({ forgot: "concept", purged: 2, heldBy: 0 });
    expect(await statesOf(library)).toEqual(["forgot a concept: mug dog", "learned mug: mug", "begun: "]);
  });

  it("takes an old name out of what is told of a renaming", async () => {
    const library = await libraryOf(["dog"]);
    await renameConcept({ library, name: "dog", to: "rex" });
    expect(await forgetConcept({ library, name: "dog", purge: true })).toMatchObject({ forgot: "earlier", purged: 1 });
    expect(await statesOf(library)).toEqual(["renamed a concept to rex: rex", "begun: "]);
  });
});
