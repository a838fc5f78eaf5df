import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { LearnRequest } from "../../src/keepsake/learn-and-preview.ts";
import { initLibrary } from "../keepsake/one-shot.ts";
import { forgetConcept } from "../../src/library/forget.ts";
import { keepStates } from "../../src/library/history.ts";
import { lockLibrary } from "../../src/library/library-folder.ts";
import { failCalls } from "../io/failing-disk.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "../keepsake/support.ts";
import { addConcept, emptyLibrary } from "./support.ts";

const inFolder = temporaryFolder();
const newFolder = () => mkdtempSync(inFolder("library-"));
const blob = `${"0".repeat(64)}.safetensors`;
const temporary = ".keepsake-0123456789abcdef.tmp";
let photos: string[];

beforeAll(async () => {
  photos = [await writePhotos(inFolder("photos"), "dog")];
});

/** Files by name, in a new folder. */
function folderWith(...files: string[]): string {
  const folder = newFolder();
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), file.endsWith("lock") ? "" : "mine");
  }
  return folder;
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

/** Permissions of everything in a folder, and of the folder itself. */
function modesIn(folder: string): Record<string, string> {
  const names = ["", ...Object.keys(treeOf(folder) ?? {})];
  return Object.fromEntries(names.map((name) => [name.replace(/[0-9a-f]{64}/, "hash"), modeOf(join(folder, name))]));
}

describe("a folder that holds something else", () => {
  const folders: [string, string[]][] = [
    ["a file", ["notes.txt"]],
    ["a hidden file", [".gitignore"]],
    ["a folder", ["photos/1.jpg"]],
    ["somebody's blobs", ["blobs/0123abcd", "refs/main"]],
    ["somebody's blobs alone", ["blobs/sha256-aa"]],
    ["blobs beside files of ours", [`blobs/${blob}`, "blobs/notes.txt", "lock"]],
    ["blobs whose manifest was lost", [`blobs/${blob}`]],
    ["other tensors", ["run.safetensors"]],
    ["a file beside a lock", ["lock", "notes.txt"]],
  ];

  it.each(folders)("(%s) does not become a library, and stays as it is", async (_, files) => {
    const folder = folderWith(...files);
    const before = treeOf(folder);
    const ways = [
      () => learnQuickly({ library: folder, name: "dog", photos, restart: true }),
      () => initLibrary({ library: folder, model: MODEL }),
      () => lockLibrary(folder, "learning dog"),
    ];
    for (const way of ways) {
      const { kind, message } = await failure(way());
      expect(kind).toBe("state");
      expect(message).toContain(`${folder} holds no library, but other files ("`);
      expect(message).toMatch(/; choose a new or an empty folder\.$/);
    }
    expect(treeOf(folder)).toEqual(before);
  });

  it("is not touched when it has a library.json of its own", async () => {
    const folder = folderWith("lock", temporary, "blobs/mine");
    writeFileSync(join(folder, "library.json"), "{}");
    const before = treeOf(folder);
    expect((await failure(initLibrary({ library: folder, model: MODEL }))).message).toContain("choose another folder");
    expect(treeOf(folder)).toEqual(before);
  });
});

describe("a folder without a library", () => {
  const folders: [string, string[]][] = [
    ["empty", []],
    ["with what systems leave in folders", [".DS_Store", "Thumbs.db", "desktop.ini", "._notes"]],
    ["with what a killed run left", ["lock", `blobs/${blob}`, `blobs/${temporary}`, temporary]],
  ];

  it.each(folders)("(%s) becomes one", async (_, files) => {
    const folder = folderWith(...files);
    await initLibrary({ library: folder, model: MODEL });
    const systems = files.filter((file) => !/^(lock|blobs|\.keepsake)/.test(file));
    expect(
      readdirSync(folder)
        .filter((name) => name !== "blobs")
        .sort(),
    ).toEqual([...systems, "library.json"].sort());
    await keepStates({ library: folder, keep: 1 });
    expect(readdirSync(folder)).not.toContain("blobs");
  });

  it("becomes one through a link to it", async () => {
    const library = inFolder("link");
    symlinkSync(newFolder(), library);
    await initLibrary({ library, model: MODEL });
    await addConcept(library, "dog");
    await forgetConcept({ library, name: "dog" });
  });

  it("goes on with a first run whose manifest could not be written", async () => {
    const library = inFolder("first run");
    const stop = new AbortController();
    const onProgress = ({ kind }: { kind: string }) => {
      if (kind === "step") stop.abort();
    };
    await learnQuickly({ library, name: "dog", photos, signal: stop.signal, onProgress });
    expect(modesIn(library)).toEqual({ "": "700", "library.json": "600", "run.safetensors": "600" });
    rmSync(join(library, "library.json"));
    expect(await learnQuickly({ library, name: "dog", photos })).toMatchObject({
      status: "learned",
      losses: { length: 3 },
    });
  });
});

