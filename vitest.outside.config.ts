import { defineConfig } from "vitest/config";

/** What the system sees of every command (strace, hence Linux only). They are not part of `npm test`. */
export default defineConfig({
  test: {
    include: ["test/outside/**/*.outside.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
