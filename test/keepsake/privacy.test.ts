import { cpSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { initLibrary } from "./one-shot.ts";
import { forgetConcept } from "../../src/library/forget.ts";
import { undo } from "../../src/library/undo.ts";
import { encodePhotos } from "../../src/training/photos/encode-photos.ts";
import { loadPhotos } from "../../src/training/photos/photos.ts";
import { ClipFeatures } from "../../src/diffusion/clip/clip-features.ts";
import { latentsFrom } from "../../src/diffusion/latents.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { decodeImage, resizeAndCrop } from "../../src/io/images/image.ts";
import { fixture } from "../diffusion/support.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
const RESOLUTION = 32;

/** Bytes that tell something of the photos, by what they are. */
const secrets = new Map<string, Uint8Array[]>();
let photos: string;
let digest: string;

const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

beforeAll(async () => {
  photos = inFolder("grandmother in hospital");
  await writePhotos(photos, "secret", 2);
  cpSync(join(photos, "1.png"), join(photos, "IMG_20260101_Lisbon.png"));
  const files = readdirSync(photos).map((name) => join(photos, name));
  const pictures = await Promise.all(files.map((file) => decodeImage(file)));
  const cropped = await Promise.all(pictures.map((picture) => resizeAndCrop(picture, RESOLUTION, RESOLUTION)));
  const loaded = await loadPhotos([photos], RESOLUTION);
  const { vae } = await StableDiffusionPipeline.load(MODEL);
  const posteriors = await encodePhotos(vae, loaded.images, RESOLUTION, { threads: 1 });
  digest = loaded.digest;
  secrets.set(
    "files",
    files.map((file) => readFileSync(file)),
  );
  secrets.set(
    "pixels",
    pictures.map(({ data }) => data),
  );
  secrets.set(
    "cropped pixels",
    cropped.map(({ data }) => data),
  );
  secrets.set("cropped pixels as numbers", loaded.images.map(bytesOf));
  secrets.set(
    "latents",
    posteriors.flatMap(({ mean, logvar }) => [bytesOf(mean), bytesOf(logvar)]),
  );
  secrets.set(
    "scaled latents",
    posteriors.map((posterior) => bytesOf(latentsFrom(posterior, vae.config, new Float32Array(posterior.mean.length)))),
  );
  const clip = await ClipFeatures.load(fixture("models/tiny-clip"), { threads: 1 });
  secrets.set("image features", (await clip.ofImages(pictures)).map(bytesOf));
  await clip.dispose();
});

/** Any 16 bytes in a row of a secret would be a find; looked for at every 64th place. */
function findSecret(content: Buffer): string | undefined {
  for (const [what, places] of secrets) {
    for (const bytes of places) {
      for (let i = 0; i + 16 <= bytes.length; i += 64) {
        if (content.includes(Buffer.from(bytes.buffer, bytes.byteOffset + i, 16))) return what;
      }
    }
  }
  const names = [photos, basename(photos), ...readdirSync(photos), "grandmother", "Lisbon"];
  return names.find((name) => content.includes(name));
}

/** Every file below a folder, and the names of all of them as one more. */
function contentsOf(folder: string): Buffer[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  expect(files.length).toBeGreaterThan(0);
  return [...files.map((file) => readFileSync(file)), Buffer.from(files.join("\n"))];
}

describe("privacy", () => {
  it("is tested with a search that finds each secret", () => {
    for (const [what, places] of secrets) {
      for (const bytes of places) expect(findSecret(Buffer.concat([Buffer.alloc(5), bytes]))).toBeDefined();
      expect(places.length, what).toBeGreaterThan(0);
    }
    expect(findSecret(Buffer.from("x IMG_20260101_Lisbon.png"))).toBe("IMG_20260101_Lisbon.png");
    expect(findSecret(Buffer.alloc(1000))).toBeUndefined();
  });

  it("holds while a concept is learned: no photo, pixel, latent, name or place of a photo is ever in the library", async () => {
    const library = inFolder("library");
    const controller = new AbortController();
    const request = { library, name: "thing", photos: [photos], training: { resolution: RESOLUTION, steps: 3 } };
    const onProgress = () => {
      controller.abort();
    };
    const stopped = await learnQuickly({ ...request, snapshotEvery: 1, signal: controller.signal, onProgress });
    expect(stopped.status).toBe("interrupted");
    // The abort comes with the first news, before the first step; one more call takes a step and stops.
    const second = new AbortController();
    await learnQuickly({
      ...request,
      signal: second.signal,
      onProgress: ({ kind }) => {
        if (kind === "step") second.abort();
      },
    });
    expect(readdirSync(library)).toContain("run.safetensors");
    for (const content of contentsOf(library)) expect(findSecret(content)).toBeUndefined();
    await learnQuickly(request);
    expect(readdirSync(library)).not.toContain("run.safetensors");
    for (const content of contentsOf(library)) {
      expect(findSecret(content)).toBeUndefined();
      // The checksum by which an unfinished run knows its photos is gone with it.
      expect(content.includes(digest) || content.includes(Buffer.from(digest, "hex"))).toBe(false);
    }
  });

  it("holds through all that is done with a library, for earlier states as well", async () => {
    const library = inFolder("long life");
    const teach = (name: string) => () =>
      learnQuickly({ library, name, photos: [photos], training: { resolution: RESOLUTION, steps: 2 } });
    const life: (() => Promise<unknown>)[] = [
      () => initLibrary({ library, model: MODEL }),
      ...["thing", "other", "third"].map(teach),
      () => undo({ library }),
      () => forgetConcept({ library, name: "third", purge: true }),
      () => forgetConcept({ library, name: "other" }),
      teach("last"),
    ];
    for (const change of life) {
      await change();
      for (const content of contentsOf(library)) {
        expect(findSecret(content)).toBeUndefined();
        expect(content.includes(digest)).toBe(false);
      }
    }
  });
});
