import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  CONCEPT_SETS,
  KEYS_AND_VALUES,
  adaptedBy,
  chosenOptions,
  grid,
  orders,
  withDefaults,
  type PlannedRun,
} from "../../bench/continual/plan.ts";
import { Results, type RunResult } from "../../bench/continual/results.ts";
import { markdownTable } from "../../bench/continual/table.ts";
import { createStrategy, STRATEGIES } from "../../src/strategies/registry.ts";
import { readJson } from "../../src/io/json.ts";
import type { SequenceRun } from "../../src/evaluation/sequence-run.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";

const inFolder = temporaryFolder();
const budget = { steps: 10, rank: 4, learningRate: 1e-3, tokenLearningRate: 1e-2, lrScheduler: "cosine" } as const;
const planned = (strategy: string, seed: number): PlannedRun => ({
  ...{ strategy, seed, budget, options: {}, set: "reported", pictures: 1, classifierDraws: 4 },
  order: ["mochi", "pogo"],
});

function run(aMmd: number, dcAccuracy?: number): SequenceRun {
  const evaluations = { forward: 10, forwardBackward: 40 };
  return {
    metrics: {
      ...{ aMmd, clipI: 0.5, clipT: 0.25, plasticity: aMmd, kid: { value: aMmd }, fidelity: [[aMmd], [aMmd, aMmd]] },
      ...(dcAccuracy !== undefined && { dcAccuracy }),
    },
    learned: 2,
    earlier: [],
    generated: [],
    costs: [
      { seconds: 1, evaluations },
      { seconds: 3, evaluations },
    ],
    trainedParameters: 100,
    keptBytes: 500,
  };
}

describe("the plan of the benchmark", () => {
  it("tunes on other concepts than it reports", () => {
    const reported: readonly string[] = CONCEPT_SETS.reported;
    expect(CONCEPT_SETS.tuning.filter((name) => reported.includes(name))).toEqual([]);
  });

  it("has the concepts in as many orders as wanted, always the same", () => {
    const planned = orders("reported", 3, 5);
    expect(planned).toEqual(orders("reported", 3, 5));
    expect(new Set(planned.map((order) => order.join())).size).toBe(3);
    for (const order of planned) expect([...order].sort()).toEqual([...CONCEPT_SETS.reported].sort());
  });

  it("has each strategy adapt what it is made for, at that layers' rank and rate", () => {
    expect(adaptedBy("replay")).toEqual({ rank: 32, targets: "unet-linear", learningRate: 1.5e-3 });
    for (const name of ["kv-nullspace", "kfac-ewc-dc", "c-lora", "custom-diffusion"]) {
      expect(adaptedBy(name)).toEqual(KEYS_AND_VALUES);
    }
    expect(adaptedBy("replay", "crossattn-kv")).toEqual(KEYS_AND_VALUES);
    expect(adaptedBy("c-lora", "unet-linear")).toEqual(adaptedBy("replay"));
  });

  it("knows strengths that its strategies have", async () => {
    const tuned = (await readJson(join("bench", "continual", "tuned.json"))) as Readonly<Record<string, object>>;
    for (const [name, options] of Object.entries(tuned))
      expect(createStrategy(name, { ...options }).options).toMatchObject(options);
  });

  it("tries every strategy with options that it has", () => {
    for (const { name } of STRATEGIES) {
      for (const { strategy, options } of grid(name)) expect(createStrategy(strategy, options).name).toBe(name);
    }
  });
});

describe("a contender", () => {
  it("is kept with every option, and called by those that are not the defaults", () => {
    const contender = withDefaults({ strategy: "ewc-dc", options: { lambda: 7 } });
    expect(contender.options).toEqual({ ...createStrategy("ewc-dc").options, lambda: 7 });
    expect(chosenOptions(contender)).toEqual(["lambda=7"]);
    expect(chosenOptions(withDefaults({ strategy: "ewc-dc", options: {} }))).toEqual([]);
  });
});

describe("results of runs", () => {
  it("are kept: what has been run is not run again, another seed or budget is", async () => {
    const results = await Results.open(inFolder("results"));
    const never = () => Promise.reject(new Error("run twice"));
    expect(await results.once("model", planned("ewc", 0), () => Promise.resolve(run(1)))).toBe(true);
    expect(await results.once("model", planned("ewc", 0), never)).toBe(false);
    expect(await results.once("model", planned("ewc", 1), () => Promise.resolve(run(2)))).toBe(true);
    const longer = { ...planned("ewc", 0), budget: { ...budget, steps: 20 } };
    expect(await results.once("model", longer, () => Promise.resolve(run(3)))).toBe(true);
    const all = await results.all();
    expect(all.map(({ metrics }) => metrics.aMmd).sort()).toEqual([1, 2, 3]);
    expect(all[0]).not.toHaveProperty("generated");
  });

  it("of a run that failed are not kept, and it can be run again", async () => {
    const results = await Results.open(inFolder("failed"));
    const fail = () => Promise.reject(new Error("out of memory"));
    await expect(results.once("model", planned("ewc", 0), fail)).rejects.toThrow("out of memory");
    expect(await results.once("model", planned("ewc", 0), () => Promise.resolve(run(1)))).toBe(true);
  });
});