describe("the files of a library", () => {
  it("are removed when no state needs them; files of others never, whatever is done", async () => {
    const folder = newFolder();
    await emptyLibrary(folder);
    await addConcept(folder, "dog");
    const theirs = ["0123abcd", "notes.txt", "A".repeat(64) + ".safetensors", `${"0".repeat(63)}.safetensors`, "x.tmp"];
    for (const name of theirs) writeFileSync(join(folder, "blobs", name), "mine");
    mkdirSync(join(folder, "blobs", `${"1".repeat(64)}.safetensors`));
    symlinkSync("/nonexistent", join(folder, "blobs", `${"2".repeat(64)}.safetensors`));
    for (const ours of [blob, temporary]) writeFileSync(join(folder, "blobs", ours), "");
    await forgetConcept({ library: folder, name: "dog", purge: true });
    const kept = [...theirs, `${"1".repeat(64)}.safetensors`, `${"2".repeat(64)}.safetensors`];
    expect(readdirSync(join(folder, "blobs")).sort()).toEqual(kept.sort());
  });

  it("are not looked for behind a link, or in what is no folder", async () => {
    const folder = newFolder();
    await emptyLibrary(folder);
    await addConcept(folder, "dog");
    const outside = inFolder("outside");
    renameSync(join(folder, "blobs"), outside);
    for (const name of ["thesis.docx", blob]) writeFileSync(join(outside, name), "mine");
    const before = treeOf(outside);
    const ways = [
      () => keepStates({ library: folder, keep: 0 }),
      () => forgetConcept({ library: folder, name: "dog" }),
      () => learnQuickly({ library: folder, name: "mug", photos }),
    ];
    const put = [
      () => { symlinkSync(outside, join(folder, "blobs")); },
      () => { writeFileSync(join(folder, "blobs"), "mine"); },
    ]; // oxfmt-ignore
    for (const [i, words] of ["a link", "no folder"].entries()) {
      put[i]();
      for (const way of ways) {
        const { kind, message } = await failure(way());
        expect(kind).toBe("state");
        expect(message).toContain(`${join(folder, "blobs")}: this is ${words}, and the library keeps its files there`);
      }
      rmSync(join(folder, "blobs"));
    }
    expect(treeOf(outside)).toEqual(before);
  });

  it.each([0, 0o022, 0o077, 0o277])("can be read by their owner alone, whatever the umask (%o)", async (umask) => {
    const before = process.umask(umask);
    try {
      for (const library of [inFolder(`made ${umask}`), newFolder()]) {
        const unlock = await lockLibrary(library, "learning dog");
        expect(modesIn(library)).toMatchObject({ "": "700", lock: expect.stringMatching(/^[64]00$/) as string });
        await unlock();
        await initLibrary({ library, model: MODEL });
        await addConcept(library, "dog");
        const blobs = { blobs: "700", "blobs/hash.safetensors": "600" };
        expect(modesIn(library)).toEqual({ "": "700", "library.json": "600", ...blobs });
      }
    } finally {
      process.umask(before);
    }
  });

  it("can be read by those to whom the owner has opened the folder", async () => {
    const folder = newFolder();
    await initLibrary({ library: folder, model: MODEL });
    chmodSync(folder, 0o750);
    await addConcept(folder, "dog");
    expect(modesIn(folder)).toMatchObject({
      "": "750",
      "library.json": "640",
      blobs: "750",
      "blobs/hash.safetensors": "640",
    });
  });
});

describe("a folder that is deleted while a concept is learned", () => {
  it.each([
    ["before a snapshot", 1],
    ["before the concept is added", 4],
  ])("is told as that (%s), and is not made again", async (_when, deletedAfter) => {
    const library = inFolder(`gone ${deletedAfter}`);
    const onProgress: LearnRequest["onProgress"] = (progress) => {
      if (progress.kind === "step" && progress.step === deletedAfter) rmSync(library, { recursive: true });
    };
    const { kind, message } = await failure(learnQuickly({ library, name: "dog", photos, onProgress }));
    expect(kind).toBe("state");
    expect(message).toBe(
      `${library} is gone: it was deleted or moved meanwhile, or its disk was; put it back and repeat the command.`,
    );
    expect(existsSync(library)).toBe(false);
  });
});

describe("a disk that fails in a run", () => {
  it("is what is told, and not that the lock could not be given back", async () => {
    const library = inFolder("run");
    const onProgress = ({ kind }: { kind: string }) => {
      if (kind === "photos") failCalls("EROFS", "open", "rm", "rename", "writeFile", "link");
    };
    const { kind, message } = await failure(learnQuickly({ library, name: "dog", photos, onProgress }));
    expect(kind).toBe("environment");
    expect(message).toContain(`Cannot write ${join(library, "run.safetensors")}: the disk is read-only`);
  });

  it("does not undo what was done: a lock that cannot be given back is that of a dead process soon", async () => {
    const folder = newFolder();
    const unlock = await lockLibrary(folder, "learning dog");
    failCalls("EROFS", "rm");
    await unlock();
    expect(readdirSync(folder)).toEqual(["lock"]);
  });

  it("is told with the file that could not be removed", async () => {
    const folder = newFolder();
    await emptyLibrary(folder);
    cpSync(folder, inFolder("copy"), { recursive: true });
    writeFileSync(join(folder, temporary), "");
    failCalls("EROFS", "rm");
    const { message } = await failure(lockLibrary(folder, "learning dog"));
    expect(message).toBe(`Cannot remove ${join(folder, temporary)}: the disk is read-only. Choose another folder.`);
    expect(readFileSync(join(folder, "library.json"))).toEqual(readFileSync(join(inFolder("copy"), "library.json")));
  });
});
