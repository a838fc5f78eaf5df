/**
 * @file The files of the page, as the build made them: read once, so that no path of a request reaches the disk.
 */
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { KeepsakeError } from "../errors.ts";

/** Where the build puts the page. */
export const PAGE_FOLDER = fileURLToPath(new URL("../../dist/studio/page", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
};

export interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Names with a hash never change. */
  readonly isImmutable: boolean;
}

/**
 * The page's files by their paths: `index.html` as `/`, and all of `assets/`.
 *
 * @throws KeepsakeError if the page is not built
 */
export function readPageFiles(folder = PAGE_FOLDER): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  try {
    files.set("/", pageFile(folder, "index.html"));
    for (const name of readdirSync(join(folder, "assets"), { recursive: true, encoding: "utf8" })) {
      if (extname(name) in TYPES)
        files.set(`/assets/${name.replaceAll("\\", "/")}`, pageFile(folder, join("assets", name)));
    }
  } catch (cause) {
    const advice = 'run "npm run build" in the folder of Keepsake';
    throw new KeepsakeError("environment", `The studio's page is not built (${folder}): ${advice}.`, { cause });
  }
  return files;
}

function pageFile(folder: string, name: string): PageFile {
  const bytes = new Uint8Array(readFileSync(join(folder, name)));
  return { type: TYPES[extname(name)] ?? "application/octet-stream", bytes, isImmutable: name !== "index.html" };
}
