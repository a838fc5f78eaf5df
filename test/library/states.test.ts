import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { forgetConcept } from "../../src/library/forget.ts";
import { keepStates, libraryHistory, listConcepts } from "../../src/library/history.ts";
import { Library } from "../../src/library/library.ts";
import { redo, undo } from "../../src/library/undo.ts";
import { verifyLibrary } from "../keepsake/one-shot.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { treeOf } from "../keepsake/support.ts";
import { addConcept, contentOf, emptyLibrary } from "./support.ts";

const inFolder = temporaryFolder();
let made = 0;

/** A library that has learned the given concepts, one after the other. */
async function libraryOf(names: readonly string[], keep?: number): Promise<string> {
  const folder = inFolder(`library ${made++}`);
  await emptyLibrary(folder, keep);
  for (const [i, name] of names.entries()) await addConcept(folder, name, { seed: i + 1 });
  return folder;
}

const namesIn = async (folder: string) => (await Library.open(folder)).concepts.map(({ name }) => name);
const statesOf = async (folder: string) =>
  (await libraryHistory(folder)).states.map(({ change, concepts }) => [change, concepts.join(" ")]);
const blobCount = (folder: string) => readdirSync(join(folder, "blobs")).length;

describe("the history of a library", () => {
  it("holds the states before the current one, newest first, with what made each, up to a number", async () => {
    const folder = await libraryOf(["dog", "mug", "cup", "hat"]);
    expect(await statesOf(folder)).toEqual([
      [{ kind: "learned", concept: "hat" }, "dog mug cup hat"],
      [{ kind: "learned", concept: "cup" }, "dog mug cup"],
      [{ kind: "learned", concept: "mug" }, "dog mug"],
      [{ kind: "learned", concept: "dog" }, "dog"],
    ]);
    expect(blobCount(folder)).toBe(8);
  });

  it("is shortened at once when fewer states are to be kept, and the current state stays as it is", async () => {
    const folder = await libraryOf(["dog", "mug", "cup"]);
    const before = await contentOf(folder);
    await keepStates({ library: folder, keep: 1 });
    expect((await statesOf(folder)).map(([, names]) => names)).toEqual(["dog mug cup", "dog mug"]);
    await keepStates({ library: folder, keep: 0 });
    expect((await libraryHistory(folder)).bytes.earlier).toBe(0);
    expect(blobCount(folder)).toBe(4);
    expect(await contentOf(folder)).toEqual(before);
    await keepStates({ library: folder, keep: 5 });
    await addConcept(folder, "hat");
    expect((await statesOf(folder)).map(([, names]) => names)).toEqual(["dog mug cup hat", "dog mug cup"]);
    expect((await failure(keepStates({ library: folder, keep: 1.5 }))).kind).toBe("usage");
  });

  it("counts the bytes of the current state and those of earlier ones apart, and together they are all there is", async () => {
    const folder = await libraryOf(["dog", "mug", "cup"]);
    const tree = Object.keys(treeOf(folder) ?? {}).filter((name) => name.includes("."));
    const all = tree.reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0);
    const { bytes } = await libraryHistory(folder);
    expect(bytes.current + bytes.earlier).toBe(all);
    await keepStates({ library: folder, keep: 0 });
    const alone = await libraryHistory(folder);
    expect(alone.bytes).toEqual({ current: bytes.current, earlier: 0 });
  });

  it("takes as many bytes for the current state whatever came before, but for one embedding and a name each", async () => {
    const memory = new Map(["fisher", "theta"].map((name) => [name, { shape: [5000], data: new Float32Array(5000) }]));
    const sizes = new Map<number, number>();
    const shared = new Set<number>();
    const folder = await libraryOf([], 2);
    for (let count = 1; count <= 10; count++) {
      await addConcept(folder, `concept${count % 10}`, { seed: count, memory });
      const { concepts, sharedBytes } = await listConcepts(folder);
      sizes.set(count, (await libraryHistory(folder)).bytes.current);
      shared.add(sharedBytes);
      expect(new Set(concepts.map(({ bytes }) => bytes)).size).toBe(1);
    }
    expect(shared.size).toBe(1);
    const [one = 0, five = 0, ten = 0] = [1, 5, 10].map((count) => sizes.get(count));
    const each = (five - one) / 4;
    expect(ten - five).toBe(5 * each);
    const [{ bytes: embedding }] = (await listConcepts(folder)).concepts;
    // A name, a class noun and settings in the manifest.
    expect(each - embedding).toBeGreaterThan(0);
    expect(each - embedding).toBeLessThan(700);
    // Nor do the files of the kept states add up: they are as many after ten concepts as after five.
    expect(blobCount(folder)).toBe(10 + 1 + 3);
  });
});

