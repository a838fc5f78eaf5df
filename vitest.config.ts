import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const src = (file: string) => fileURLToPath(new URL(`src/${file}`, import.meta.url));

const FILES = ["test/**/*.test.ts"];

/** Files that register or spy on what all others would see. They have a process each; the others share two, which load the source once. */
const ALONE = [
  "test/adapters/outside-kind.test.ts",
  "test/diffusion/schedulers/register.test.ts",
  "test/keepsake/facade.test.ts",
  "test/strategies/outside.test.ts",
];

export default defineConfig({
  // Examples import the package by its name.
  resolve: {
    alias: [
      { find: /^keepsake$/, replacement: src("index.ts") },
      { find: /^keepsake\/([a-z]+)$/, replacement: src("$1/index.ts") },
    ],
  },
  test: {
    testTimeout: 60_000,
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: "shared", include: FILES, exclude: ALONE, pool: "forks", isolate: false } },
      { extends: true, test: { name: "alone", include: ALONE, pool: "forks" } },
    ],
  },
});
