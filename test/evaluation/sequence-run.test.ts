import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DenoiserPool } from "../../src/training/denoiser-pool.ts";
import { createStrategy } from "../../src/strategies/registry.ts";
import { ClipFeatures } from "../../src/diffusion/clip/clip-features.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { measureRun } from "../../src/evaluation/run-report.ts";
import {
  runSequence,
  type JudgedConcept,
  type SequenceRun,
  type SequenceRunRequest,
} from "../../src/evaluation/sequence-run.ts";
import { RandomStream } from "../../src/random/random.ts";
import { MODEL } from "../keepsake/support.ts";
import { fixture } from "../diffusion/support.ts";

const RESOLUTION = 32;
const SIZE = 4 * 4 * 4;

let pipeline: StableDiffusionPipeline;
let pool: DenoiserPool;
let clip: ClipFeatures;

beforeAll(async () => {
  pipeline = await StableDiffusionPipeline.load(MODEL, { threads: 1 });
  pool = new DenoiserPool(pipeline, { threads: 1 });
  clip = await ClipFeatures.load(fixture("models/tiny-clip"), { threads: 1 });
});

afterAll(() => Promise.all([pool.dispose(), clip.dispose(), pipeline.dispose()]));

const concept = (name: string, classNoun: string): JudgedConcept => ({
  ...{ name, classNoun },
  photos: [0, 1].map((i) => ({
    mean: new RandomStream(7, name, i).normal(SIZE),
    logvar: new Float32Array(SIZE).fill(-4),
  })),
  heldOut: [2, 3].map((i) => ({
    width: 40,
    height: RESOLUTION,
    data: Uint8Array.from(new RandomStream(7, name, i).integers(40 * RESOLUTION * 3, 256)),
  })),
  prompts: ["a photo of a {}", "{} on the beach"],
});
const concepts = [concept("rex", "dog"), concept("blue", "cup")];

function request(strategy: string): SequenceRunRequest {
  return {
    ...{ pipeline, pool, clip, concepts, strategy: createStrategy(strategy) },
    training: { steps: 2, resolution: RESOLUTION, learningRate: 1e-2, batchSize: 2 },
    adapter: { rank: 2 },
    drawing: { seed: 1, steps: 2, guidanceScale: 2 },
    classifierDraws: 2,
  };
}

async function run(strategy: string, measuredAfter: readonly number[] = []): Promise<SequenceRun> {
  return runSequence({ ...request(strategy), measuredAfter });
}

describe("a run of a sequence", () => {
  it("draws all known concepts after each, and measures what it drew", async () => {
    const { generated, metrics, costs, confidence, ...totals } = await run("sequential");
    expect(generated.map((row) => row.map((pictures) => pictures.length))).toEqual([[2], [2, 2]]);
    const pictures = {
      heldOut: concepts.map(({ heldOut }) => heldOut),
      generated,
      prompts: [
        ["a photo of a dog", "dog on the beach"],
        ["a photo of a cup", "cup on the beach"],
      ],
    };
    expect(metrics).toEqual(await measureRun(clip, pictures, { confidence }));
    expect(confidence?.map((each) => [each.concept, each.pictures])).toEqual([
      ["rex", 2],
      ["blue", 2],
    ]);
    // Two steps of two photos, each a prediction with its derivatives.
    expect(costs.map(({ evaluations }) => evaluations)).toEqual(
      concepts.map(() => ({ forward: 0, forwardBackward: 4 })),
    );
    expect(totals.keptBytes).toBeGreaterThan(4 * totals.trainedParameters);
  });

  it("counts the evaluations with which replayed pictures are drawn", async () => {
    const strategy = createStrategy("replay", { pictures: 1, share: 1, noun: false });
    const { costs } = await runSequence({ ...request("replay"), strategy });
    const steps = Math.min(pipeline.family.steps, 12);
    // A step predicts what is replayed, for each of two photos. Drawn are a picture of the class noun and one of other
    // things; later one of the earlier concept and one of its noun, too. A guided step takes two evaluations.
    expect(costs.map(({ evaluations }) => evaluations)).toEqual([
      { forward: 4 + 2 * steps * 2, forwardBackward: 8 },
      { forward: 4 + 4 * steps * 2, forwardBackward: 8 },
    ]);
  });

  it("gives the same pictures and measures again", async () => {
    const [first, second] = [await run("sequential"), await run("sequential")];
    expect(second.generated).toEqual(first.generated);
    expect(second.metrics).toEqual(first.metrics);
  });

  it("is measured on its way as if it had ended there", async () => {
    const { earlier, learned } = await run("sequential", [1]);
    const alone = await runSequence({ ...request("sequential"), concepts: concepts.slice(0, 1), learnedRows: 2 });
    expect(learned).toBe(2);
    const { metrics, confidence, keptBytes } = alone;
    expect(earlier).toEqual([{ learned: 1, metrics, confidence, keptBytes }]);
  });

  it("draws each concept of separate adapters with its own: what was learned first is drawn as before", async () => {
    const { generated, metrics } = await run("separate");
    expect(generated[1][0]).toEqual(generated[0][0]);
    expect(metrics).not.toHaveProperty("dcAccuracy");
  });

  it("has nothing to say of forgetting where all is learned at once", async () => {
    const { generated, metrics, costs } = await run("joint");
    expect(costs).toHaveLength(1);
    expect(generated[1][0]).toEqual(generated[0][0]);
    for (const measure of ["fMmd", "backwardTransfer", "plasticity"]) expect(metrics).not.toHaveProperty(measure);
  });
});