describe("what a strategy keeps", () => {
  const tensors = (fill: number) =>
    new Map([
      ["fisher", { shape: [2, 3], data: new Float32Array(6).fill(fill) }],
      ["theta*", { shape: [4], data: Float32Array.of(1, -2, fill, 0) }],
    ]);

  it("comes back as it was put in, belongs to its state, and is named in manifest and concept", async () => {
    const folder = await libraryOf([]);
    expect(await (await Library.open(folder)).memory()).toEqual(new Map());
    await addConcept(folder, "dog", { memory: tensors(1) });
    const { strategy } = (await Library.open(folder)).manifest;
    expect(strategy).toMatchObject({ name: "ewc", options: { lambda: 10, online: true, set: "all" } });
    expect(readdirSync(join(folder, "blobs"))).toContain(`${strategy?.memory ?? ""}.safetensors`);
    await addConcept(folder, "mug", { memory: tensors(2) });
    expect(await (await Library.open(folder)).memory()).toEqual(tensors(2));
    expect((await listConcepts(folder)).concepts.map(({ strategy }) => strategy)).toEqual(["ewc", "ewc"]);
    await undo({ library: folder });
    expect(await (await Library.open(folder)).memory()).toEqual(tensors(1));
    expect((await verifyLibrary(folder)).faults).toEqual([]);
  });

  it("is not inherited by a concept that is learned without a strategy", async () => {
    const folder = await libraryOf([]);
    await addConcept(folder, "dog", { memory: tensors(1) });
    const library = await addConcept(folder, "mug");
    expect(library.manifest.strategy).toBeUndefined();
    expect((await library.memory()).size).toBe(0);
  });

  it("tells states apart that are the same otherwise", async () => {
    const ids = [];
    for (const fill of [1, 2]) {
      const folder = await libraryOf([]);
      ids.push((await addConcept(folder, "dog", { memory: tensors(fill) })).stateId);
    }
    expect(ids[0]).not.toBe(ids[1]);
  });
});

