/**
 * @file What the tests of learning and drawing share: the tiny model, small photos, a look at a folder.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { Lora, type LoraLayer } from "../../src/adapters/lora.ts";
import { learnConcept, type LearnRequest, type LearnResult } from "./one-shot.ts";
import type { GoldenCase } from "../diffusion/support.ts";
import { sha256 } from "../../src/io/hash.ts";
import { RandomStream } from "../../src/random/random.ts";

/** A random checkpoint in the layout of Stable Diffusion 1, of two levels: a session takes a moment to open. */
export const MODEL = join(import.meta.dirname, "..", "fixtures", "models", "small-sd1");

/**
 * The random checkpoint of the reference fixtures, of four levels like Stable Diffusion 1: for what was made with it.
 */
export const TINY_SD1 = join(import.meta.dirname, "..", "fixtures", "models", "tiny-sd1");

/** Writes a photo of coloured noise: every subject has its own pixels. */
export async function writePhoto(file: string, subject: string, width = 72, height = 64): Promise<void> {
  const noise = new RandomStream(0, "test photo", subject).integers(width * height * 3, 256);
  await sharp(Uint8Array.from(noise), { raw: { width, height, channels: 3 } }).toFile(file);
}

/** Makes a folder of photos `0.png`, `1.png`, ... */
export async function writePhotos(folder: string, subject: string, count = 2): Promise<string> {
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < count; i++) await writePhoto(join(folder, `${i}.png`), `${subject} ${i}`);
  return folder;
}

/** Every file and folder below a folder, with the SHA-256 of the files; undefined if the folder does not exist. */
export function treeOf(folder: string): Record<string, string> | undefined {
  let entries;
  try {
    entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch {
    return undefined;
  }
  const tree = entries.map((entry): [string, string] => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(folder.length + 1), entry.isFile() ? sha256(readFileSync(path)) : "folder"];
  });
  return Object.fromEntries(tree.sort());
}

/** Learns with few and small steps and the simplest strategy, in-process. */
export function learnQuickly(
  request: Pick<LearnRequest, "library" | "name" | "photos"> & Partial<LearnRequest>,
): Promise<LearnResult> {
  return learnConcept({
    model: MODEL,
    classNoun: "dog",
    snapshotEvery: 2,
    strategy: "sequential",
    ...request,
    adapter: { rank: 2, ...request.adapter },
    training: { steps: 4, resolution: 32, seed: 3, ...request.training },
    program: { threads: 1 },
  });
}

/** The adapter of the golden cases, whose A and B are the case's tensors of a prefix. */
export async function goldenLora(golden: GoldenCase, prefix: string): Promise<Lora> {
  const names = golden.names(`${prefix}down_blocks`).concat(golden.names(`${prefix}mid`), golden.names(`${prefix}up`));
  const modules = names.filter((name) => name.endsWith(".lora_A")).map((name) => name.slice(prefix.length, -7));
  return new Lora(
    await Promise.all(
      modules.map(async (module): Promise<LoraLayer> => {
        const [rank, inFeatures] = golden.shape(`${prefix}${module}.lora_A`);
        const [outFeatures] = golden.shape(`${prefix}${module}.lora_B`);
        const shape = { kind: "linear", rank, inFeatures, outFeatures, loraAlpha: 8 } as const;
        const [loraA, loraB] = [
          await golden.read(`${prefix}${module}.lora_A`),
          await golden.read(`${prefix}${module}.lora_B`),
        ];
        return { component: "unet", module, ...shape, loraA, loraB };
      }),
    ),
  );
}
