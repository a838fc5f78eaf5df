/** @file Finds the LoRA files of a tree. */
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { peftWeightsFile } from "../../../src/adapters/formats/names.ts";
import { SafetensorsFile } from "../../../src/io/safetensors/safetensors.ts";
import { exists } from "../../../src/io/folder.ts";

/**
 * LoRA files and PEFT folders in `folder` (not recursive), sorted. Tables of deltas, which lie there too, are left out.
 */
export async function listLoraFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() ? await exists(join(path, peftWeightsFile)) : await holdsLora(path)) found.push(path);
  }
  return found.sort();
}

async function holdsLora(path: string): Promise<boolean> {
  if (!path.endsWith(".safetensors")) return false;
  const { tensors } = await SafetensorsFile.open(path);
  return [...tensors.keys()].some((name) => name.includes("lora"));
}

/** What the field `lora` of a case says: which files, any of which must do, and at which scale. */
export interface LoraReference {
  readonly pattern: string;
  readonly scale: number;
}

/** Reads e.g. `lora/kv-*` or `lora/kv-* with cross_attention_kwargs scale 0.5`. */
export function parseLoraReference(text: string): LoraReference {
  const [pattern] = text.split(/\s/, 1);
  const scale = /\bscale[ =:]+([\d.]+)/.exec(text)?.[1];
  return { pattern, scale: scale === undefined ? 1 : Number(scale) };
}

/** The LoRA files below `root` that the pattern names; its last part may hold `*`. */
export async function matchingLoraFiles(root: string, pattern: string): Promise<string[]> {
  const files = await listLoraFiles(join(root, dirname(pattern)));
  return files.filter((file) => matchesPattern(basename(file), basename(pattern)));
}

export function matchesPattern(name: string, pattern: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  // A file may be named with or without its extension.
  return new RegExp(`^${parts.join(".*")}(\\.safetensors)?$`).test(name);
}
