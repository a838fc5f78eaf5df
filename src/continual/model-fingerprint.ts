/**
 * @file Tells models apart: an adapter and a token belong to the model on which they were learned.
 */
import { open, realpath, stat } from "node:fs/promises";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { sha256 } from "../io/hash.ts";

/** Bytes at either end of a weights file that are hashed; a whole checkpoint would take half a minute. */
const SAMPLE = 1 << 20;

/**
 * Identifies a model by size, beginning (where the names and shapes of all tensors stand) and end of each weights file, and
 * by what it was trained to predict. A copy of the model in another folder, and one with another scheduler, has the same
 * fingerprint.
 */
export async function modelFingerprint(pipeline: StableDiffusionPipeline): Promise<string> {
  const { unet, vae, textEncoder, schedulerConfig } = pipeline;
  const parts: unknown[] = [schedulerConfig.prediction_type ?? "epsilon"];
  for (const { weights } of [unet, vae, textEncoder]) {
    for (const path of weights.files) parts.push(await sampleOf(path));
  }
  return sha256(JSON.stringify(parts));
}

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
