import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const src = (file: string) => fileURLToPath(new URL(`src/${file}`, import.meta.url));

export default defineConfig({
  // Examples import the package by its name.
  resolve: {
    alias: [
      { find: /^keepsake$/, replacement: src("index.ts") },
      { find: /^keepsake\/([a-z]+)$/, replacement: src("$1/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // ONNX Runtime sessions are native objects: one process per file keeps their threads and memory apart.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
