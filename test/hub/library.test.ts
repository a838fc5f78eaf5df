import { cpSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { originOf } from "../../src/hub-cache/hub-model.ts";
import { Keepsake } from "../../src/keepsake/keepsake.ts";
import { Library } from "../../src/library/library.ts";
import { openModel } from "../../src/library/library-model.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { initLibrary } from "../keepsake/one-shot.ts";
import { COMMIT } from "./fake-hub.ts";
import { hubForTests, pull } from "./support.ts";

const inFolder = temporaryFolder();
const hub = hubForTests();

describe("a library on a model that was pulled", () => {
  it("records repository and commit, and goes on when full precision comes beside half", async () => {
    const home = inFolder("home");
    const { folder } = await pull(hub, home);
    const library = await initLibrary({ library: inFolder("library"), model: folder });
    const text = readFileSync(join(library.folder, "library.json"), "utf8");
    expect(JSON.parse(text)).toMatchObject({
      model: {
        folder,
        variant: "fp16",
        hub: { repo: "owner/tiny", commit: COMMIT },
        weights: expect.any(String) as string,
      },
    });
    await pull(hub, home, { variant: "fp32" });
    const opened = await openModel(undefined, await Library.open(library.folder));
    expect(opened.unet.weights.files.map((file) => file.slice(folder.length + 1))).toEqual([
      "unet/diffusion_pytorch_model.fp16.safetensors",
    ]);
    // Without a word of the library's, full precision goes first.
    const fresh = await openModel(folder, undefined);
    expect(fresh.unet.weights.files[0]).toBe(join(folder, "unet/diffusion_pytorch_model.safetensors"));
  });

  it("says how to download the model again, and keeps the origin of a copy elsewhere", async () => {
    const { folder } = await pull(hub, inFolder("gone"));
    const library = await initLibrary({ library: inFolder("library of gone"), model: folder });
    const copy = inFolder("copy");
    cpSync(folder, copy, { recursive: true, dereference: true });
    renameSync(folder, `${folder}-elsewhere`);
    const { message } = await failure(openModel(undefined, library));
    expect(message).toContain(`download it again with keepsake pull owner/tiny@${COMMIT} --variant fp16, or say where`);
    expect(library.withModel(copy).manifest.model).toMatchObject({ folder: copy, hub: { commit: COMMIT } });
  });

  it("is opened in code by the model's name, from the cache alone", async () => {
    const home = inFolder("home of code");
    const { folder } = await pull(hub, home);
    const requests = hub.seen.length;
    vi.stubEnv("HF_HOME", home);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const library = inFolder("by name");
    await using keepsake = await Keepsake.open(library, { model: "owner/tiny" });
    await keepsake.init();
    expect((await Library.open(library)).manifest.model).toMatchObject({ folder, hub: { repo: "owner/tiny" } });
    await using atCommit = await Keepsake.open(library, { model: `owner/tiny@${COMMIT}` });
    expect(await atCommit.concepts()).toEqual([]);
    const { kind, message } = await failure(Keepsake.open(library, { model: "owner/other@v2", lazy: true }));
    expect([kind, message]).toEqual([
      "input",
      "There is no folder owner/other@v2, and no such model in the Hugging Face cache; to download it: keepsake pull owner/other@v2.",
    ]);
    expect(hub.seen).toHaveLength(requests);
  });

  it.each([
    { hub: { repo: "../x", commit: COMMIT } },
    { hub: { repo: "a/b", commit: "main" } },
    { hub: "a/b" },
    { variant: "int8" },
  ])("with $hub $variant in its manifest is damaged", async (change) => {
    const { folder } = await pull(hub, inFolder("home of edited"));
    const name = `edited ${JSON.stringify(change).replace(/\W/g, "")}`;
    const { folder: library } = await initLibrary({ library: inFolder(name), model: folder });
    const file = join(library, "library.json");
    const manifest = JSON.parse(readFileSync(file, "utf8")) as { model: object };
    writeFileSync(file, JSON.stringify({ ...manifest, model: { ...manifest.model, ...change } }));
    expect((await failure(Library.open(library))).message).toContain("the manifest is damaged");
  });

  it("has its origin from the folder's path alone", () => {
    const folder = `/a/models--owner--tiny/snapshots/${COMMIT}`;
    expect(originOf(folder)).toEqual({ repo: "owner/tiny", commit: COMMIT });
    expect(originOf(folder.replaceAll("/", "\\"))).toEqual({ repo: "owner/tiny", commit: COMMIT });
    for (const other of ["/a/b", "built-in", `${folder}/unet`, "/a/models--x/snapshots/main", "", "/"]) {
      expect(originOf(other)).toBeUndefined();
    }
  });
});
