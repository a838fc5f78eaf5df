import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Library } from "../../src/library/library.ts";
import { newLora } from "../../src/adapters/new-adapter.ts";
import { libraryHistory } from "../../src/library/history.ts";
import { undo } from "../../src/library/undo.ts";
import { verifyLibrary } from "../keepsake/one-shot.ts";
import { DEFAULT_TRAINING } from "../../src/learning/learn-settings.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { KeepsakeError } from "../../src/errors.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { MODEL, treeOf } from "../keepsake/support.ts";

const inFolder = temporaryFolder();
const WIDTH = 32;
const adapter = { rank: 2, loraAlpha: 2, targets: "crossattn-kv" };

let pipeline: StableDiffusionPipeline;
let library: Library;
let copies = 0;

beforeAll(async () => {
  pipeline = await StableDiffusionPipeline.load(MODEL);
  // No earlier states: what is kept of them is tested elsewhere.
  library = await add(
    await add(Library.blank(inFolder("original"), { folder: MODEL, fingerprint: "f" }, 0), "dog"),
    "mug",
  );
});

function add(to: Library, name: string, fill = name.length): Promise<Library> {
  const training = { ...DEFAULT_TRAINING, resolution: 64 };
  const lora = newLora(pipeline, adapter, to.concepts.length);
  const vectors = new Float32Array(2 * WIDTH).fill(fill);
  const embedding = { token: `<${name}>`, vectors, count: 2, width: WIDTH };
  return to.addConcept(lora, adapter, { name, classNoun: "thing", vectors: 2, training }, embedding);
}

/** A copy of the library whose manifest has been changed as text. */
function edited(...changes: [string | RegExp, string][]): string {
  const folder = inFolder(`copy ${copies++}`);
  cpSync(library.folder, folder, { recursive: true });
  const path = join(folder, "library.json");
  const before = readFileSync(path, "utf8");
  const after = changes.reduce((text, [from, to]) => text.replace(from, () => to), before);
  expect(after, "the edit").not.toBe(before);
  writeFileSync(path, after);
  return folder;
}

async function openAll(folder: string): Promise<void> {
  const opened = await Library.open(folder);
  await opened.embeddings();
  await opened.adapter(pipeline);
}

