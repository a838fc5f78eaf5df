import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import {
  compareResults,
  formatComparison,
  measureAgainst,
  readResults,
  type ComparedCase,
} from "../../bench/against.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";

const inFolder = temporaryFolder();
const THEN: ComparedCase = {
  name: "train 64x64 fp32",
  runSeconds: [15.0, 15.1, 15.2],
  medianSeconds: 15.1,
  efficiency: 0.62,
  referenceRate: 2e11,
  peakBytes: 5.3e9,
  peakAnonymousBytes: 1.4e9,
};
const SETTINGS = "provider cpu, 2 threads, mapped weights";
const compared = (now: Partial<ComparedCase>, then: Partial<ComparedCase> = {}) =>
  compareResults([{ ...THEN, ...then }], [{ ...THEN, ...now }])[0];

describe("results against earlier ones", () => {
  it("are told by efficiency, not by seconds", () => {
    expect(compared({ runSeconds: [30, 30.2, 30.4], medianSeconds: 30.2 }).isWorse).toBe(false);
    expect(compared({ efficiency: 0.6 }).isWorse).toBe(false);
    expect(compared({ efficiency: 0.58 })).toMatchObject({ isWorse: true, leastEfficiency: 0.95 });
    expect(compared({ efficiency: 0.8 }).isWorse).toBe(false);
  });

  it("may be worse by as much as runs of one case differ, then or now", () => {
    const disturbed = { runSeconds: [14, 15, 17], medianSeconds: 15 };
    expect(compared({ efficiency: 0.58, ...disturbed }).isWorse).toBe(false);
    expect(compared({ efficiency: 0.58 }, disturbed).isWorse).toBe(false);
    expect(compared({ efficiency: 0.54, ...disturbed }).isWorse).toBe(true);
  });

  it("are worse with a larger peak", () => {
    expect(compared({ peakBytes: 5.4e9 }).isWorse).toBe(false);
    expect(compared({ peakBytes: 5.5e9 }).isWorse).toBe(true);
    expect(compared({ peakAnonymousBytes: 1.45e9 }).isWorse).toBe(false);
    expect(compared({ peakAnonymousBytes: 1.5e9 }).isWorse).toBe(true);
    expect(compared({ peakAnonymousBytes: undefined }).isWorse).toBe(false);
  });

  it("say so in a line for each case, and nothing of cases that only one has", () => {
    const other = { ...THEN, name: "forward 64x64 fp32" };
    const lines = formatComparison(compareResults([THEN], [other, { ...THEN, efficiency: 0.5 }]));
    expect(lines).toBe(
      "train 64x64 fp32: efficiency −19.4 %, at least −5.0 %; peak +0.0 %, at most +3.0 %; " +
        "anonymous +0.0 %, at most +5.0 %: WORSE",
    );
    expect(compareResults([THEN], [other])).toEqual([]);
  });

  it("are measured again where a case seems worse, three times at most", async () => {
    const efficiencies = async (...values: number[]) => {
      const rest = [...values];
      const measure = () => Promise.resolve({ ...THEN, efficiency: rest.shift() ?? 0 });
      return { last: (await measureAgainst([THEN], measure)).efficiency, left: rest };
    };
    expect(await efficiencies(0.62, 0.1)).toEqual({ last: 0.62, left: [0.1] });
    expect(await efficiencies(0.5, 0.6, 0.1)).toEqual({ last: 0.6, left: [0.1] });
    expect(await efficiencies(0.5, 0.51, 0.52, 0.62)).toEqual({ last: 0.52, left: [0.62] });
  });

  it("are measured again, and said to say little, where the reference ran otherwise", async () => {
    const rates = [1e11, 2.2e11, 2e11];
    const measure = () => Promise.resolve({ ...THEN, efficiency: 1.2, referenceRate: rates.shift() ?? 0 });
    expect((await measureAgainst([THEN], measure)).referenceRate).toBe(2.2e11);
    const disturbed = compareResults([THEN], [{ ...THEN, referenceRate: 1e11, efficiency: 1.2 }]);
    expect(formatComparison(disturbed)).toContain("the reference ran at −50.0 %, so the efficiency says little: ok");
    expect(formatComparison(compareResults([THEN], [THEN]))).not.toContain("reference");
  });

  it("are not called worse for what a disturbed reference says, but for their memory all the same", () => {
    const [slow] = compareResults([THEN], [{ ...THEN, referenceRate: 1e11, efficiency: 0.1 }]);
    const [large] = compareResults([THEN], [{ ...THEN, referenceRate: 1e11, peakBytes: 2 * THEN.peakBytes }]);
    expect([slow.isWorse, large.isWorse]).toEqual([false, true]);
  });

  it("are read from what --json wrote, and nothing else", async () => {
    const path = inFolder("results.json");
    const machine = { CPU: "one", settings: `${SETTINGS}, 5 runs after a warm-up` };
    await writeFile(path, JSON.stringify({ machine, results: [THEN] }));
    expect(await readResults(path, [THEN.name, "other"], SETTINGS)).toEqual({ cpu: "one", results: [THEN] });
    await expect(readResults(path, ["other"], SETTINGS)).rejects.toThrow("--json first");
    await expect(readResults(path, [THEN.name], SETTINGS.replace("2", "1"))).rejects.toThrow("not comparable with");
    const faulty = [[], [{ ...THEN, efficiency: 0 }], [{ name: "x" }]].map((results) => ({ machine, results }));
    for (const wrong of [[], {}, { results: [THEN] }, ...faulty]) {
      await writeFile(path, JSON.stringify(wrong));
      await expect(readResults(path, [THEN.name], SETTINGS)).rejects.toThrow("holds no results");
    }
  });
});
