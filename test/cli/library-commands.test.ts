/**
 * @file The commands that look at a library and change it without training. Long because it has them all, and what each
 * prints.
 */
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { libraryHistory } from "../../src/library/history.ts";
import { Library } from "../../src/library/library.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "../keepsake/support.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { failureLine, generate, keepsakeHere, MAIN, succeeded, type Outcome } from "./support.ts";

const USAGE = 2;
const STATE = 5;
const inFolder = temporaryFolder();
/** Knows <dog> and <mug>; tests work on copies. */
const original = inFolder("my library – ü");
let copies = 0;

beforeAll(async () => {
  const photos = [await writePhotos(inFolder("photos"), "dog")];
  for (const name of ["dog", "mug"]) await learnQuickly({ library: original, name, photos });
});

function copy(): string {
  const library = inFolder(`copy ${copies++}`);
  cpSync(original, library, { recursive: true });
  return library;
}

const on = (library: string, ...args: string[]): Promise<Outcome> => keepsakeHere([...args, "--library", library]);
const json = async (library: string, ...args: string[]): Promise<unknown> =>
  JSON.parse(succeeded(await on(library, ...args, "--json")).stdout);
const idsOf = async (library: string) => (await libraryHistory(library)).states.map(({ id }) => id);

describe("keepsake init", () => {
  it("makes an empty library, says what to do next, and refuses to do it twice", async () => {
    const library = inFolder("new", "library");
    const made = succeeded(await keepsakeHere(["init", library, "--model", MODEL, "--keep", "5"]));
    expect(made.stdout).toContain(`${library} is ready. Teach it something: keepsake learn`);
    expect((await Library.open(library)).manifest).toMatchObject({ keep: 5, concepts: [], model: { folder: MODEL } });
    expect(failureLine(await keepsakeHere(["init", library, "--model", MODEL]), STATE)).toContain(
      "is a library already",
    );
    const other = await keepsakeHere(["init", inFolder("json"), "--model", MODEL, "--json"]);
    expect(JSON.parse(other.stdout)).toEqual({ library: inFolder("json"), model: MODEL, keep: 3 });
  });

  it("takes the built-in model unless another is named", async () => {
    const made = succeeded(await keepsakeHere(["init", inFolder("default"), "--json"]));
    expect(JSON.parse(made.stdout)).toMatchObject({ model: "built-in" });
  });
});

describe("keepsake list", () => {
  it("shows each concept with noun, token, steps, strategy and bytes", async () => {
    const { stdout } = succeeded(await on(original, "list"));
    expect(stdout).toMatch(/^<dog> {2}dog {2}4 steps {2}sequential {2}208 B\n<mug> {2}dog .*\nShared by all: .* kB\n$/);
    expect(await json(original, "list")).toMatchObject({
      ...{ model: MODEL, sharedBytes: expect.any(Number) as unknown },
      concepts: [
        { name: "dog", token: "<dog>", classNoun: "dog", vectors: 1, steps: 4, bytes: 208 },
        { name: "mug", token: "<mug>", classNoun: "dog", vectors: 1, steps: 4, bytes: 208 },
      ],
    });
  });

  it("counts one step as one", async () => {
    const library = copy();
    const path = join(library, "library.json");
    writeFileSync(path, readFileSync(path, "utf8").replaceAll('"steps": 4', '"steps": 1'));
    expect(succeeded(await on(library, "list")).stdout).toMatch(/^<dog> {2}dog {2}1 step {2}sequential/);
  });

  it("shows a class noun in one line, whatever an older library holds", async () => {
    const library = copy();
    const path = join(library, "library.json");
    const fake = "dog\\n<fake>  dog  400 steps\\u001b[2J";
    writeFileSync(path, readFileSync(path, "utf8").replace('"classNoun": "dog"', `"classNoun": "${fake}"`));
    const lines = succeeded(await on(library, "list"))
      .stdout.trimEnd()
      .split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^<dog> {2}dog <fake> {2}dog {2}400 steps\ufffd\[2J /);
  });

  it("tells of an unfinished run, and the command that it shows goes on with it", async () => {
    const library = copy();
    const photos = await writePhotos(inFolder("photos of a cup"), "cup");
    const controller = new AbortController();
    const onProgress = ({ kind }: { kind: string }) => {
      if (kind === "step") controller.abort();
    };
    await learnQuickly({ library, name: "cup", photos: [photos], signal: controller.signal, onProgress });
    const lines = succeeded(await on(library, "list")).stdout.split("\n");
    expect(lines).toContain("There is an unfinished run of <cup> (step 1 is saved). Go on with it, or give it up:");
    const shown = lines.find((line) => line.startsWith("  keepsake learn cup")) ?? "";
    const command = shown.replace("keepsake", `"$NODE" "$MAIN"`).replace("<the same photos>", '"$PHOTOS"');
    const environment = { ...process.env, CI: "1", NODE: process.execPath, MAIN, PHOTOS: photos };
    const ended = spawnSync("bash", ["-c", command], { encoding: "utf8", env: environment });
    expect(ended.stderr).toContain("going on from step 1");
    expect(ended.stdout).toContain("Learned <cup>.");
  });

  it("says that a library is empty, or is none", async () => {
    const library = inFolder("empty");
    succeeded(await keepsakeHere(["init", library, "--model", MODEL]));
    expect(succeeded(await on(library, "list")).stdout).toBe(`${library} knows nothing yet.\n`);
    for (const command of ["list", "history", "undo", "redo", "verify"]) {
      expect(failureLine(await on(inFolder("nowhere"), command), STATE)).toContain("no library here yet");
    }
    expect(treeOf(inFolder("nowhere"))).toBeUndefined();
  });
});

