import { defineConfig } from "vitest/config";

/** Tests that need a WebGPU adapter; a software one will do (CONTRIBUTING.md). They are not part of `npm test`. */
export default defineConfig({
  test: {
    include: ["test/webgpu/**/*.webgpu.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
