/**
 * @file What the library has learned, as one file for the browser to save. The facade writes files, so they lie in a
 * private temporary folder for a moment: they hold no photo.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import type { Keepsake } from "../../keepsake/keepsake.ts";
import { shellPath } from "../../shell.ts";
import { formatBytes } from "../../units.ts";
import type { JobRequest, JobResult } from "../api.ts";
import type { Work } from "./work.ts";
import { zipped, type ZippedFile } from "./zip.ts";

type ExportRequest = Extract<JobRequest, { readonly kind: "export" }>;

/** A lane's message is shorter than 2 GiB: Node reads its length as a signed number of 32 bits. */
const MOST_BYTES = 2e9;

export async function exportLearned(request: ExportRequest, keepsake: Keepsake, work: Work): Promise<JobResult> {
  const { format, name, fp16 } = request;
  const folder = await mkdtemp(join(tmpdir(), "keepsake-studio-"));
  try {
    const stem = name ?? "keepsake";
    const to = join(folder, format === "peft" ? stem : `${stem}.safetensors`);
    const facts = await keepsake.export({
      ...{ format, to, ...(name !== undefined && { name }) },
      ...(fp16 === true && { dtype: "F16" as const }),
    });
    const files = await exportedFiles(folder, request, work.place.library);
    const isOne = files.length === 1;
    const bytes = isOne ? files[0].bytes : zipped(files);
    const file = isOne ? files[0].name : `${stem}-${format}.zip`;
    const id = randomUUID();
    work.tell({ kind: "file", file: { id, name: file, bytes } });
    const here = (path: string) => relative(folder, path);
    const tokens = facts.tokens.map(({ token, file: path }) => ({ token, file: here(path) }));
    return { kind: "export", file, id, bytes: bytes.byteLength, facts: { ...facts, to: here(facts.to), tokens } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The files that were written for a request.
 *
 * @param library - folder of the library, for the command that writes files of any size
 * @throws KeepsakeError if they are too large for the page
 */
export async function exportedFiles(folder: string, request: ExportRequest, library: string): Promise<ZippedFile[]> {
  const paths: string[] = [];
  let size = 0;
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const status = await stat(join(folder, name));
    if (!status.isFile()) continue;
    paths.push(name);
    size += status.size;
  }
  if (size > MOST_BYTES) throw tooLarge(size, request, library);
  const files: ZippedFile[] = [];
  for (const path of paths) {
    files.push({ name: path.replaceAll("\\", "/"), bytes: await readFile(join(folder, path)) });
  }
  return files;
}

function tooLarge(size: number, { format, name, fp16 }: ExportRequest, library: string): KeepsakeError {
  const concept = name === undefined ? "" : ` --concept ${name}`;
  const half = fp16 === true ? " --fp16" : "";
  const command = `keepsake export <file> --format ${format}${concept}${half} --library ${shellPath(library)}`;
  const smaller = fp16 === true ? "" : "choose half precision, or ";
  const fault = `This takes ${formatBytes(size)}, and a page can save ${formatBytes(MOST_BYTES)} at most`;
  return new KeepsakeError("state", `${fault}; ${smaller}write it with "${command}".`);
}
