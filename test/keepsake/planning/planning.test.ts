import { describe, expect, it } from "vitest";
import { likelyBytes, programCost, type ProgramCost } from "../../../src/diffusion/program-cost.ts";
import { conv2d, input, type Tensor } from "../../../src/graph/index.ts";
import { shareOfBudget, stepsWithin } from "../../../src/keepsake/planning/budget.ts";
import { learnPlan, peakBytes, plannedSeconds, type PlanFacts } from "../../../src/keepsake/planning/learn-plan.ts";
import { chosenMode, fittingResolution } from "../../../src/keepsake/planning/memory-mode.ts";
import { modelCosts } from "../../../src/keepsake/planning/what-fits.ts";

const cost = (flops: number, values = 0, repeatedFlops = 0): ProgramCost => ({
  ...{ flops, repeatedFlops, leastBytes: 1.3 * values },
  memory: { values, constants: 0, weights: 0, isMapped: false },
});

describe("the cost of a program", () => {
  it("is that of its convolutions", () => {
    const y: Tensor = conv2d(input("x", [1, 3, 8, 8]), input("w", [5, 3, 3, 3]), undefined, { padding: 1 });
    const { flops, repeatedFlops, memory } = programCost({ y });
    expect(flops).toBe(2 * (5 * 8 * 8) * (3 * 3 * 3));
    expect(repeatedFlops).toBe(0);
    expect(memory.values).toBeGreaterThanOrEqual(4 * (3 + 5) * 8 * 8);
  });

  it("is that of Stable Diffusion without any file of it", () => {
    const { learn, step, decoder } = modelCosts("sd1", 256);
    expect(step.flops / 1e9).toBeCloseTo(360, -1); // guided, so a batch of two
    expect(decoder.flops / 1e9).toBeCloseTo(622, -1);
    // Forward and pruned backward of the UNet, and those of the text encoder.
    expect(learn.full.flops).toBeGreaterThan(361e9);
    expect(learn.full.flops).toBeLessThan(420e9);
    expect(learn.checkpointing.flops).toBe(learn.full.flops);
    expect(learn.checkpointing.repeatedFlops).toBeGreaterThan(50e9);
    expect(learn.full.repeatedFlops).toBe(0);
    expect(learn.checkpointing.memory.values).toBeLessThan(0.75 * learn.full.memory.values);
  });
});

describe("the mode for the memory that is free", () => {
  const costs = { full: cost(0, 1000), checkpointing: cost(0, 300) };
  const modeWith = (free: number) => chosenMode((mode) => costs[mode], free);

  it("keeps everything where that likely fits, recomputes where it does not, and is none where nothing fits", () => {
    expect(modeWith(likelyBytes(costs.full, "training"))).toBe("full");
    expect(modeWith(likelyBytes(costs.full, "training") - 1)).toBe("checkpointing");
    expect(modeWith(390)).toBe("checkpointing");
    expect(modeWith(389)).toBeUndefined();
  });

  it("says which resolution would fit", () => {
    const square = (side: number) => side ** 2;
    expect(fittingResolution(512, 64, square, 256 ** 2)).toBe(256);
    expect(fittingResolution(512, 64, square, 512 ** 2)).toBe(448);
    expect(fittingResolution(512, 64, square, 64 ** 2 - 1)).toBeUndefined();
    expect(fittingResolution(64, 64, square, Infinity)).toBeUndefined();
  });
});

describe("a budget", () => {
  const facts = { budget: 600, perStep: 1, fixed: 40, usual: 400 };

  it("comes to as many steps as fit in nine tenths of it", () => {
    expect(stepsWithin(facts)).toBe(500);
    expect(stepsWithin({ ...facts, perStep: 2.4 })).toBe(200);
  });

  it("has no fewer steps than an eighth of the usual ones, and no more than four times as many", () => {
    expect(stepsWithin({ ...facts, perStep: 500 / 53 })).toBe(50);
    expect(stepsWithin({ ...facts, budget: 86_400 })).toBe(1600);
    expect(() => stepsWithin({ ...facts, budget: 99 })).toThrow(
      "1 min 39 s are too short: the least that teaches something, 50 steps, takes about 1 min 40 s on this machine",
    );
  });
});

