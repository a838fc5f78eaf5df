/**
 * @file Blobs and snapshots beyond 2 and 4 GiB, as the adapters of large models make them.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { newLora } from "../../src/adapters/new-adapter.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { SafetensorsFile } from "../../src/io/safetensors/safetensors.ts";
import { serializeSafetensors } from "../io/safetensors/serialize-safetensors.ts";
import { BlobStore } from "../../src/library/blobs.ts";
import { lockFolder } from "../../src/library/lock/lock.ts";
import { snapshotPath, writeSnapshot } from "../../src/library/run/run-snapshot.ts";
import { failCalls } from "../io/failing-disk.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { leaveLargeUntouched } from "../io/untouched.ts";
import { MODEL } from "../keepsake/support.ts";
import { ADAPTER, emptyLibrary, WIDTH } from "./support.ts";

const inFolder = temporaryFolder();
const library = inFolder("library");

beforeAll(() => emptyLibrary(library));

describe("A blob", () => {
  it("has the bytes and the name that it always had, and is opened without being read at once", async () => {
    const store = new BlobStore(library);
    const memory = new Map([
      ["fisher", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ["anchor", { shape: [1], data: Float32Array.of(-0.5) }],
    ]);
    const name = await store.write(memory);
    const bytes = serializeSafetensors(memory);
    expect(readFileSync(store.path(name)).equals(bytes)).toBe(true);
    expect(name).toBe(createHash("sha256").update(bytes).digest("hex"));
    failCalls("ERR_FS_FILE_TOO_LARGE", "readFile");
    expect(await (await store.open(name)).readFloat32("fisher")).toEqual(memory.get("fisher")?.data);
  });

  it.each([2 ** 29 + 2 ** 20, 2 ** 30 + 2 ** 20])("may hold %i numbers in one tensor", async (count) => {
    const { hashed } = await leaveLargeUntouched();
    const store = new BlobStore(library);
    const path = store.path(await store.write(new Map([["lora", { shape: [count], data: new Float32Array(count) }]])));
    expect(hashed.reduce((sum, size) => sum + size, 0)).toBe(4 * count);
    const file = await SafetensorsFile.open(path);
    expect(file.info("lora").byteLength).toBe(4 * count);
    expect(await file.readFloat32("lora")).toHaveLength(count);
  });
});

describe("A snapshot", () => {
  it("may hold more than 4 GiB in one tensor", async () => {
    const adapter = newLora(await StableDiffusionPipeline.load(MODEL), ADAPTER, 1);
    const fisher = new Float32Array(2 ** 30 + 2 ** 20);
    const moments = (count: number) => ({ expAvg: new Float32Array(count), expAvgSq: new Float32Array(count) });
    const groups = { lora: moments(adapter.parameters.length), embedding: moments(WIDTH) };
    const state = {
      ...{ step: 25, adapter, embedding: new Float32Array(WIDTH), evaluations: {} },
      ...{ optimizer: { step: 25, groups }, kept: { fisher } },
    };
    const unlock = await lockFolder(library, "learning");
    const { hashed } = await leaveLargeUntouched();
    await writeSnapshot(library, { concept: "dog" }, state);
    await unlock();
    expect(hashed.reduce((sum, size) => sum + size, 0)).toBe(fisher.byteLength);
    const file = await SafetensorsFile.open(snapshotPath(library));
    expect(await file.readFloat32("kept.fisher")).toHaveLength(fisher.length);
    // It comes after the large tensor.
    expect(await file.readFloat32("lora")).toEqual(adapter.parameters);
  });
});
