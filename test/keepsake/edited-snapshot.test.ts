import { cpSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../src/io/hash.ts";
import { SafetensorsFile, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { listConcepts } from "../../src/library/history.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, treeOf, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
/** Each holds a run that was stopped at step 2 of 4, of a strategy. */
const libraries = { plain: "sequential", taught: "dsc" } as const;
let photos: string[];

interface Content {
  readonly metadata: Map<string, string>;
  readonly tensors: Map<string, Float32Array>;
}

async function learn(library: string, strategy: string, stopAt?: number): Promise<void> {
  const controller = new AbortController();
  await learnQuickly({
    ...{ library, name: "mug", photos, strategy, signal: controller.signal },
    onProgress: (progress) => {
      if (progress.kind === "step" && progress.step === stopAt) controller.abort();
    },
  });
}

/** A copy whose snapshot is changed as a person might, checksum included. */
async function edited(library: string, name: string, edit: (content: Content) => void): Promise<string> {
  const folder = inFolder(`${library}, ${name}`);
  cpSync(inFolder(library), folder, { recursive: true });
  const path = join(folder, "run.safetensors");
  const file = await SafetensorsFile.open(path);
  const content: Content = { metadata: new Map(file.metadata), tensors: new Map() };
  for (const tensor of file.tensors.keys()) content.tensors.set(tensor, await file.readFloat32(tensor));
  edit(content);
  const { metadata, tensors } = content;
  const sums = [...tensors]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([tensor, data]) => [tensor, sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))]);
  const counters = ["step", "optimizerStep", "evaluations"].map((counter) => metadata.get(counter));
  metadata.set("checksum", sha256(JSON.stringify([...counters, sums])));
  const shaped = [...tensors].map(([tensor, data]) => [tensor, { shape: [data.length], data }] as const);
  await writeSafetensors(path, new Map(shaped), metadata);
  return folder;
}

beforeAll(async () => {
  photos = [await writePhotos(inFolder("photos"), "mug")];
  await learn(inFolder("plain"), libraries.plain, 2);
  await learn(inFolder("taught"), libraries.taught, 6);
});

const setting = (key: string, value: string) => ({
  what: `${key} ${value}`,
  edit: ({ metadata }: Content) => void metadata.set(key, value),
});

const renamed = (from: string, to: string) => ({
  what: `${from} as ${to}`,
  edit: ({ tensors }: Content) => {
    tensors.set(to, tensors.get(from) ?? new Float32Array(1));
    tensors.delete(from);
  },
});

const filled = (name: string, change: (values: Float32Array) => Float32Array, what: string) => ({
  what: `${name} ${what}`,
  edit: ({ tensors }: Content) => void tensors.set(name, change(tensors.get(name) ?? new Float32Array(0))),
});

const shorter = (values: Float32Array) => values.slice(1);

describe("a saved state that was edited, checksum included,", () => {
  it("goes on if nothing was changed", async () => {
    const folder = await edited("plain", "nothing", () => undefined);
    await learn(folder, libraries.plain);
    const straight = inFolder("straight");
    await learn(straight, libraries.plain);
    expect(treeOf(folder)).toEqual(treeOf(straight));
  });

  it.each([
    ...["x", "", "-5", "1e0", "3", "1000000000"].map((value) => setting("step", value)),
    {
      // Nothing would be left to do but to call the concept learned.
      what: "step 4 of 4",
      edit: ({ metadata }: Content) => void metadata.set("step", "4").set("optimizerStep", "4"),
    },
    ...["x", "-3", "1", "9"].map((value) => setting("optimizerStep", value)),
    ...["{", "[]", "5", '{"learn":{"forward":-1,"forwardBackward":0}}'].map((value) => setting("evaluations", value)),
    ...["0", "x"].map((value) => setting("vectors", value)),
    renamed("lora.expAvg", "lora.exp"),
    renamed("lora", "kept.lora"),
    filled("lora", shorter, "too short"),
    filled("embedding", shorter, "too short"),
    filled("embedding.expAvg", shorter, "too short"),
    filled("embedding", (values) => values.map(() => NaN), "without numbers"),
    filled("lora.expAvgSq", (values) => values.map(() => -1), "below 0"),
    filled("kept.fisher", () => new Float32Array(3), "out of place"),
  ])("is damaged: $what", async ({ what, edit }) => {
    const folder = await edited("plain", what, edit);
    const before = treeOf(folder);
    const { kind, message } = await failure(learn(folder, libraries.plain));
    expect(kind).toBe("state");
    expect(message).toContain(`${join(folder, "run.safetensors")}: the saved state of an unfinished run is damaged`);
    expect(message).toContain("add --restart");
    expect(treeOf(folder)).toEqual(before);
    await listConcepts(folder);
  });

  it.each([
    setting("optimizerStep", "4"),
    renamed("kept.teacher.lora", "kept.teacher"),
    filled("kept.teacher.embedding", shorter, "too short"),
  ])("of a later phase is damaged: $what", async ({ what, edit }) => {
    const folder = await edited("taught", what, edit);
    expect((await failure(learn(folder, libraries.taught))).message).toContain("is damaged; add --restart");
  });
});