describe("a budget for several runs", () => {
  it("is shared out, and what one leaves over goes to those after it", () => {
    expect(shareOfBudget(90, { runs: 3, done: 0, spent: 0 })).toBe(30);
    expect(shareOfBudget(90, { runs: 3, done: 1, spent: 20 })).toBe(35);
    expect(shareOfBudget(90, { runs: 3, done: 2, spent: 20 })).toBe(70);
  });

  it("leaves each its share where earlier ones took longer", () => {
    expect(shareOfBudget(90, { runs: 3, done: 2, spent: 85 })).toBe(30);
  });
});

describe("the plan", () => {
  const speed = { training: 100, forward: 200, opening: 3, isOpen: false };
  const facts: PlanFacts = {
    ...{ steps: 10, stepsDone: 0, photos: 4, speed, loading: 5, mode: "full", heldBytes: 1000, adapterBytes: 0 },
    work: {
      phases: [
        { name: "teacher", steps: 10, evaluations: { forward: 0, forwardBackward: 2 } },
        { name: "learn", steps: 10, evaluations: { forward: 4, forwardBackward: 2 } },
        { name: "consolidate", steps: 8, evaluations: { forward: 0, forwardBackward: 1 } },
      ],
      ...{ keptBytes: 70, snapshotBytes: 90 },
    },
    step: { training: cost(400, 0, 40), prediction: cost(100), batchSize: 2 },
    encoder: cost(50),
  };
  // One evaluation with derivatives: (400 / 100 + 40 / 200) / 2; one without: 100 / 200 / 2.
  const [both, alone] = [2.1, 0.25];

  it("adds up loading, photos, phases and previews", () => {
    const previews = { pictures: 4, steps: 30, step: cost(20), decoder: cost(80), sheetBytes: 30 };
    const seconds = plannedSeconds({ ...facts, previews });
    expect(seconds.loading).toBe(5 + 3 * 3);
    expect(seconds.encoding).toBe(1);
    expect(seconds.training).toBeCloseTo(10 * 2 * both + 10 * (2 * both + 4 * alone), 9);
    expect(seconds.consolidation).toBeCloseTo(8 * both, 9);
    expect(seconds.previews).toBeCloseTo(5 * 3 + (4 * (30 * 20 + 80)) / 200, 9);
    const { total, ...parts } = seconds;
    expect(total).toBeCloseTo(
      Object.values(parts).reduce((sum, each) => sum + each, 0),
      9,
    );
  });

  it("is about what is left of a run that is gone on with", () => {
    const { training, consolidation } = plannedSeconds({ ...facts, stepsDone: 15 });
    expect(training).toBeCloseTo(5 * (2 * both + 4 * alone), 9);
    expect(consolidation).toBeCloseTo(8 * both, 9);
  });

  it("counts what a run holds of its adapter while it trains, and not while it draws", () => {
    const peak = peakBytes(facts);
    expect(peakBytes({ ...facts, adapterBytes: 500 })).toBe(peak + 500);
    const previews = { pictures: 4, steps: 30, step: cost(20, 1e6), decoder: cost(80), sheetBytes: 30 };
    expect(peakBytes({ ...facts, adapterBytes: 500, previews })).toBe(peakBytes({ ...facts, previews }));
  });

  it("says whether a longer budget would bring more steps", () => {
    const planned = (most: number) => learnPlan(facts, { freeMemory: Infinity, freeDisk: undefined, budget: 60, most });
    expect(planned(10)).toMatchObject({ steps: 10, budget: 60, isMost: true });
    expect(planned(11)).toMatchObject({ steps: 10, budget: 60, isMost: false });
  });

  it("leaves out what is not known", () => {
    const plan = learnPlan(facts, { freeMemory: Infinity, freeDisk: undefined, budget: undefined });
    expect(plan).toMatchObject({ steps: 10, memory: { mode: "full" }, disk: { kept: 70, snapshot: 90 } });
    expect(plan.secondsPerStep).toBeCloseTo(4 * both + 4 * alone, 9);
    expect([plan.memory, plan.disk].map((part) => "free" in part)).toEqual([false, false]);
    expect(["budget", "isMost"].filter((name) => name in plan)).toEqual([]);
  });
});
