/**
 * @file What the library has learned, as one file for the browser to save. The facade writes files, so they lie in a
 * private temporary folder for a moment: they hold no photo.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { Keepsake } from "../../keepsake/keepsake.ts";
import type { JobRequest, JobResult } from "../api.ts";
import type { Work } from "./work.ts";
import { zipped } from "./zip.ts";

export async function exportLearned(
  { format, name, fp16 }: Extract<JobRequest, { readonly kind: "export" }>,
  keepsake: Keepsake,
  { tell }: Work,
): Promise<JobResult> {
  const folder = await mkdtemp(join(tmpdir(), "keepsake-studio-"));
  try {
    const stem = name ?? "keepsake";
    const to = join(folder, format === "peft" ? stem : `${stem}.safetensors`);
    const facts = await keepsake.export({
      ...{ format, to, ...(name !== undefined && { name }) },
      ...(fp16 === true && { dtype: "F16" as const }),
    });
    const files = await filesIn(folder);
    const isOne = files.length === 1;
    const bytes = isOne ? files[0].bytes : zipped(files);
    const file = isOne ? files[0].name : `${stem}-${format}.zip`;
    const id = randomUUID();
    tell({ kind: "file", file: { id, name: file, bytes } });
    const here = (path: string) => relative(folder, path);
    const tokens = facts.tokens.map(({ token, file: path }) => ({ token, file: here(path) }));
    return { kind: "export", file, id, bytes: bytes.byteLength, facts: { ...facts, to: here(facts.to), tokens } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function filesIn(folder: string): Promise<{ readonly name: string; readonly bytes: Uint8Array }[]> {
  const names = (await readdir(folder, { recursive: true })).sort();
  const files: { name: string; bytes: Uint8Array }[] = [];
  for (const name of names) {
    const path = join(folder, name);
    if ((await stat(path)).isFile()) files.push({ name: name.replaceAll("\\", "/"), bytes: await readFile(path) });
  }
  return files;
}
