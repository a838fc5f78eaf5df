/**
 * @file Tells models apart: an adapter and a token belong to the model on which they were learned.
 */
import { open, realpath, stat } from "node:fs/promises";
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { KeepsakeError } from "../../errors.ts";
import { sha256, sha256File } from "../../io/hash.ts";
import type { Library } from "../library.ts";
import type { LibraryModel } from "../manifest/state.ts";
import { shellPath } from "../../shell.ts";
import { BUILT_IN_MODEL } from "./model-folder.ts";

/** Bytes at either end of a weights file that the fingerprint looks at. */
const SAMPLE = 1 << 20;

/** Which model it is, wherever it lies. */
export type ModelIdentity = Required<Pick<LibraryModel, "fingerprint" | "weights">>;

/**
 * Identifies a model by its weights files and by what it was trained to predict. A copy of the model in another folder,
 * and one with another scheduler, is the same. Every byte counts: some methods change cross-attention alone, in the
 * middle of a file. A gigabyte takes less than a second on processors with instructions for SHA-256, and will be read
 * anyway.
 */
export async function identifyModel(pipeline: StableDiffusionPipeline): Promise<ModelIdentity> {
  const { unet, vae, text, schedulerConfig } = pipeline;
  const prediction = schedulerConfig.prediction_type ?? "epsilon";
  const samples: unknown[] = [prediction];
  const hashes: unknown[] = [prediction];
  for (const { weights } of [unet, vae, ...text.encoders]) {
    for (const path of weights.files) {
      samples.push(await sampleOf(path));
      hashes.push(await hashOf(path));
    }
  }
  return { fingerprint: sha256(JSON.stringify(samples)), weights: sha256(JSON.stringify(hashes)) };
}

/**
 * Whether it is the model on which a library was made. Until its first change, an older library knows the fingerprint
 * only.
 */
export function isModelOf({ manifest }: Pick<Library, "manifest">, { fingerprint, weights }: ModelIdentity): boolean {
  const { model } = manifest;
  return fingerprint === model.fingerprint && (model.weights === undefined || weights === model.weights);
}

/**
 * @param folder - of the model that was found
 * @throws KeepsakeError naming the model on which the library was made, if it is another one
 */
export function checkModel(library: Library, folder: string, identity: ModelIdentity): void {
  if (isModelOf(library, identity)) return;
  const { folder: made } = library.manifest.model;
  const elsewhere = "or choose another library with --library";
  if (made === folder && folder === BUILT_IN_MODEL) {
    const fault = `${library.folder} was made on an earlier built-in model`;
    const folderThen = "the folder models/keepsake-64 of the Keepsake that made it";
    throw new KeepsakeError("state", `${fault}; name ${folderThen} with --model <path>, ${elsewhere}.`);
  }
  if (made === folder) {
    const fault = `its weights are not those any more that ${library.folder} was made on`;
    throw new KeepsakeError("state", `${folder}: ${fault}; say where they are with --model <path>, ${elsewhere}.`);
  }
  const fault = `${library.folder} was made on another model, and its adapter does not fit this one`;
  throw new KeepsakeError("state", `${folder}: ${fault}; use --model ${shellPath(made)}, ${elsewhere}.`);
}

/** Part of the ids of states since the first libraries, which is why it is not the hash of whole files. */
async function sampleOf(path: string): Promise<string> {
  const file = await realpath(path);
  const { size } = await stat(file);
  const handle = await open(file, "r");
  try {
    const length = Math.min(SAMPLE, size);
    const ends = Buffer.alloc(2 * length);
    await handle.read(ends, 0, length, 0);
    await handle.read(ends, length, length, size - length);
    return `${size} ${sha256(ends)}`;
  } finally {
    await handle.close();
  }
}

/** Of files that this process has hashed, by what changes when a file is written. */
const known = new Map<string, string>();

async function hashOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  const file = [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  const hash = known.get(file) ?? (await sha256File(path));
  known.set(file, hash);
  return hash;
}
