import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StableDiffusionPipeline } from "../../../src/diffusion/pipeline.ts";
import { Keepsake, type LearnProgress } from "../../../src/index.ts";
import { planOf, prepareRun, type PreparedRun } from "../../../src/learning/concept-run.ts";
import { trainingSettings } from "../../../src/learning/learn-settings.ts";
import { rehearse } from "../../../src/learning/rehearsal.ts";
import { readSnapshot } from "../../../src/library/run/run-snapshot.ts";
import { adapterBytes, poolInMemory } from "../../../src/keepsake/planning/memory-mode.ts";
import { createStrategy } from "../../../src/strategies/registry.ts";
import { DenoiserPool } from "../../../src/training/denoiser-pool.ts";
import { temporaryFolder } from "../../io/temporary-folder.ts";
import { learnConcept } from "../one-shot.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "../support.ts";

const inFolder = temporaryFolder();
let pipeline: StableDiffusionPipeline;
let pool: DenoiserPool;
let photos: string;

beforeAll(async () => {
  pipeline = await StableDiffusionPipeline.load(MODEL);
  pool = new DenoiserPool(pipeline, { threads: 1 });
  photos = await writePhotos(inFolder("photos"), "dog");
});

afterAll(() => pool.dispose());

function prepared(strategy = "sequential", options = {}): Promise<PreparedRun> {
  return prepareRun(pipeline, {
    strategy: createStrategy(strategy, options),
    settings: trainingSettings({ steps: 5, resolution: 64, batchSize: 3 }, pipeline),
    known: { concepts: [], memory: new Map(), owner: "a test" },
    concepts: [{ name: "dog", classNoun: "dog" }],
    asked: { rank: 2 },
  });
}

describe("a rehearsal", () => {
  it("knows the evaluations of every phase, and what is kept", async () => {
    const run = await prepared("ewc-dc", { draws: 2 });
    const plan = await planOf(pipeline, pool, run);
    const work = await rehearse(pipeline, pool, run, { plan, photos: 4 });
    const bytes = run.made.adapter.parameters.byteLength;
    expect(work.phases).toMatchObject([
      { name: "learn", steps: 5, evaluations: { forward: 0, forwardBackward: 3 } },
      { name: "consolidate", steps: 8 },
    ]);
    expect(work.phases[1]?.evaluations.forwardBackward).toBeGreaterThanOrEqual(1);
    // Adapter, anchor and Fisher diagonal; its temperature; and the token.
    expect(work.keptBytes).toBe(3 * bytes + 4 + run.tokens.embedding.byteLength);
    expect(work.snapshotBytes).toBeGreaterThan(3 * bytes);
  });
});

describe("the programs of a run", () => {
  const open = async (free: number, asked?: boolean) =>
    poolInMemory({ program: { threads: 1 } }, pipeline, await prepared(), asked, free);

  it("are checkpointed if the memory does not suffice otherwise, or if that is asked for", async () => {
    expect((await open(1e9)).checkpointing).toBe(false);
    expect((await open(1e9, true)).checkpointing).toBe(true);
    const run = await prepared();
    const { leastBytes } = (await open(1e9, true))
      .denoiser(run.made.adapter, {
        ...{ resolution: 64, batchSize: 3, learnedRows: 1 },
      })
      .cost(true);
    const least = leastBytes + adapterBytes(run);
    expect((await open(least)).checkpointing).toBe(true);
    await expect(open(least - 1)).rejects.toThrow(
      /^Learning at 64x64 pixels needs at least [\d.]+ MB of memory even with checkpointing, and [\d.]+ MB are free; /,
    );
    await expect(open(least, false)).rejects.toThrow("and --checkpointing takes less");
  });

  it("are refused with another strategy as advice where the adapter's whole matrices fill the memory", async () => {
    const run = await prepared("kv-nullspace");
    const free = adapterBytes(run) / 2;
    expect(() => poolInMemory({ program: { threads: 1 } }, pipeline, run, true, free)).toThrow(
      /the strategy's adapter takes [\d.]+ [kM]B, several times over; --strategy ewc-dc has a small one\.$/,
    );
  });
});

describe("a run that was begun with checkpointing", () => {
  it("goes on so, and ends in the bytes of one that was not stopped", async () => {
    const request = { name: "dog", photos: [photos], checkpointing: true };
    const whole = inFolder("whole");
    await learnQuickly({ library: whole, ...request });
    const stopped = inFolder("stopped");
    const controller = new AbortController();
    const onProgress = (progress: LearnProgress) => {
      if (progress.kind === "step" && progress.step === 3) controller.abort();
    };
    await learnQuickly({ library: stopped, ...request, signal: controller.signal, onProgress });
    expect((await readSnapshot(stopped))?.identity.memory).toBe("checkpointing");
    await learnQuickly({ library: stopped, name: "dog", photos: [photos] });
    expect(treeOf(stopped)).toEqual(treeOf(whole));
  });
});

describe("a run with a budget", () => {
  const ofSmallPictures = { model: MODEL, classNoun: "dog", strategy: "sequential", snapshotEvery: 1 };

  it("keeps its number of steps when it is gone on with, under whatever budget", async () => {
    const library = inFolder("budget");
    /** Takes two steps; says how many there are in all. */
    const stepsUnder = async (budget: number): Promise<number> => {
      const controller = new AbortController();
      let left = 2;
      const { steps } = await learnConcept({
        ...{ ...ofSmallPictures, library, name: "dog", photos: [photos], budget, signal: controller.signal },
        ...{ adapter: { rank: 2 }, training: { resolution: 32 }, program: { threads: 1 } },
        onProgress: ({ kind }) => {
          if (kind === "step" && --left === 0) controller.abort();
        },
      });
      return steps;
    };
    // So much time that the bound decides, however busy the machine is.
    expect(await stepsUnder(100_000)).toBe(1600);
    expect(await stepsUnder(60)).toBe(1600);
    expect((await readSnapshot(library))?.step).toBe(4);
  });

  it("plans the samples and the validation of the steps that it comes to", async () => {
    const heldBack = await writePhotos(inFolder("held back"), "another dog", 1);
    const session = { model: MODEL, program: { threads: 1 } };
    await using keepsake = await Keepsake.open(inFolder("looked at"), session);
    const looks = [{ samples: { every: 1 } }, { validation: { photos: [heldBack], every: 1 } }];
    for (const looked of looks) {
      const request = { name: "dog", photos: [photos], classNoun: "dog", strategy: "sequential", ...looked };
      const [chosen, asked] = [
        await keepsake.plan({ ...request, budget: 2_592_000, training: { resolution: 32 } }),
        await keepsake.plan({ ...request, training: { resolution: 32, steps: 1600 } }),
      ];
      expect([chosen.steps, asked.steps]).toEqual([1600, 1600]);
      // Operations, however fast the machine was at each time; to compile the programs that draw adds some.
      const operations = [chosen, asked].map(({ seconds, speed }) => seconds.extras * speed.forward);
      expect(operations[0] / operations[1]).toBeCloseTo(1, 1);
    }
  });

  it("does not go with a number of steps", async () => {
    const request = { library: inFolder("both"), name: "dog", photos: [photos], training: { steps: 4 } };
    await expect(learnQuickly({ ...request, budget: 60 })).rejects.toThrow("leave one of the two out");
  });
});
