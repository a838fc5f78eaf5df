/**
 * @file The readers that are fuzzed, and the sound files that their damaged ones come from: the fixtures of the tests.
 */
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { readAdapter } from "../../src/adapters/formats/index.ts";
import { discoverModules } from "../../src/adapters/modules.ts";
import { readTokenEmbeddings } from "../../src/adapters/formats/token-embedding.ts";
import { readManifest } from "../../src/library/manifest/manifest.ts";
import { loadPhotos } from "../../src/training/photos/photos.ts";
import { openUNet2DConditionModel } from "../../src/diffusion/checkpoint.ts";
import { parseAutoencoderKlConfig } from "../../src/diffusion/config/autoencoder-kl-config.ts";
import { parseClipConfig, parseClipTextConfig } from "../../src/diffusion/config/clip-config.ts";
import { parseUNet2DConditionConfig } from "../../src/diffusion/config/unet-2d-condition-config.ts";
import { createScheduler } from "../../src/diffusion/schedulers/index.ts";
import { ClipTokenizer } from "../../src/diffusion/tokenizer/index.ts";
import { decodeImage } from "../../src/io/images/image.ts";
import { readJson } from "../../src/io/json.ts";
import { SafetensorsFile } from "../../src/io/safetensors/safetensors.ts";
import type { RandomStream } from "../../src/random/random.ts";
import { jsonFile, mutateBytes, pick } from "./mutate.ts";

/** A reader and its damaged files. */
export interface FuzzTarget {
  readonly name: string;
  /** Writes the files of one case. */
  readonly prepare: (random: RandomStream) => Promise<void>;
  readonly read: () => Promise<unknown>;
}

const FIXTURES = join(import.meta.dirname, "../../test/fixtures");
const MODEL = join(FIXTURES, "models/tiny-sd1");

/** @param folder for the files; every target has one of its own below it */
export async function makeTargets(folder: string): Promise<FuzzTarget[]> {
  const place = async (name: string): Promise<string> => {
    await mkdir(join(folder, name));
    return join(folder, name);
  };
  return [
    ...(await weightTargets(place)),
    ...(await configTargets(place)),
    await tokenizerTarget(await place("tokenizer")),
    ...(await photoTargets(place)),
    manifestTarget(await place("manifest")),
  ];
}

/** A safetensors file with its header changed as JSON, or its bytes anywhere near the header. */
function mutateSafetensors(random: RandomStream, file: Uint8Array): Uint8Array {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const [header, data] = [file.subarray(8, 8 + length), file.subarray(8 + length)];
  const whole = (bytes: Uint8Array): Uint8Array => {
    const field = Buffer.alloc(8);
    field.writeBigUInt64LE(BigInt(bytes.byteLength));
    return Buffer.concat([field, bytes, data]);
  };
  switch (random.integer(4)) {
    case 0:
      return mutateBytes(random, file);
    case 1:
      return whole(mutateBytes(random, header));
    case 2:
      return Buffer.concat([mutateBytes(random, file.subarray(0, 8 + length)), data]);
    default:
      return whole(jsonFile(random, JSON.parse(Buffer.from(header).toString())));
  }
}

async function weightTargets(place: (name: string) => Promise<string>): Promise<FuzzTarget[]> {
  const unet = await SafetensorsFile.open(join(MODEL, "unet/diffusion_pytorch_model.safetensors"));
  const text = await SafetensorsFile.open(join(MODEL, "text_encoder/model.safetensors"));
  const modules = {
    unet: discoverModules(unet.tensors.values()),
    text_encoder: discoverModules(text.tensors.values()),
  };
  const loras = await readAll("lora", ["kv-kohya", "kv-peft-with-metadata", "kv-diffusers-attnprocs"]);
  const embeddings = await readAll("textual-inversion", ["single", "multi"]);
  const target = async (
    name: string,
    sound: readonly Uint8Array[],
    read: (path: string) => Promise<unknown>,
  ): Promise<FuzzTarget> => {
    const path = join(await place(name), "x.safetensors");
    const prepare = (random: RandomStream) => writeFile(path, mutateSafetensors(random, pick(random, sound)));
    return { name, prepare, read: () => read(path) };
  };
  const readEverything = async (path: string): Promise<void> => {
    const file = await SafetensorsFile.open(path);
    for (const name of file.tensors.keys()) await file.readBytes(name);
  };
  return [
    await target("safetensors", [...embeddings, ...loras], readEverything),
    await target("adapter", loras, (path) => readAdapter(path, modules)),
    await target("embedding", embeddings, (path) => readTokenEmbeddings(path, { width: 32 })),
    await weightsFolderTarget(await place("unet-folder")),
  ];
}

function readAll(folder: string, names: readonly string[]): Promise<Uint8Array[]> {
  return Promise.all(names.map((name) => readFile(join(FIXTURES, folder, `${name}.safetensors`))));
}

