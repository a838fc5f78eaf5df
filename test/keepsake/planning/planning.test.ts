import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { likelyBytes, programCost, type ProgramCost } from "../../../src/diffusion/program-cost.ts";
import { KeepsakeError } from "../../../src/errors.ts";
import { conv2d, input, type Tensor } from "../../../src/graph/index.ts";
import { shareOfBudget, stepsWithin } from "../../../src/keepsake/planning/budget.ts";
import { factsWithin, learnPlan, peakBytes, plannedSeconds } from "../../../src/keepsake/planning/learn-plan.ts";
import { chosenMode, fittingResolution } from "../../../src/keepsake/planning/memory-mode.ts";
import { factsWithSteps, type PlanFacts } from "../../../src/keepsake/planning/plan-facts.ts";
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
  const within = (budget: number, perStep = 1) =>
    stepsWithin({ budget, secondsOf: (steps) => 40 + perStep * steps, usual: 400 });

  it("comes to as many steps as fit in nine tenths of it", () => {
    expect(within(600)).toBe(500);
    expect(within(600, 2.4)).toBe(200);
  });

  it("has no fewer steps than an eighth of the usual ones, and no more than four times as many", () => {
    expect(within(600, 500 / 53)).toBe(50);
    expect(within(86_400)).toBe(1600);
    expect(() => within(99)).toThrow(
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
  const nothingKnown = { freeMemory: Infinity, freeDisk: undefined, budget: undefined };
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

  describe("of a run that is looked at on the way", () => {
    /** A second each. */
    const [picture, prediction] = [cost(200), cost(200)];
    const unsampled: PlanFacts = {
      ...{ ...facts, speed: { ...speed, opening: 0 }, step: { ...facts.step, prediction } },
      work: { ...facts.work, phases: [{ name: "learn", steps: 10, evaluations: { forward: 0, forwardBackward: 2 } }] },
    };
    const samples = { every: 4, pictures: 3, steps: 1, step: picture, decoder: cost(0) };
    const looked: PlanFacts = { ...unsampled, samples };
    const extrasOf = (some: PlanFacts, steps: number) => plannedSeconds(factsWithSteps(some, steps)).extras;

    it("has samples before the first step, every so many steps, and after the last one", () => {
      expect([1, 4, 5, 8, 9, 10].map((steps) => extrasOf(looked, steps) / 3)).toEqual([2, 2, 3, 3, 4, 4]);
    });

    it("counts those that are left of a run that is gone on with, with the one that was due where it stopped", () => {
      const left = [3, 4, 5, 8, 9].map((stepsDone) => extrasOf({ ...looked, stepsDone }, 10) / 3);
      expect(left).toEqual([3, 3, 2, 2, 1]);
    });

    it("has as many measurements on photos that are held back", () => {
      const validated: PlanFacts = { ...unsampled, validation: { every: 4, predictions: 6 } };
      expect([4, 10].map((steps) => extrasOf(validated, steps))).toEqual([6, 12]);
    });

    it("holds the programs that draw samples beside those of training", () => {
      const drawn = { pictures: 3, steps: 1, step: cost(200, 1e6), decoder: cost(0) };
      const plain = { ...unsampled, step: { ...facts.step, training: cost(400, 1e6) } };
      const peak = peakBytes({ ...plain, samples: { every: 4, ...drawn } });
      expect(peak).toBeGreaterThan(peakBytes(plain));
      expect(peak).toBeGreaterThan(peakBytes({ ...plain, drawings: drawn }));
    });
  });

  it("counts what a run holds of its adapter while it trains, and not while it draws", () => {
    const peak = peakBytes(facts);
    expect(peakBytes({ ...facts, adapterBytes: 500 })).toBe(peak + 500);
    const previews = { pictures: 4, steps: 30, step: cost(20, 1e6), decoder: cost(80), sheetBytes: 30 };
    expect(peakBytes({ ...facts, adapterBytes: 500, previews })).toBe(peakBytes({ ...facts, previews }));
  });

  it("says whether a longer budget would bring more steps", () => {
    const planned = (most: number) => learnPlan(facts, { ...nothingKnown, budget: 60, most });
    expect(planned(10)).toMatchObject({ steps: 10, budget: 60, isMost: true });
    expect(planned(11)).toMatchObject({ steps: 10, budget: 60, isMost: false });
  });

  it("leaves out what is not known", () => {
    const plan = learnPlan(facts, nothingKnown);
    expect(plan).toMatchObject({ steps: 10, memory: { mode: "full" }, disk: { kept: 70, snapshot: 90 } });
    expect(plan.secondsPerStep).toBeCloseTo(4 * both + 4 * alone, 9);
    expect([plan.memory, plan.disk].map((part) => "free" in part)).toEqual([false, false]);
    expect(["budget", "isMost"].filter((name) => name in plan)).toEqual([]);
  });
});

describe("the steps for a budget", () => {
  /** As README has it for Stable Diffusion 1.5: 10 s a step, 4 min a picture, a second for everything else. */
  const speed = { training: 1, forward: 1, opening: 0, isOpen: true };
  const facts: PlanFacts = {
    ...{ steps: 400, stepsDone: 0, photos: 1, speed, loading: 0, mode: "full", heldBytes: 0, adapterBytes: 0 },
    work: {
      phases: [{ name: "learn", steps: 400, evaluations: { forward: 0, forwardBackward: 1 } }],
      ...{ keptBytes: 0, snapshotBytes: 0 },
    },
    step: { training: cost(10), prediction: cost(3.7), batchSize: 1 },
    encoder: cost(1),
  };
  const sampled: PlanFacts = {
    ...facts,
    samples: { every: 25, pictures: 1, steps: 30, step: cost(8), decoder: cost(0) },
  };

  it("leave room for the samples that they bring, and do not count those of other steps", () => {
    // 400 steps in 4000 s, and 17 pictures in 4080; 410 would be 4100 and 18 in 4320.
    const hours = factsWithin(2.5 * 3600, sampled, 400);
    expect(hours.steps).toBe(400);
    expect(plannedSeconds(hours).extras).toBe(17 * 240);
    // 50 steps in 500 s, and three pictures in 720.
    const least = factsWithin(1360, sampled, 400);
    expect(least.steps).toBe(50);
    expect(plannedSeconds(least).total).toBe(1221);
    expect(() => factsWithin(1350, sampled, 400)).toThrow("50 steps, takes about 22 min 37 s");
  });

  it("are the most whose plan fits in nine tenths of it, and none where the plan of the least does not", () => {
    const some = fc.double({ min: 0.1, max: 100, noNaN: true });
    const every = fc.integer({ min: 1, max: 500 });
    const pictures = fc.record({
      ...{ pictures: fc.integer({ min: 1, max: 50 }), steps: fc.integer({ min: 1, max: 30 }) },
      ...{ step: some.map((flops) => cost(flops)), decoder: some.map((flops) => cost(flops)) },
    });
    const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
    const run = fc
      .record({
        speed: fc.record({ training: some, forward: some, opening: some, isOpen: fc.boolean() }),
        drawings: maybe(pictures),
        samples: maybe(fc.tuple(pictures, every).map(([each, steps]) => ({ ...each, every: steps }))),
        validation: maybe(fc.record({ every, predictions: fc.integer({ min: 8, max: 80 }) })),
        previews: maybe(pictures.map((each) => ({ ...each, sheetBytes: 1 }))),
        hasTeacher: fc.boolean(),
        isConsolidated: fc.boolean(),
      })
      .map(({ hasTeacher, isConsolidated, speed: measured, ...drawn }): PlanFacts => {
        const phase = { steps: 400, evaluations: { forward: 1, forwardBackward: 2 } };
        const phases = [
          ...(hasTeacher ? [{ name: "teacher" as const, ...phase }] : []),
          { name: "learn" as const, ...phase },
          ...(isConsolidated ? [{ name: "consolidate" as const, ...phase, steps: 8 }] : []),
        ];
        const present = Object.fromEntries(Object.entries(drawn).filter(([, value]) => value !== undefined));
        return { ...facts, ...present, speed: measured, work: { ...facts.work, phases } };
      });
    const usual = fc.integer({ min: 1, max: 1000 });
    const budget = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(run, usual, budget, (asked, often, share) => {
        const secondsOf = (steps: number) => plannedSeconds(factsWithSteps(asked, steps)).total;
        const [least, most] = [Math.ceil(often / 8), 4 * often];
        // From what no number fits to what all of them do.
        const limit = secondsOf(least) * 0.5 + share * secondsOf(most);
        const chosen = stepsOrNone(() => factsWithin(limit / 0.9, asked, often));
        if (chosen === undefined) {
          expect(secondsOf(least)).toBeGreaterThan(limit * (1 - 1e-12));
          return;
        }
        expect(plannedSeconds(chosen).total).toBe(secondsOf(chosen.steps));
        expect(plannedSeconds(chosen).total).toBeLessThanOrEqual(limit * (1 + 1e-12));
        expect(chosen.steps).toBeGreaterThanOrEqual(least);
        expect(chosen.steps).toBeLessThanOrEqual(most);
        const next = Math.min(most, 10 * Math.floor(chosen.steps / 10) + 10);
        if (chosen.steps < most) expect(secondsOf(next)).toBeGreaterThan(limit * (1 - 1e-12));
      }),
    );
  });
});

/** @returns undefined for a budget that is refused */
function stepsOrNone(choose: () => PlanFacts): PlanFacts | undefined {
  try {
    return choose();
  } catch (error) {
    if (error instanceof KeepsakeError) return undefined;
    throw error;
  }
}
