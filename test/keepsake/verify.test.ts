import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { Library } from "../../src/library/library.ts";
import { lockFolder } from "../../src/library/lock/lock.ts";
import { undo } from "../../src/library/undo.ts";
import { verifyLibrary } from "./one-shot.ts";
import { sha256 } from "../../src/io/hash.ts";
import { SafetensorsFile } from "../../src/io/safetensors/safetensors.ts";
import { serializeSafetensors } from "../io/safetensors/serialize-safetensors.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { addConcept, emptyLibrary, WIDTH } from "../library/support.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
let original: string;
let copies = 0;

beforeAll(async () => {
  original = inFolder("original");
  await emptyLibrary(original);
  const memory = new Map([["fisher", { shape: [3], data: Float32Array.of(1, 2, 3) }]]);
  await addConcept(original, "dog", { seed: 1, memory });
  await addConcept(original, "mug", { seed: 2, memory });
});

function copy(): string {
  const folder = inFolder(`copy ${copies++}`);
  cpSync(original, folder, { recursive: true });
  return folder;
}

const blobPath = (folder: string, name: string | undefined) => join(folder, "blobs", `${name ?? ""}.safetensors`);

/** Puts another blob in the place of one that a library needs, in file and manifest. */
async function exchange(
  folder: string,
  blob: (library: Library) => string | undefined,
  tensor: { name: string; shape: number[]; data: Float32Array },
): Promise<string> {
  const old = blob(await Library.open(folder)) ?? "";
  const bytes = serializeSafetensors(new Map([[tensor.name, tensor]]));
  const name = sha256(bytes);
  writeFileSync(blobPath(folder, name), bytes);
  rmSync(blobPath(folder, old));
  const path = join(folder, "library.json");
  writeFileSync(path, readFileSync(path, "utf8").replaceAll(old, name));
  return blobPath(folder, name);
}

/** Root may list every folder: for it, as somebody else. */
async function withoutRoot<T>(use: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return use();
  process.seteuid?.("nobody");
  try {
    return await use();
  } finally {
    process.seteuid?.(0);
  }
}