describe("undo", () => {
  it("goes back one change each time, redo comes forward again, and both are exact to the byte", async () => {
    const folder = await libraryOf(["dog"]);
    const dog = await contentOf(folder);
    await addConcept(folder, "mug", { seed: 7 });
    const mug = await contentOf(folder);
    expect(await undo({ library: folder })).toMatchObject({
      ...{ changed: true, change: { kind: "learned", concept: "dog" }, concepts: ["dog"] },
    });
    expect(await contentOf(folder)).toEqual(dog);
    expect(await undo({ library: folder })).toMatchObject({ change: { kind: "begun" }, concepts: [] });
    expect(await redo({ library: folder })).toMatchObject({ concepts: ["dog"] });
    expect(await contentOf(folder)).toEqual(dog);
    expect(await redo({ library: folder })).toMatchObject({
      ...{ changed: true, change: { kind: "learned", concept: "mug" }, concepts: ["dog", "mug"] },
    });
    expect(await contentOf(folder)).toEqual(mug);
  });

  it("loses no state, however far it goes: the empty library at the beginning is still there", async () => {
    const folder = await libraryOf(["dog", "mug"], 2);
    const before = await libraryHistory(folder);
    for (let i = 0; i < 5; i++) await undo({ library: folder }).catch(() => undefined);
    expect(await statesOf(folder)).toEqual([[{ kind: "begun" }, ""]]);
    const { later } = await libraryHistory(folder);
    expect(later.map(({ concepts }) => concepts.join(" "))).toEqual(["dog", "dog mug"]);
    for (let i = 0; i < 5; i++) await redo({ library: folder }).catch(() => undefined);
    expect(await libraryHistory(folder)).toEqual(before);
  });

  it("followed by another change leaves nothing to redo, and what it had left is set aside as long as there is room", async () => {
    const folder = await libraryOf(["dog", "mug", "cup"], 4);
    const cup = await contentOf(folder);
    const { states } = await libraryHistory(folder);
    await undo({ library: folder });
    await undo({ library: folder });
    await addConcept(folder, "hat", { seed: 9 });
    expect((await failure(redo({ library: folder }))).message).toContain("nothing to redo");
    const history = await libraryHistory(folder);
    expect(history.states.map(({ concepts }) => concepts.join(" "))).toEqual(["dog hat", "dog", ""]);
    expect(history.aside.map(({ concepts }) => concepts.join(" "))).toEqual(["dog mug cup", "dog mug"]);
    await undo({ library: folder, to: states[0].id });
    expect(await contentOf(folder)).toEqual(cup);
    expect(await undo({ library: folder })).toMatchObject({ concepts: ["dog", "hat"] });
    await redo({ library: folder });
    await keepStates({ library: folder, keep: 3 });
    expect((await libraryHistory(folder)).aside).toEqual([]);
    expect((await statesOf(folder)).map(([, names]) => names)).toEqual(["dog mug cup", "dog hat", "dog", ""]);
  });

  it("takes back a forgetting after a learning step by step, though the library was as empty before as after", async () => {
    const folder = await libraryOf(["dog"]);
    await forgetConcept({ library: folder, name: "dog" });
    expect(await undo({ library: folder })).toMatchObject({ concepts: ["dog"] });
    expect(await undo({ library: folder })).toMatchObject({ change: { kind: "begun" }, concepts: [] });
    expect((await failure(undo({ library: folder }))).message).toContain('"keepsake redo" goes forward');
  });

  it("goes to any kept state by the first digits of its id, and changes nothing when it is there", async () => {
    const folder = await libraryOf(["dog", "mug", "cup"]);
    const [, , { id }] = (await libraryHistory(folder)).states;
    await undo({ library: folder, to: id.slice(0, 8) });
    expect(await namesIn(folder)).toEqual(["dog"]);
    const before = treeOf(folder);
    expect(await undo({ library: folder, to: id })).toMatchObject({ changed: false, state: id, concepts: ["dog"] });
    expect(treeOf(folder)).toEqual(before);
  });

  it.each([
    { to: "zzzz", kind: "usage", words: '"zzzz" is no state: give at least 4 digits' },
    { to: "abc", kind: "usage", words: "at least 4 digits" },
    { to: "0".repeat(64), kind: "state", words: '"keepsake history" lists those that are kept' },
  ])("says that there is no state $to", async ({ to, kind, words }) => {
    const error = await failure(undo({ library: await libraryOf(["dog"]), to }));
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(words);
  });

  it("says when nothing is kept, or there is no library", async () => {
    expect((await failure(undo({ library: await libraryOf([]) }))).message).toContain("keeps no earlier state");
    expect((await failure(undo({ library: await libraryOf(["dog"], 0) }))).message).toContain("history --keep");
    const nowhere = inFolder("nowhere");
    expect((await failure(redo({ library: await libraryOf(["dog"]) }))).message).toContain("nothing to redo");
    expect((await failure(redo({ library: nowhere }))).message).toContain("no library here yet");
    expect((await failure(undo({ library: nowhere }))).message).toContain(`${nowhere}: no library here yet`);
    expect(treeOf(nowhere)).toBeUndefined();
  });

  it("does not go to a state whose files are damaged", async () => {
    const folder = await libraryOf(["dog", "mug"]);
    const { manifest } = await Library.open(folder);
    const blob = join(folder, "blobs", `${manifest.earlier[0]?.adapter?.blob ?? ""}.safetensors`);
    writeFileSync(blob, "x");
    const before = treeOf(folder);
    expect((await failure(undo({ library: folder }))).message).toContain(`${blob}: the file has been changed`);
    expect(treeOf(folder)).toEqual(before);
  });
});

