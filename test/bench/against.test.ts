import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { compareResults, formatComparison, readResults, type ComparedCase } from "../../bench/against.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";

const inFolder = temporaryFolder();
const THEN: ComparedCase = {
  name: "train 64x64 fp32",
  runSeconds: [15.0, 15.1, 15.2],
  medianSeconds: 15.1,
  efficiency: 0.62,
  peakBytes: 5.3e9,
};
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
  });

  it("say so in a line for each case, and nothing of cases that only one has", () => {
    const other = { ...THEN, name: "forward 64x64 fp32" };
    const lines = formatComparison(compareResults([THEN], [other, { ...THEN, efficiency: 0.5 }]));
    expect(lines).toBe("train 64x64 fp32: efficiency −19.4 %, at least −5.0 %; peak +0.0 %, at most +3.0 %: WORSE");
    expect(() => compareResults([THEN], [other])).toThrow("--json");
  });

  it("are read from what --json wrote, and nothing else", async () => {
    const path = inFolder("results.json");
    await writeFile(path, JSON.stringify({ machine: { CPU: "one" }, results: [THEN] }));
    expect(await readResults(path)).toEqual({ cpu: "one", results: [THEN] });
    const machine = { CPU: "one" };
    const faulty = [[], [{ ...THEN, efficiency: 0 }], [{ name: "x" }]].map((results) => ({ machine, results }));
    for (const wrong of [[], {}, { results: [THEN] }, ...faulty]) {
      await writeFile(path, JSON.stringify(wrong));
      await expect(readResults(path)).rejects.toThrow("holds no results");
    }
  });
});