describe("Library", () => {
  it("gives back what was put in, and keeps one adapter and each token's numbers in files named by their hashes", async () => {
    const opened = await Library.open(library.folder);
    expect(opened.manifest).toEqual(library.manifest);
    expect(opened.stateId).toBe(library.stateId);
    expect((await opened.adapter(pipeline))?.parameters).toEqual(newLora(pipeline, adapter, 1).parameters);
    expect((await opened.embeddings()).map(({ token, count, width }) => [token, count, width])).toEqual([
      ["<dog>", 2, WIDTH],
      ["<mug>", 2, WIDTH],
    ]);
    const tree = Object.entries(treeOf(library.folder) ?? {}).filter(([name]) => name.startsWith("blobs/"));
    // Both tokens hold the same numbers here, so there are two blobs: theirs, and the adapter after the second concept.
    expect(tree).toHaveLength(2);
    for (const [name, hash] of tree) expect(name).toBe(`blobs/${hash}.safetensors`);
  });

  it("is another state after each concept, and the same with its model elsewhere", async () => {
    const more = await add(await Library.open(edited([MODEL, "/elsewhere"])), "cup", 7);
    expect(more.stateId).not.toBe(library.stateId);
    expect(library.withModel("/elsewhere").stateId).toBe(library.stateId);
    expect(Library.blank("a", { folder: "a", fingerprint: "f" }).stateId).toBe(
      Library.blank("b", { folder: "b", fingerprint: "f" }).stateId,
    );
    expect(Library.blank("a", { folder: "a", fingerprint: "f" }).stateId).not.toBe(
      Library.blank("a", { folder: "a", fingerprint: "g" }).stateId,
    );
  });

  it("prunes what the current state does not need, and no folders", async () => {
    const folder = edited([MODEL, "/elsewhere"]);
    const before = treeOf(folder);
    writeFileSync(join(folder, "blobs", `${"0".repeat(64)}.safetensors`), "of an earlier state");
    writeFileSync(join(folder, "blobs", ".keepsake-0123456789abcdef.tmp"), "half-written");
    await (await Library.open(folder)).prune();
    expect(treeOf(folder)).toEqual(before);
    mkdirSync(join(folder, "blobs", "mine"));
    await (await Library.open(folder)).prune();
    expect(readdirSync(join(folder, "blobs"))).toContain("mine");
  });

  it("is nothing where there is none, and says so if there has to be one", async () => {
    expect(await Library.openIfExists(inFolder("none"))).toBeUndefined();
    const { kind, message } = await failure(Library.open(inFolder("none")));
    expect(kind).toBe("state");
    expect(message).toContain(`${inFolder("none")}: no library here yet`);
  });

  it("of the first version opens as it was, and keeps earlier states from the next change on", async () => {
    const old = edited(
      ['"version": 3', '"version": 1'],
      [/ {2}"keep": 0,\n {2}"change": [^}]*},\n/, ""],
      [/,\n {2}"earlier": \[\],\n {2}"later": \[\],\n {2}"aside": \[\]/, ""],
    );
    const before = treeOf(old);
    const opened = await Library.open(old);
    expect(opened.stateId).toBe(library.stateId);
    expect(opened.manifest).toEqual({ ...library.manifest, keep: 3 });
    await openAll(old);
    expect((await verifyLibrary(old)).faults).toEqual([]);
    const history = await libraryHistory(old);
    expect(history.states).toEqual([
      {
        ...{ id: library.stateId, change: { kind: "learned", concept: "mug" } },
        ...{ concepts: ["dog", "mug"], presentNames: ["dog", "mug"] },
      },
    ]);
    expect(history.bytes.earlier).toBe(0);
    expect(treeOf(old)).toEqual(before);
    await add(opened, "cup", 9);
    await undo({ library: old });
    expect((await Library.open(old)).stateId).toBe(library.stateId);
    await openAll(old);
  });

  const hash = /"embedding": "[0-9a-f]{64}"/;
  it.each<{ fault: string; changes: [string | RegExp, string][]; words: string }>([
    { fault: "half a manifest", changes: [[/"concepts"[^]*/, ""]], words: "is damaged (it is not valid JSON" },
    { fault: "an empty manifest", changes: [[/[^]*/, ""]], words: "is damaged (it is empty: it should hold JSON)" },
    { fault: "another JSON file", changes: [[/[^]*/, "[1]"]], words: "not the manifest of a Keepsake library" },
    { fault: "another format", changes: [["keepsake-library", "x"]], words: "not the manifest of a Keepsake library" },
    { fault: "a future version", changes: [['"version": 3', '"version": 4']], words: "update Keepsake" },
    { fault: "no version", changes: [['"version": 3,', ""]], words: "the version is missing" },
    {
      fault: "a version of the wrong type",
      changes: [['"version": 3', '"version": "3"']],
      words: "version is missing",
    },
    { fault: "no earlier states", changes: [['"earlier"', '"x"']], words: "missing or have impossible values" },
    { fault: "half a state to keep", changes: [['"keep": 0', '"keep": 0.5']], words: "impossible values" },
    { fault: "an unknown change", changes: [['"learned"', '"bought"']], words: "impossible values" },
    { fault: "a change of a path", changes: [['"concept": "mug"', '"concept": "../x"']], words: "impossible values" },
    {
      fault: "an earlier state of nothing",
      changes: [['"earlier": []', '"earlier": [{}]']],
      words: "impossible values",
    },
    {
      fault: "a strategy of nothing",
      changes: [['"adapter"', '"strategy": {}, "adapter"']],
      words: "impossible values",
    },
    {
      fault: "a memory that is a path",
      changes: [['"adapter"', '"strategy": {"name": "a", "options": {}, "memory": "../x"}, "adapter"']],
      words: "impossible values",
    },
    {
      fault: "an option of a strategy that is no value",
      changes: [['"adapter"', '"strategy": {"name": "a", "options": {"b": []}}, "adapter"']],
      words: "impossible values",
    },
    { fault: "no concepts", changes: [['"concepts"', '"x"']], words: "missing or have impossible values" },
    {
      fault: "a prediction of no kind",
      changes: [['"fingerprint"', '"predictionType": "noise", "fingerprint"']],
      words: "missing or have impossible values",
    },
    {
      fault: "a VAE that is no path",
      changes: [['"fingerprint"', '"vae": 1, "fingerprint"']],
      words: "missing or have impossible values",
    },
    { fault: "no fingerprint", changes: [['"fingerprint"', '"x"']], words: "missing or have impossible values" },
    { fault: "concepts but no adapter", changes: [['"adapter"', '"x"']], words: "missing or have impossible values" },
    {
      fault: "two concepts of one name",
      changes: [
        ['"name": "mug"', '"name": "dog"'],
        ["<mug>", "<dog>"],
      ],
      words: "two concepts have the same name",
    },
    { fault: "a name that is a path", changes: [['"name": "dog"', '"name": "../x"']], words: "impossible values" },
    { fault: "a token of another name", changes: [["<dog>", "<cat>"]], words: "impossible values" },
    { fault: "no vectors", changes: [['"vectors": 2', '"vectors": 0']], words: "impossible values" },
    { fault: "half a vector", changes: [['"vectors": 2', '"vectors": 1.5']], words: "impossible values" },
    { fault: "a blob that is a path", changes: [[hash, '"embedding": "../../secret"']], words: "impossible values" },
    { fault: "an absolute blob", changes: [[hash, '"embedding": "/etc/passwd"']], words: "impossible values" },
    { fault: "an adapter blob that is a path", changes: [[/"blob": "/, '"blob": "../']], words: "impossible values" },
    { fault: "a missing blob", changes: [[hash, `"embedding": "${"a".repeat(64)}"`]], words: "is missing; restore" },
    {
      fault: "another number of vectors",
      changes: [['"vectors": 2', '"vectors": 3']],
      words: "3 vectors, but its blob 2",
    },
    { fault: "another rank", changes: [['"rank": 2', '"rank": 4']], words: "rank 4 and targets crossattn-kv need" },
    {
      fault: "a rank that no memory holds",
      changes: [['"rank": 2', '"rank": 60000']],
      words: "rank 60000 and targets",
    },
    { fault: "a rank of a billion", changes: [['"rank": 2', '"rank": 1000000000']], words: "impossible values" },
    { fault: "a billion vectors", changes: [['"vectors": 2', '"vectors": 1000000000']], words: "impossible values" },
    { fault: "an infinite alpha", changes: [['"loraAlpha": 2', '"loraAlpha": 1e999']], words: "impossible values" },
    {
      fault: "a resolution of a billion",
      changes: [['"resolution": 64', '"resolution": 1000000000']],
      words: "impossible values",
    },
    ...[
      ['"batchSize": 1', '"batchSize": 65536'],
      ['"steps": 400', '"steps": 1000000000'],
      [/"learningRate": [^,]*/, '"learningRate": "x"'],
      [/"tokenLearningRate": [^,]*/, '"tokenLearningRate": -1'],
      ['"lrScheduler": "constant"', '"lrScheduler": "foo"'],
      [/"weightDecay": [^,]*/, '"weightDecay": "x"'],
      ['"maxGradNorm": 1', '"maxGradNorm": -1'],
      ...["-1", "1.5", "true", '"abc"'].map((seed) => ['"seed": 0', `"seed": ${seed}`]),
      ['"loraAlpha": 2', '"loraAlpha": 1e308'],
    ].map(([from, to]) => ({
      fault: `the setting ${String(to)}`,
      changes: [[from, String(to)]] satisfies [string | RegExp, string][],
      words: "impossible values",
    })),
    {
      fault: "a batch of a billion",
      changes: [['"batchSize": 1', '"batchSize": 1000000000']],
      words: "impossible values",
    },
    {
      fault: "a class noun of a megabyte",
      changes: [['"classNoun": "thing"', `"classNoun": "${"x".repeat(1e6)}"`]],
      words: "impossible values",
    },
    {
      fault: "settings nested 100,000 deep",
      changes: [['"steps": 400', `"steps": 400, "x": ${"[".repeat(1e5)}${"]".repeat(1e5)}`]],
      words: "it is nested more than 100 levels deep",
    },
    {
      fault: "a manifest nested 100,000 deep",
      changes: [['"version": 3', `"version": 3, "x": ${"[".repeat(1e5)}${"]".repeat(1e5)}`]],
      words: "it is nested more than 100 levels deep",
    },
    { fault: "no later states", changes: [['"later"', '"x"']], words: "missing or have impossible values" },
    { fault: "unknown targets", changes: [["crossattn-kv", "to_x"]], words: "to_x" },
  ])("says in one line what is wrong with $fault", async ({ changes, words }) => {
    const folder = edited(...changes);
    const before = treeOf(folder);
    const { message } = await failure(openAll(folder));
    expect(message).toContain(words);
    expect(message).not.toContain("\n");
    expect(message.length).toBeLessThan(1000);
    expect(treeOf(folder)).toEqual(before);
  });

  it("finds any flipped bit in any blob, and any truncated one", async () => {
    for (const name of readdirSync(join(library.folder, "blobs"))) {
      const bytes = readFileSync(join(library.folder, "blobs", name));
      const flipped = [0, 9, bytes.length >> 1, bytes.length - 1].map((position) => {
        const copy = Buffer.from(bytes);
        copy[position] ^= 1 << (position % 8);
        return copy;
      });
      for (const damaged of [...flipped, bytes.subarray(0, -4), Buffer.alloc(0)]) {
        const folder = edited([MODEL, "/elsewhere"]);
        writeFileSync(join(folder, "blobs", name), damaged);
        const error = await failure(openAll(folder));
        expect(error.kind).toBe("state");
        expect(error.message).toContain(name);
        expect(error.message).toContain("changed or damaged");
        rmSync(folder, { recursive: true });
      }
    }
  });

  it("never opens in another state than the one before or the one after a change that was cut off", async () => {
    // A crash between any two writes leaves one of these: new blobs and the old manifest, or the new manifest and old
    // blobs.
    const folder = edited([MODEL, "/elsewhere"]);
    const old = await Library.open(folder);
    const oldBlobs = readdirSync(join(folder, "blobs"));
    const keep = inFolder("old blobs");
    cpSync(join(folder, "blobs"), keep, { recursive: true });
    const oldManifest = readFileSync(join(folder, "library.json"));
    const changed = await add(old, "cup", 9);
    const newManifest = readFileSync(join(folder, "library.json"));
    cpSync(keep, join(folder, "blobs"), { recursive: true });
    for (const [manifest, state] of [
      [oldManifest, old],
      [newManifest, changed],
    ] as const) {
      writeFileSync(join(folder, "library.json"), manifest);
      await openAll(folder);
      expect((await Library.open(folder)).stateId).toBe(state.stateId);
    }
    await changed.prune();
    expect(readdirSync(join(folder, "blobs"))).not.toEqual(expect.arrayContaining(oldBlobs));
    await openAll(folder);
  });

  it("throws nothing but errors for people", async () => {
    await expect(openAll(edited(["{", "\u001b"]))).rejects.toThrow(KeepsakeError);
  });
});
