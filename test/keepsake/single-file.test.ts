/**
 * @file A library on a single-file checkpoint: what was said of the model is kept, and the adapter is that of the same
 * weights in a folder.
 */
import { copyFileSync, cpSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Keepsake } from "../../src/keepsake/keepsake.ts";
import type { LearnRequest } from "../../src/keepsake/learn-and-preview.ts";
import type { SessionOptions } from "../../src/keepsake/session.ts";
import { Library } from "../../src/library/library.ts";
import { type TensorToWrite, SafetensorsFile, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { MODEL, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
const fixtures = join(import.meta.dirname, "..", "fixtures");
const CONFIG = join(fixtures, "models", "tiny-sd2-ldm");
const VAE = join(CONFIG, "vae");
const program = { threads: 1 };
let photos: string;
/** A copy, so that it can be moved. */
let model: string;
let library: string;

async function learn(folder: string, options: SessionOptions, request: Partial<LearnRequest> = {}): Promise<void> {
  await using keepsake = await Keepsake.open(folder, { program, ...options });
  await keepsake.learn({
    name: "dog",
    photos: [photos],
    classNoun: "dog",
    strategy: "sequential",
    adapter: { rank: 2 },
    training: { steps: 2, resolution: 32, seed: 3 },
    ...request,
  });
}

beforeAll(async () => {
  photos = await writePhotos(inFolder("photos"), "dog");
  model = inFolder("a model.safetensors");
  copyFileSync(join(fixtures, "single-file", "sd2-sgm-names-fp16.safetensors"), model);
  library = inFolder("library");
  await learn(library, { model, config: CONFIG, vae: VAE, predictionType: "epsilon" });
});

describe("a library on a single file", () => {
  it("remembers the file and all that was said of it, and needs no word more", async () => {
    const { folder, vae, config, predictionType } = (await Library.open(library)).manifest.model;
    expect({ folder, vae, config, predictionType }).toEqual({
      folder: model,
      vae: VAE,
      config: CONFIG,
      predictionType: "epsilon",
    });
    await using keepsake = await Keepsake.open(library, { program });
    const pictures = await keepsake.generate({ prompt: "<dog>", steps: 1, width: 32, height: 32 });
    expect(pictures).toHaveLength(1);
    expect((await keepsake.verify()).model).toBe("checked");
  });

  it("remembers which family it is said to be of, and draws as that does", async () => {
    const folder = inFolder("of a family");
    const said = { model: MODEL, family: "lcm" } as const;
    await using made = await Keepsake.open(folder, { program, ...said });
    await made.init();
    expect((await Library.open(folder)).manifest.model.family).toBe("lcm");
    await using keepsake = await Keepsake.open(folder, { program });
    const [{ settings }] = await keepsake.generate({ prompt: "a dog", width: 32, height: 32 });
    expect(settings).toMatchObject({ steps: 4, guidanceScale: 8.5 });
    const { kind, message } = await failure(Keepsake.open(folder, { program, model: MODEL, family: "sdxl" }));
    expect([kind, message]).toEqual(["usage", expect.stringContaining("this is no model of the family sdxl")]);
  });

  it("has the bytes that the same weights in a folder give", async () => {
    const folder = inFolder("the model as a folder");
    cpSync(CONFIG, folder, { recursive: true });
    for (const part of ["unet/diffusion_pytorch_model", "text_encoder/model"]) {
      const path = join(folder, `${part}.safetensors`);
      const file = await SafetensorsFile.open(path);
      const tensors = new Map<string, TensorToWrite>();
      for (const [name, { shape }] of file.tensors) {
        tensors.set(name, { shape, dtype: "F16", data: await file.readFloat32(name) });
      }
      await writeSafetensors(path, tensors);
    }
    await learn(inFolder("on the folder"), { model: folder, predictionType: "epsilon" });
    const [onFile, onFolder] = [await Library.open(library), await Library.open(inFolder("on the folder"))];
    expect(onFile.manifest.adapter).toEqual(onFolder.manifest.adapter);
    expect(onFile.concepts).toEqual(onFolder.concepts);
  });

  it("follows the file when it has moved, and refuses one that has changed", async () => {
    const copy = inFolder("copy of the library");
    cpSync(library, copy, { recursive: true });
    const moved = inFolder("moved.safetensors");
    renameSync(model, moved);
    const gone = await failure(Keepsake.open(copy, { program }));
    expect(gone.message).toContain(
      `${model}: the model of ${copy} is not there any more; say where it is with --model`,
    );
    await learn(copy, { model: moved }, { name: "cat" });
    expect((await Library.open(copy)).manifest.model).toMatchObject({ folder: moved, vae: VAE, config: CONFIG });

    const bytes = readFileSync(moved);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(moved, bytes);
    const changed = await failure(Keepsake.open(copy, { program }));
    expect(changed.message).toContain(`${moved}: its weights are not those any more that ${copy} was made on`);
    const otherwise = await failure(Keepsake.open(copy, { program, predictionType: "v_prediction" }));
    expect(otherwise.message).toContain("its weights are not those any more");
  });
});