describe("verifyLibrary", () => {
  it("finds nothing in a library that is whole, changes nothing, and counts every blob of every state", async () => {
    const before = treeOf(original);
    const blobs = readdirSync(join(original, "blobs")).length;
    expect(await verifyLibrary(original)).toEqual({ faults: [], leftovers: [], foreign: [], model: "checked", blobs });
    expect(treeOf(original)).toEqual(before);
  });

  it("reads the numbers of a blob once, however many states share it", async () => {
    const folder = copy();
    const path = join(folder, "library.json");
    const { manifest } = await Library.open(folder);
    const earlier = new Array<unknown>(50).fill(manifest.earlier[0]);
    writeFileSync(path, JSON.stringify({ ...manifest, keep: 50, earlier }));
    const read = vi.spyOn(SafetensorsFile.prototype, "readFloat32");
    try {
      const { faults, blobs } = await verifyLibrary(folder);
      expect(faults).toEqual([]);
      expect(read).toHaveBeenCalledTimes(blobs);
    } finally {
      read.mockRestore();
    }
  });

  it("says that a folder may not be listed, and looks at the rest", async () => {
    const folder = copy();
    chmodSync(inFolder(), 0o711);
    for (const name of ["library.json", ...readdirSync(join(folder, "blobs")).map((name) => join("blobs", name))]) {
      chmodSync(join(folder, name), 0o644);
    }
    chmodSync(join(folder, "blobs"), 0o755);
    chmodSync(folder, 0o311);
    try {
      const fault = `Cannot read ${folder}: permission denied`;
      expect((await withoutRoot(() => verifyLibrary(folder))).faults).toEqual([{ file: folder, fault }]);
    } finally {
      chmodSync(folder, 0o711);
    }
  });

  it("finds each file that is missing, truncated, empty or has one flipped bit, and no other", async () => {
    for (const name of readdirSync(join(original, "blobs"))) {
      const file = join(original, "blobs", name);
      const bytes = readFileSync(file);
      const flipped = Buffer.from(bytes);
      flipped[bytes.length - 1] ^= 1;
      for (const content of [flipped, bytes.subarray(0, -1), Buffer.alloc(0), undefined]) {
        const folder = copy();
        const damaged = join(folder, "blobs", name);
        if (content === undefined) rmSync(damaged);
        else writeFileSync(damaged, content);
        const { faults } = await verifyLibrary(folder);
        expect(faults.map(({ file: at }) => at)).toEqual([damaged]);
        expect(faults[0].fault).toMatch(content === undefined ? /is missing/ : /has been changed or damaged/);
        rmSync(folder, { recursive: true });
      }
    }
  });

  it("finds a folder in the place of a file", async () => {
    const folder = copy();
    const path = blobPath(folder, (await Library.open(folder)).concepts[0].embedding);
    rmSync(path);
    mkdirSync(path);
    const { faults } = await verifyLibrary(folder);
    expect(faults).toHaveLength(1);
    expect(faults[0].fault).toContain(path);
  });

  it("says what is wrong with a manifest", async () => {
    const folder = copy();
    const file = join(folder, "library.json");
    truncateSync(file, 200);
    const { faults } = await verifyLibrary(folder);
    const fault =
      /^the manifest is damaged \(it is not valid JSON[^)]*(\([^)]*\))?\); restore the library from a backup$/;
    expect(faults).toEqual([{ file, fault: expect.stringMatching(fault) as string }]);
  });

  it("is an error where there is no library", async () => {
    const { kind, message } = await failure(verifyLibrary(inFolder("nowhere")));
    expect(kind).toBe("state");
    expect(message).toContain("no library here yet");
  });

  it.each([
    { what: "an adapter of another size", name: "lora", shape: [7], words: "has shape [7], but rank 2 and targets" },
    { what: "an adapter of another rank", name: "lora", shape: [7, 1], words: "has shape [7, 1]" },
    { what: "an adapter of another name", name: "x", shape: [7], words: 'has no tensor "lora"' },
  ])("finds $what", async ({ name, shape, words }) => {
    const folder = copy();
    const tensor = { name, shape, data: new Float32Array(7) };
    const file = await exchange(folder, ({ manifest }) => manifest.adapter?.blob, tensor);
    const { faults } = await verifyLibrary(folder);
    expect(faults.map((fault) => fault.file)).toEqual([file]);
    expect(faults[0].fault).toContain(words);
  });

  it.each([
    { what: "of more vectors", shape: [2, WIDTH], words: `[2, ${WIDTH}], but it should have [1, ${WIDTH}]` },
    { what: "of another width", shape: [1, 4], words: `[1, 4], but it should have [1, ${WIDTH}]` },
    { what: "that is a scalar", shape: [], words: "has shape []" },
  ])("finds an embedding $what", async ({ shape, words }) => {
    const folder = copy();
    const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
    const tensor = { name: "embedding", shape, data };
    const file = await exchange(folder, ({ concepts }) => concepts[0].embedding, tensor);
    const { faults } = await verifyLibrary(folder);
    expect(faults.map((fault) => fault.file)).toEqual([file]);
    expect(faults[0].fault).toContain(`the embedding of "dog" has shape`);
    expect(faults[0].fault).toContain(words);
  });

  it("finds numbers that are not finite, also in what the strategy keeps", async () => {
    const folder = copy();
    const tensor = { name: "fisher", shape: [2], data: Float32Array.of(1, Infinity) };
    const file = await exchange(folder, ({ manifest }) => manifest.strategy?.memory, tensor);
    expect((await verifyLibrary(folder)).faults).toEqual([{ file, fault: "fisher holds numbers that are not finite" }]);
  });

  it("says that a model is gone or another, which is no fault of the library", async () => {
    const folder = copy();
    const path = join(folder, "library.json");
    const manifest = readFileSync(path, "utf8");
    writeFileSync(path, manifest.replace(MODEL, "/nowhere"));
    expect(await verifyLibrary(folder)).toMatchObject({ faults: [], model: "unreadable" });
    writeFileSync(path, manifest.replace(/"fingerprint": "../, '"fingerprint": "zz'));
    expect(await verifyLibrary(folder)).toMatchObject({ faults: [], model: "another" });
  });

  it("points out what killed processes left, which the next change clears away", async () => {
    const folder = copy();
    const dead = `0123456789abcdef\n999999999\n${hostname()}\nlearning old`;
    const left = [
      ["lock", dead],
      [".keepsake-0123456789abcdef.tmp", "half"],
      ["lock.0123456789abcdef.tmp", dead],
      [join("blobs", ".keepsake-0123456789abcdef.tmp"), "half"],
      [join("blobs", `${"0".repeat(64)}.safetensors`), "of a state that never came to be"],
    ];
    for (const [name, content] of left) writeFileSync(join(folder, name), content);
    const theirs = [join(folder, "notes.txt"), join(folder, "blobs", "0123abcd"), join(folder, "blobs", "notes.txt")];
    for (const file of theirs) writeFileSync(file, "mine");
    writeFileSync(join(folder, ".DS_Store"), "the system's");
    const { faults, leftovers, foreign } = await verifyLibrary(folder);
    expect(faults).toEqual([]);
    expect(foreign.map(({ file }) => file)).toEqual(theirs);
    expect(leftovers.map(({ file }) => file).sort()).toEqual(left.map(([name]) => join(folder, name)).sort());
    await undo({ library: folder });
    expect((await verifyLibrary(folder)).leftovers).toEqual([]);
    for (const file of theirs) expect(readFileSync(file, "utf8")).toBe("mine");
  });

  it("reports pipes and links in the place of files, and does not wait for them", async () => {
    const [blob] = readdirSync(join(original, "blobs"));
    for (const place of ["lock", join("blobs", blob)]) {
      const folder = copy();
      rmSync(join(folder, place), { force: true });
      execFileSync("mkfifo", [join(folder, place)]);
      const { faults } = await verifyLibrary(folder);
      expect(faults.map(({ file }) => file)).toEqual([join(folder, place)]);
    }
    const folder = copy();
    renameSync(join(folder, "blobs"), inFolder("elsewhere"));
    symlinkSync(inFolder("elsewhere"), join(folder, "blobs"));
    const { faults } = await verifyLibrary(folder);
    expect(faults).toMatchObject([{ file: join(folder, "blobs"), fault: expect.stringContaining("a link") as string }]);
  });

  it("takes nothing for a leftover while somebody is at work", async () => {
    const folder = copy();
    writeFileSync(join(folder, ".keepsake-0123456789abcdef.tmp"), "half");
    const unlock = await lockFolder(folder, "learning cup");
    expect((await verifyLibrary(folder)).leftovers).toEqual([]);
    await unlock();
    expect((await verifyLibrary(folder)).leftovers).toHaveLength(1);
  });

  it("looks at an unfinished run, and finds out when it is damaged", async () => {
    const folder = inFolder("unfinished");
    const controller = new AbortController();
    const photos = [await writePhotos(inFolder("photos"), "dog")];
    const onProgress = ({ kind }: { kind: string }) => {
      if (kind === "step") controller.abort();
    };
    await learnQuickly({ library: folder, name: "dog", photos, signal: controller.signal, onProgress });
    expect(await verifyLibrary(folder)).toMatchObject({ faults: [], unfinishedRun: { concept: "dog", step: 1 } });
    const file = join(folder, "run.safetensors");
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(file, bytes);
    const { faults, unfinishedRun } = await verifyLibrary(folder);
    expect(unfinishedRun).toBeUndefined();
    expect(faults.map((fault) => fault.file)).toEqual([file]);
    expect(faults[0].fault).toContain("the saved state of an unfinished run is damaged");
  });
});
