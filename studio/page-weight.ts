/** @file Part of the build: the page stays small. */
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** Fails the build if everything that it writes, gzipped, is more than so many bytes. */
export function pageWeight(mostBytes: number): Plugin {
  return {
    name: "page-weight",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const parts = Object.values(bundle).map((part) => (part.type === "chunk" ? part.code : part.source));
        const bytes = parts.reduce((sum, part) => sum + gzipSync(part).length, 0);
        if (bytes > mostBytes) this.error(`The page is ${bytes} bytes gzipped; at most ${mostBytes} are allowed.`);
        this.info(`the page is ${bytes} bytes gzipped`);
      },
    },
  };
}
