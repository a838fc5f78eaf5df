import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { describePlan, planLine } from "../../src/cli/commands/learn/learn-plan-report.ts";
import { duration } from "../../src/cli/options.ts";
import { instructionsIn } from "../../src/io/processor.ts";
import type { DoctorReport, LearnPlan } from "../../src/index.ts";
import { formatAbout, formatEach } from "../../src/units.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { treeOf, writePhotos } from "../keepsake/support.ts";
import { failureLine, keepsakeHere, learn, succeeded } from "./support.ts";

const inFolder = temporaryFolder();
let photos: string;
let known: string;

beforeAll(async () => {
  photos = await writePhotos(inFolder("photos"), "dog");
  known = inFolder("known");
  succeeded(await keepsakeHere(learn(known, "dog", [photos])));
});

describe("keepsake learn --plan", () => {
  it("says what a run would take, and writes nothing", async () => {
    const library = inFolder("not made");
    const { stdout, stderr } = succeeded(await keepsakeHere([...learn(library, "cat", [photos]), "--plan"]));
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^time +\d/);
    expect(stdout).toMatch(
      /\n {2}training, 6 steps of .*\nmemory +\d.* free \(without checkpointing\)\ndisk .*\nspeed /,
    );
    expect(stdout).toMatch(/\nNothing was written\.\n$/);
    expect(existsSync(library)).toBe(false);
  });

  it("is data with --json, and leaves a library as it is", async () => {
    const before = treeOf(known);
    const args = [...learn(known, "cat", [photos]), "--plan", "--json", "--checkpointing"];
    const plan = JSON.parse(succeeded(await keepsakeHere(args)).stdout) as LearnPlan;
    expect(plan).toMatchObject({ steps: 6, stepsDone: 0, photos: 2, memory: { mode: "checkpointing" } });
    for (const value of [plan.seconds.total, plan.memory.peak, plan.disk.kept]) expect(value).toBeGreaterThan(0);
    expect(treeOf(known)).toEqual(before);
  });

  it("refuses what could not be learned", async () => {
    failureLine(await keepsakeHere([...learn(known, "dog", [photos]), "--plan"]), 5);
    failureLine(await keepsakeHere([...learn(known, "cat", [photos]), "--budget", "10m"]), 2);
  });
});

describe("keepsake learn", () => {
  it("begins with the plan in a line", async () => {
    const { stderr } = succeeded(await keepsakeHere(learn(inFolder("line"), "dog", [photos])));
    expect(stderr).toMatch(
      /\n2 photos\n(?:warning: .*\n)?planning .*\nabout [\d.]+ (s|min|h), [\d.]+ [MG]B of memory, [\d.]+ [kM]B on disk\nenc/,
    );
  });
});

describe("keepsake doctor", () => {
  it("says what there is to know, with exit code 0", async () => {
    const { stdout } = succeeded(await keepsakeHere(["doctor", "--library", known, "--threads", "1"]));
    for (const words of ["keepsake ", "ONNX Runtime", "sharp", "providers", "GFLOP/s", "Stable Diffusion 2.x"]) {
      expect(stdout).toContain(words);
    }
    expect(stdout).toMatch(/\nproviders +(?:(?:cpu|webgpu|cuda|dml|coreml)(?:, |\n))+/);
    expect(stdout).toMatch(/\nlibrary .*: 1 concept, on .+, whole\n/);
    expect(stdout).toMatch(/\nKeepsake 64, a miniature +64x64 +[\d.]+ MB, .* a step +[\d.]+ MB, .* a picture\n/);
    expect(stdout).toMatch(/\nAll is well\.\n$/);
  });

  it("finds a damaged library, with exit code 5", async () => {
    const library = inFolder("damaged");
    cpSync(known, library, { recursive: true });
    const [blob] = readdirSync(join(library, "blobs"));
    rmSync(join(library, "blobs", blob));
    const { code, stdout, stderr } = await keepsakeHere(["doctor", "--library", library, "--threads", "1", "--json"]);
    const report = JSON.parse(stdout) as DoctorReport;
    expect(report).toMatchObject({ library: { concepts: 1, faults: 1 }, problems: [{ kind: "state" }] });
    expect(report.fits.map(({ resolution }) => resolution)).toEqual([64, 256, 512, 256, 512, 512, 1024]);
    expect(stderr).toMatch(/^error: .* is damaged: see "keepsake verify"/);
    expect(code).toBe(5);
  });
});