/** A folder of a UNet whose config and weights are both damaged. */
async function weightsFolderTarget(folder: string): Promise<FuzzTarget> {
  const source = join(FIXTURES, "models/micro-unet-sd1/unet");
  const weights = await readFile(join(source, "diffusion_pytorch_model.safetensors"));
  const config = await readJson(join(source, "config.json"));
  const prepare = async (random: RandomStream): Promise<void> => {
    await writeFile(
      join(folder, "config.json"),
      random.integer(3) === 0 ? jsonFile(random, config) : JSON.stringify(config),
    );
    await writeFile(join(folder, "diffusion_pytorch_model.safetensors"), mutateSafetensors(random, weights));
  };
  return { name: "unet-folder", prepare, read: () => openUNet2DConditionModel(folder) };
}

async function configTargets(place: (name: string) => Promise<string>): Promise<FuzzTarget[]> {
  const readers: readonly (readonly [string, string, (file: string, json: unknown) => unknown])[] = [
    ["unet-config", join(MODEL, "unet/config.json"), parseUNet2DConditionConfig],
    ["vae-config", join(MODEL, "vae/config.json"), parseAutoencoderKlConfig],
    ["text-config", join(MODEL, "text_encoder/config.json"), parseClipTextConfig],
    ["clip-config", join(FIXTURES, "models/tiny-clip/config.json"), parseClipConfig],
    ["scheduler-config", join(MODEL, "scheduler/scheduler_config.json"), schedulers],
  ];
  return Promise.all(
    readers.map(async ([name, source, parse]) => {
      const path = join(await place(name), "config.json");
      const config = await readJson(source);
      const prepare = (random: RandomStream) => writeFile(path, jsonFile(random, config));
      return { name, prepare, read: async () => parse(path, await readJson(path, { pythonNumbers: true })) };
    }),
  );
}

function schedulers(file: string, json: unknown): void {
  for (const name of ["ddpm", "ddim", "pndm", "euler", "dpmpp2m", "unipc"]) {
    createScheduler(name, json, { source: file }).setTimesteps(4);
  }
}

async function tokenizerTarget(folder: string): Promise<FuzzTarget> {
  const files = ["vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json"];
  const sound = await Promise.all(files.map((file) => readFile(join(MODEL, "tokenizer", file))));
  const prepare = async (random: RandomStream): Promise<void> => {
    const chosen = random.integer(files.length);
    await cp(join(MODEL, "tokenizer"), folder, { recursive: true });
    const json = files[chosen].endsWith(".json") && random.integer(2) === 0;
    const bytes = json ? jsonFile(random, JSON.parse(sound[chosen].toString())) : mutateBytes(random, sound[chosen]);
    await writeFile(join(folder, files[chosen]), bytes);
  };
  return {
    name: "tokenizer",
    prepare,
    read: async () => (await ClipTokenizer.load(folder)).encode("a <cat> sat, été"),
  };
}

async function photoTargets(place: (name: string) => Promise<string>): Promise<FuzzTarget[]> {
  const picture = sharp({
    create: {
      width: 40,
      height: 24,
      channels: 3,
      background: "#4080c0",
      noise: { type: "gaussian", mean: 128, sigma: 40 },
    },
  });
  const png = await picture.clone().png().toBuffer();
  const pictures = [
    png,
    await picture.clone().jpeg().toBuffer(),
    await picture.clone().webp().toBuffer(),
    await picture.clone().tiff().toBuffer(),
    await picture.clone().gif().toBuffer(),
  ];
  const image = join(await place("image"), "x.png");
  const photos = await place("caption");
  await writeFile(join(photos, "x.png"), png);
  const captions = ["on the beach", "am Strand, im Süden", "海辺で"].flatMap((words) => [
    Buffer.from(words),
    Buffer.from(`\ufeff${words}`, "utf16le"),
  ]);
  return [
    {
      name: "image",
      prepare: (random) => writeFile(image, mutateBytes(random, pick(random, pictures))),
      read: () => decodeImage(image),
    },
    {
      name: "caption",
      prepare: (random) => writeFile(join(photos, "x.txt"), mutateBytes(random, pick(random, captions))),
      read: () => loadPhotos([photos], 16),
    },
  ];
}

function manifestTarget(folder: string): FuzzTarget {
  const training = {
    ...{ steps: 4, batchSize: 1, learningRate: 1e-4, tokenLearningRate: 1e-3, lrScheduler: "constant" },
    ...{ weightDecay: 0.01, maxGradNorm: 1, seed: 0, resolution: 32 },
  };
  const concept = (name: string, digit: string) => ({
    ...{ name, token: `<${name}>`, classNoun: "dog", vectors: 1, embedding: digit.repeat(64) },
    ...{ training, strategy: "sequential" },
  });
  const state = (names: readonly string[], digit: string) => ({
    change: { kind: "learned", concept: names.at(-1) },
    adapter: { blob: digit.repeat(64), rank: 2, loraAlpha: 2, targets: "crossattn-kv" },
    strategy: { name: "sequential", options: {} },
    concepts: names.map((name, i) => concept(name, String(i))),
  });
  const manifest = {
    ...{ format: "keepsake-library", version: 2, keep: 3 },
    model: { folder: "built-in", fingerprint: "d".repeat(64) },
    ...state(["dog", "mug"], "a"),
    earlier: [state(["dog"], "b")],
  };
  const path = join(folder, "library.json");
  const prepare = (random: RandomStream) => writeFile(path, jsonFile(random, manifest));
  return { name: "manifest", prepare, read: () => readManifest(folder) };
}
