/**
 * @file Builds the studio's page into dist/studio/page: one script and one stylesheet, both files of their own, since
 * the server allows nothing inline.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { pageWeight } from "./page-weight.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Bytes of the whole page, gzipped, without pictures. */
const MOST_BYTES = 120_000;

export default defineConfig({
  root: here("."),
  base: "/",
  publicDir: false,
  plugins: [pageWeight(MOST_BYTES)],
  build: {
    // Beside the code of the server, which is built from src/studio into dist/studio.
    outDir: here("../dist/studio/page"),
    emptyOutDir: true,
    // Nothing becomes a data: address, and no script is written into the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    // The first that know light-dark().
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    reportCompressedSize: false,
  },
});
