import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const src = (file: string) => fileURLToPath(new URL(`src/${file}`, import.meta.url));

/** Tests of whole runs, in rooms that learn, draw or start processes. `npm run test:unit` leaves them out. */
const WHOLE = [
  "test/{classifier,cli,evaluation,hub,keepsake,learning,library,recipes,strategies,studio}/**/*.test.ts",
  "test/{examples,parity,bench/taught-library,scripts/tool}.test.ts",
];

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
    // That nothing hangs: what is slow beside other programs is not wrong.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // One more than cores: many tests wait for processes, locks and timers. Each takes up to 1.4 GB.
    maxWorkers: Math.min(4, availableParallelism() + 1),
    // What one project has transformed the next need not transform again.
    experimental: { fsModuleCache: true },
    setupFiles: ["test/setup.ts"],
    projects: [
      project("unit", { include: ["test/**/*.test.ts"], exclude: [...WHOLE, ...ALONE], isolate: false }),
      project("whole", { include: WHOLE, exclude: ALONE, isolate: false }),
      project("alone", { include: ALONE, exclude: [] }),
    ],
  },
});

interface Files {
  readonly include: string[];
  readonly exclude: string[];
  readonly isolate?: boolean;
}

function project(name: string, files: Files) {
  return { extends: true as const, test: { name, pool: "forks" as const, ...files } };
}