describe("a plan in words", () => {
  const plan: LearnPlan = {
    ...{ steps: 520, stepsDone: 0, photos: 5, budget: 1800, secondsPerStep: 2.5 },
    seconds: { loading: 4, encoding: 9.6, training: 1300, consolidation: 0, extras: 0, previews: 0, total: 1313.6 },
    memory: { mode: "checkpointing", peak: 3.61e9, free: 3.2e9 },
    disk: { kept: 5e6, snapshot: 9e6 },
    speed: { forward: 340e9, training: 250e9 },
  };

  it("is a line", () => {
    expect(planLine(plan)).toBe(
      "about 22 min (520 steps in a budget of 30 min), 3.6 GB of memory with checkpointing, 5.0 MB on disk",
    );
    expect(planLine({ ...plan, stepsDone: 3 })).toBe(
      "about 22 min left (520 steps in a budget of 30 min), 3.6 GB of memory with checkpointing, 5.0 MB on disk",
    );
  });

  it("says so where more time would bring no more steps", () => {
    const most: LearnPlan = { ...plan, budget: 7200, isMost: true };
    const chosen = "520 steps in a budget of 2.0 h, the most for any; --steps takes more";
    expect(planLine(most)).toContain(`about 22 min (${chosen}), 3.6 GB`);
    expect(describePlan(most)).toContain(`  chosen                         ${chosen}\n`);
  });

  it("is a table", () => {
    expect(describePlan(plan).split("\n")).toEqual([
      "time                             22 min",
      "  loading                        4.0 s",
      "  encoding 5 photos              10 s",
      "  training, 520 steps of 2.50 s  22 min",
      "  chosen                         520 steps in a budget of 30 min",
      "memory                           3.6 GB, 3.2 GB free (with checkpointing)",
      "disk                             5.0 MB (and 9.0 MB while it runs)",
      "speed                            250 GFLOP/s in training",
      "That may be more memory than is free: close other programs, or learn at a smaller --resolution.",
      "Nothing was written.",
    ]);
  });

  it("says times in one unit", () => {
    expect([0.2, 89, 90, 5399, 5400, 40_000].map(formatAbout)).toEqual([
      "1 s",
      "89 s",
      "2 min",
      "90 min",
      "1.5 h",
      "11 h",
    ]);
  });

  it("says how long one of many takes to two places and more", () => {
    expect([0.0994, 0.17, 3.214, 12.36, 131].map(formatEach)).toEqual(["99 ms", "0.17 s", "3.21 s", "12.4 s", "2 min"]);
  });
});

describe("a time on the command line", () => {
  it.each([
    ["90s", 90],
    ["30m", 1800],
    ["30 min", 1800],
    ["2h", 7200],
    ["1h30m", 5400],
    ["1.5h", 5400],
  ])("%s is %d seconds", (text, seconds) => {
    expect(duration(text)).toBe(seconds);
  });

  it.each(["", "30", "m", "0s", "-5m", "1..5h", "9999h", "5 weeks"])("%j is none", (text) => {
    expect(() => duration(text)).toThrow("such as 90s, 30m, 2h or 1h30m");
  });
});

describe("the instructions of a processor", () => {
  it("are read from what Linux says", () => {
    expect(instructionsIn("model name\t: X\nflags\t\t: fpu avx avx2 avx512f\n")).toEqual(["AVX-512", "AVX2", "AVX"]);
    expect(instructionsIn("Features\t: fp asimd\n")).toEqual(["NEON"]);
    expect(instructionsIn("")).toBeUndefined();
  });
});