describe("keepsake history, undo and redo", () => {
  it("shows the kept states, and goes back and forth between them", async () => {
    const library = copy();
    const [mug, dog, empty] = await idsOf(library);
    const lines = async () => succeeded(await on(library, "history")).stdout.split("\n");
    expect(await lines()).toEqual([
      `*  ${mug.slice(0, 12)}  learned mug  <dog> <mug>`,
      `   ${dog.slice(0, 12)}  learned dog  <dog>        (undo)`,
      `   ${empty.slice(0, 12)}  begun        (nothing)`,
      expect.stringMatching(/^The current state takes .* the others .* beside the current one: at most 3\.$/),
      "",
    ]);
    const undone = succeeded(await on(library, "undo"));
    const back = `Back at ${dog.slice(0, 12)} (learned dog). It knows <dog>. Forward again: keepsake redo --library`;
    expect(undone.stdout).toContain(back);
    expect((await lines()).slice(0, 3)).toEqual([
      `   ${mug.slice(0, 12)}  learned mug  <dog> <mug>  (redo)`,
      `*  ${dog.slice(0, 12)}  learned dog  <dog>`,
      `   ${empty.slice(0, 12)}  begun        (nothing)    (undo)`,
    ]);
    expect(await json(library, "redo")).toEqual({
      ...{ changed: true, state: mug, change: { kind: "learned", concept: "mug" }, concepts: ["dog", "mug"] },
    });
    expect(failureLine(await on(library, "redo"), STATE)).toContain("nothing to redo");
    succeeded(await on(library, "undo"));
    expect(await json(library, "undo", "--to", mug)).toEqual({
      ...{ changed: true, state: mug, change: { kind: "learned", concept: "mug" }, concepts: ["dog", "mug"] },
    });
    const there = succeeded(await on(library, "undo", "--to", mug.slice(0, 6)));
    expect(there.stdout).toBe(`The library is at ${mug.slice(0, 12)} (learned mug). It knows <dog>, <mug>.\n`);
    expect(failureLine(await on(library, "undo", "--to", "x"), USAGE)).toContain('"x" is no state');
    expect(failureLine(await on(library, "undo", "--to", "0".repeat(40)), STATE)).toContain("keepsake history");
  });

  it("draws the same picture after an undo as before the change", async () => {
    const library = copy();
    const draw = async (file: string) => {
      succeeded(await keepsakeHere(generate(library, "a <dog>", inFolder(file))));
      return readFileSync(inFolder(file));
    };
    const both = await draw("both.png");
    succeeded(await on(library, "undo"));
    expect(await draw("dog.png")).not.toEqual(both);
    succeeded(await on(library, "redo"));
    expect(await draw("both again.png")).toEqual(both);
  });

  it("changes how many states are kept", async () => {
    const library = copy();
    expect(await json(library, "history", "--keep", "1")).toMatchObject({
      keep: 1,
      states: [{}, { concepts: ["dog"] }],
    });
    const { stdout } = succeeded(await on(library, "history", "--keep", "0"));
    expect(stdout).toContain("at most 0.\nDeleted 1 state.\n");
    expect(succeeded(await on(library, "history", "--keep", "0")).stdout).not.toContain("Deleted");
    expect(failureLine(await on(library, "undo"), STATE)).toContain("keeps no earlier state");
  });
});