describe("forgetting", () => {
  it("takes the token, keeps the other tokens and the adapter to the byte, and can be undone", async () => {
    const folder = await libraryOf(["dog", "mug", "cup"]);
    const before = await contentOf(folder);
    const { adapter, concepts } = (await Library.open(folder)).manifest;
    expect(await forgetConcept({ library: folder, name: "mug" })).toEqual({
      ...{ name: "mug", forgot: "concept", heldBy: 2, purged: 0, remains: "adapter" },
    });
    const { manifest } = await Library.open(folder);
    expect(manifest.adapter).toEqual(adapter);
    expect(manifest.concepts).toEqual(concepts.filter(({ name }) => name !== "mug"));
    await undo({ library: folder });
    expect(await contentOf(folder)).toEqual(before);
  });

  it("takes the name as it is written in prompts as well", async () => {
    const folder = await libraryOf(["dog", "mug"]);
    expect(await forgetConcept({ library: folder, name: "<mug>" })).toMatchObject({ name: "mug", forgot: "concept" });
    expect(await namesIn(folder)).toEqual(["dog"]);
  });

  it("with purge deletes later states and those that were set aside as well", async () => {
    const folder = await libraryOf(["dog", "heirloom", "cup"], 10);
    await undo({ library: folder });
    await undo({ library: folder });
    expect(await forgetConcept({ library: folder, name: "heirloom", purge: true })).toMatchObject({
      ...{ forgot: "earlier", purged: 2, heldBy: 0 },
    });
    await addConcept(folder, "heirloom", { seed: 5 });
    await undo({ library: folder });
    await addConcept(folder, "hat", { seed: 6 });
    expect((await libraryHistory(folder)).aside).toHaveLength(1);
    await forgetConcept({ library: folder, name: "heirloom", purge: true });
    expect(readFileSync(join(folder, "library.json"), "utf8")).not.toContain("heirloom");
    expect(blobCount(folder)).toBe(2 + 2);
  });

  it("of the last concept takes the adapter too: the library is as it began", async () => {
    const folder = await libraryOf(["dog"]);
    expect(await forgetConcept({ library: folder, name: "dog" })).toMatchObject({ remains: "nothing", heldBy: 1 });
    expect(await contentOf(folder)).toEqual(await contentOf(await libraryOf([])));
    await undo({ library: folder });
    expect(await namesIn(folder)).toEqual(["dog"]);
  });

  it("with purge removes every file and every word of it", async () => {
    const folder = await libraryOf(["dog", "heirloom", "cup"], 10);
    const embeddings = new Set((await Library.open(folder)).concepts.map(({ embedding }) => embedding));
    const [{ embedding: dog }, { embedding: heirloom }] = (await Library.open(folder)).concepts;
    await forgetConcept({ library: folder, name: "heirloom" });
    await undo({ library: folder });
    expect(await forgetConcept({ library: folder, name: "heirloom", purge: true })).toEqual({
      ...{ name: "heirloom", forgot: "concept", heldBy: 0, purged: 1, remains: "adapter" },
    });
    expect(embeddings.size).toBe(3);
    const tree = Object.keys(treeOf(folder) ?? {});
    expect(tree.some((name) => name.includes(heirloom))).toBe(false);
    expect(tree.some((name) => name.includes(dog))).toBe(true);
    for (const name of tree.filter((file) => file.includes("."))) {
      expect(readFileSync(join(folder, name)).includes("heirloom"), name).toBe(false);
    }
    expect(await statesOf(folder)).toEqual([
      [{ kind: "forgot" }, "dog cup"],
      [{ kind: "learned", concept: "dog" }, "dog"],
      [{ kind: "begun" }, ""],
    ]);
    expect((await verifyLibrary(folder)).faults).toEqual([]);
  });

  it("with purge also reaches a concept that only earlier states hold", async () => {
    const folder = await libraryOf(["dog", "mug"]);
    await undo({ library: folder });
    const { message } = await failure(forgetConcept({ library: folder, name: "mug" }));
    expect(message).toContain('does not know "mug"; another state that is kept does: add --purge');
    const before = await contentOf(folder);
    expect(await forgetConcept({ library: folder, name: "mug", purge: true })).toEqual({
      ...{ name: "mug", forgot: "earlier", heldBy: 0, purged: 1, remains: "unknown" },
    });
    expect(await contentOf(folder)).toEqual(before);
    expect((await failure(forgetConcept({ library: folder, name: "mug", purge: true }))).message).toContain(
      'does not know "mug"; it knows "dog"',
    );
  });

  it("says what the library knows when it does not know the concept", async () => {
    const folder = await libraryOf(["dog", "mug"]);
    const before = treeOf(folder);
    expect((await failure(forgetConcept({ library: folder, name: "cat" }))).message).toContain('it knows "dog", "mug"');
    expect((await failure(forgetConcept({ library: folder, name: "../x" }))).kind).toBe("usage");
    expect(treeOf(folder)).toEqual(before);
  });
});