describe("the table", () => {
  const result = (strategy: string, seed: number, aMmd: number, dcAccuracy?: number): RunResult => ({
    ...{ planned: planned(strategy, seed), model: "0123456789abcdef" },
    ...run(aMmd, dcAccuracy),
  });

  it("gives mean and standard error over runs, the best A_MMD first, and nothing where a measure is missing", () => {
    const lines = markdownTable(
      [
        result("sequential", 0, 0.004, 0.5),
        result("sequential", 1, 0.006, 0.7),
        result("separate", 0, 0.001),
        result("separate", 1, 0.001),
      ],
      "reported",
    ).split("\n");
    expect(lines).toHaveLength(6);
    const adapted = "crossattn-kv at rank 4 and rate 0.001";
    expect(lines[0]).toBe(
      `model 01234567, 2 concepts, 10 steps, ${adapted}, token's rate 0.01, cosine, 1 picture for each view, 4 draws of the classifier`,
    );
    const [separate, sequential] = lines.slice(4).map((line) => line.split("|").map((cell) => cell.trim()));
    expect(separate[1]).toContain("separate");
    expect(separate).toContain("–");
    expect(sequential.slice(2, 4)).toEqual(["2", "5.000 ± 1.000"]);
    expect(sequential).toContain("0.600 ± 0.100");
    // Seconds and UNet evaluations are those of one concept.
    expect(sequential).toContain("2.0");
    expect(sequential).toContain("40");
  });

  it("compares with replay in runs of the same order and seed", () => {
    const results = [result("replay", 0, 0.001), result("replay", 1, 0.002), result("sequential", 0, 0.004)];
    const rowOf = (name: string, of: readonly RunResult[]) =>
      markdownTable(of, "reported")
        .split("\n")
        .map((line) => line.split("|").map((cell) => cell.trim()))
        .find((cells) => cells[1] === name);
    expect(rowOf("sequential", results)?.slice(3, 5)).toEqual(["4.000", "3.000"]);
    expect(rowOf("replay", results)?.slice(3, 5)).toEqual(["1.500 ± 0.500", "0.000"]);
    const two = [...results, result("sequential", 1, 0.007)];
    expect(rowOf("sequential", two)?.slice(3, 5)).toEqual(["5.500 ± 1.500", "4.000 ± 1.000"]);
    // A run without a counterpart is compared with nothing.
    expect(rowOf("sequential", [...two, result("sequential", 2, 0.007)])?.[4]).toBe("–");
  });

  it("has a row for each time that a run was measured, fewer concepts first", () => {
    const end = result("sequential", 0, 0.001, 0.5);
    const { metrics } = result("sequential", 0, 0.006, 1);
    const table = markdownTable([{ ...end, earlier: [{ learned: 1, metrics, keptBytes: 300 }] }], "reported");
    const [first, last] = table
      .split("\n")
      .slice(-2)
      .map((line) => line.split("|").map((cell) => cell.trim()));
    expect(first[1]).toBe("sequential, 1 concept");
    expect(first).toEqual(expect.arrayContaining(["6.000", "1.000", "1.0", "300"]));
    expect(last[1]).toBe("sequential, 2 concepts");
    expect(table.split("\n")[0]).toMatch(/^model 01234567, 10 steps, crossattn-kv at rank 4/);
    expect(last).toEqual(expect.arrayContaining(["1.000", "0.500", "2.0", "500"]));
  });

  it("keeps apart what different models came to, and different numbers of pictures and draws", () => {
    const first = result("sequential", 0, 0.001, 0.5);
    const fewer = { ...first, planned: { ...first.planned, classifierDraws: 2 } };
    const more = { ...first, planned: { ...first.planned, pictures: 2 } };
    const [shared, , , , ...rows] = markdownTable(
      [first, { ...first, model: "fedcba9876543210" }, fewer, more],
      "reported",
    ).split("\n");
    expect(shared).toMatch(/^2 concepts, 10 steps, /);
    expect(rows).toHaveLength(4);
    const [one, two] = ["1 picture for each view", "2 pictures for each view"];
    const told = [
      ...[`fedcba98, ${one}, 4 draws of`, `01234567, ${one}, 4 draws of`],
      ...[`01234567, ${one}, 2 draws of`, `01234567, ${two}, 4 draws of`],
    ];
    for (const own of told) expect(rows.some((row) => row.startsWith(`| sequential, model ${own}`))).toBe(true);
  });
});