describe("keepsake forget", () => {
  it("says what went, what can bring it back, and what the adapter still holds", async () => {
    const library = copy();
    expect(succeeded(await on(library, "forget", "mug")).stdout).toBe(
      "Forgot <mug>. 1 other state still holds it and can bring it back (undo); --purge deletes such states.\n" +
        "The adapter, which all concepts share, was trained on it and keeps traces of it.\n",
    );
    const again = failureLine(await on(library, "forget", "mug"), STATE);
    expect(again).toContain('does not know "mug"; another state that is kept does: add --purge to delete it');
    const purged = succeeded(await on(library, "forget", "<mug>", "--purge")).stdout;
    expect(purged).toContain("1 other state deleted");
    expect(purged).toContain("preview sheets that you had written elsewhere (--previews, -o), may still show it");
    expect(failureLine(await on(library, "forget", "mug", "--purge"), STATE)).toContain('it knows "dog"');
    const file = inFolder("forgotten.png");
    expect(succeeded(await keepsakeHere(generate(library, "<dog> <mug>", file))).stderr).toContain(
      "does not know <mug>",
    );
    expect(await json(library, "forget", "dog", "--purge")).toEqual({
      ...{ name: "dog", forgot: "concept", heldBy: 0, purged: 1, remains: "nothing" },
    });
    expect(failureLine(await on(library, "forget", "../x"), USAGE)).toContain("cannot be the name of a concept");
  });

  it("says of a name that was forgotten which concept had it before", async () => {
    const library = copy();
    for (const [from, to] of [
      ["dog", "cup"],
      ["mug", "dog"],
    ])
      succeeded(await on(library, "rename", from, to));
    succeeded(await on(library, "forget", "dog"));
    const { stdout } = succeeded(await on(library, "forget", "dog", "--purge"));
    expect(stdout).toContain("\nIt was an old name of <cup>, too, which the library still knows.\n");
    expect(stdout).toContain("Pictures of it");
  });

  it("says before what a purge takes", async () => {
    const { stdout } = succeeded(await keepsakeHere(["forget", "--help"]));
    expect(stdout).toContain("every name that it had");
    expect(stdout).toContain("nothing tells one beginning from another, all of them go");
  });

  it("says what an old name has become, and when only the history has it", async () => {
    const library = copy();
    succeeded(await on(library, "rename", "mug", "cup"));
    expect(failureLine(await on(library, "forget", "mug"), STATE)).toContain('it is called "cup" now: add --purge');
    const old = succeeded(await on(library, "forget", "mug", "--purge")).stdout;
    expect(old).toContain("The current state did not know <mug>; 1 other state deleted.\n");
    expect(old).toContain("That was an old name: the library still knows it as <cup>.\n");
    expect(old).not.toContain("Pictures of it");
    succeeded(await on(library, "forget", "cup"));
    succeeded(await on(library, "history", "--keep", "0"));
    expect(succeeded(await on(library, "forget", "cup", "--purge")).stdout).toContain(
      "No state that is kept knew <cup>; the name is deleted from the history.\n",
    );
  });
});

describe("keepsake verify", () => {
  it("says that a library is whole, also one that a killed process left something in", async () => {
    const library = copy();
    expect(succeeded(await on(library, "verify")).stdout).toBe(`${library} is whole: 4 files checked.\n`);
    const left = join(library, ".keepsake-0123456789abcdef.tmp");
    writeFileSync(left, "half");
    const { stdout } = succeeded(await on(library, "verify"));
    expect(stdout).toContain(`leftover: ${left}: a write that was cut off\n`);
  });

  it("names each damaged file in one line, with exit code 5, also as JSON", async () => {
    const library = copy();
    const [dog, mug] = (await Library.open(library)).concepts.map(({ embedding }) =>
      join(library, "blobs", `${embedding}.safetensors`),
    );
    truncateSync(dog, 100);
    rmSync(mug);
    const { code, stdout, stderr } = await on(library, "verify");
    expect(code).toBe(STATE);
    expect(stdout.trimEnd().split("\n")).toEqual([
      `${dog}: the file has been changed or damaged; restore the library from a backup`,
      `${mug}: this part of the library is missing; restore the library from a backup`,
    ]);
    expect(stderr).toBe(
      `error: ${library} is damaged: 2 faults; restore it from a backup, or undo to a whole state.\n`,
    );
    const asJson = await on(library, "verify", "--json");
    expect(asJson.code).toBe(STATE);
    expect(JSON.parse(asJson.stdout)).toMatchObject({ faults: [{ file: dog }, { file: mug }], leftovers: [] });
  });

  it("reports a damaged manifest in the same way", async () => {
    const library = copy();
    truncateSync(join(library, "library.json"), 100);
    const { code, stdout } = await on(library, "verify");
    expect(code).toBe(STATE);
    expect(stdout).toContain(`${join(library, "library.json")}: the manifest is damaged`);
  });

  it("says when shapes could not be compared with the model", async () => {
    const library = copy();
    const path = join(library, "library.json");
    writeFileSync(path, readFileSync(path, "utf8").replace(MODEL, "/nowhere"));
    expect(succeeded(await on(library, "verify")).stdout).toContain("The model cannot be read where the library says");
  });
});
