/**
 * @file Teaches two example concepts in memory, with two strategies, and asks how far the first one has moved when the
 * second one was learned. Run it with `npx tsx examples/compare-strategies.ts`; a number of steps may follow.
 */
import { join } from "node:path";
import { StableDiffusionPipeline } from "keepsake";
import { BoundAdapter } from "keepsake/adapters";
import { encodeTrainingPhotos, learnSequence, loadPhotos, type LearnedConcept } from "keepsake/evaluation";
import { createStrategy, DenoiserPool } from "keepsake/strategies";

const STEPS = Number(process.argv[2] ?? 100);
const RESOLUTION = 64;
const ROOT = join(import.meta.dirname, "..");

const pipeline = await StableDiffusionPipeline.load(join(ROOT, "models", "keepsake-64"));
const concepts = await Promise.all(
  [
    { name: "mochi", classNoun: "cat" },
    { name: "ember", classNoun: "mug" },
  ].map(async (concept) => {
    const photos = await loadPhotos([join(ROOT, "examples", "concepts", concept.name, "train")], RESOLUTION);
    return { ...concept, photos: await encodeTrainingPhotos(pipeline.vae, photos, RESOLUTION, {}) };
  }),
);

// Both train a LoRA of one layout, so the compiled programs serve both.
const pool = new DenoiserPool(pipeline);
for (const strategy of [createStrategy("sequential"), createStrategy("kv-nullspace", { mode: "soft" })]) {
  const training = { steps: STEPS, batchSize: 2, learningRate: 5e-4, tokenLearningRate: 1e-3, resolution: RESOLUTION };
  const request = { pipeline, pool, concepts, strategy, training, adapter: { rank: 16 } };
  const drawings: Uint8Array[] = [];
  for await (const learned of learnSequence(request)) drawings.push(await drawMochi(learned));
  const [rightAfter, atEnd] = drawings;
  const change = distance(rightAfter, atEnd).toFixed(1);
  console.log(`${strategy.name}: learning <ember> changed <mochi> by ${change} of 255`);
}
await pool.dispose();
await pipeline.dispose();

/** The same noise each time: pictures differ by what was learned alone. */
async function drawMochi({ adapter: learned, embeddings }: LearnedConcept): Promise<Uint8Array> {
  const adapter = new BoundAdapter(learned);
  const prompt = "a photo of a <mochi>";
  const [picture] = await pipeline.generate({ prompt, adapter, learnedEmbeddings: embeddings, steps: 10, seed: 7 });
  return picture.image.data;
}

/** Root mean square of the differences in red, green and blue. */
function distance(a: Uint8Array, b: Uint8Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length);
}
