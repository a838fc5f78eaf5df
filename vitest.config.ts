import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // ONNX Runtime sessions are native objects: one process per file keeps their threads and memory apart.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
