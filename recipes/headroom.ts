/**
 * @file Has the built-in model room for personalization? Teaches it all ten example concepts at once, a LoRA on keys
 * and values and a token each, and draws every one in places where it was never shown, beside the pictures that it was
 * learned from. What fails here no continual method can be blamed for.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BoundAdapter } from "../src/adapters/bound-adapter.ts";
import { learnSequence, type LearnedConcept } from "../src/learning/learn-sequence.ts";
import { BUILT_IN } from "../src/library/model/model-profile.ts";
import { encodeTrainingPhotos } from "../src/training/photos/encode-photos.ts";
import { loadPhotos, type Photos } from "../src/training/photos/photos.ts";
import { createStrategy } from "../src/strategies/registry.ts";
import { StableDiffusionPipeline } from "../src/diffusion/pipeline.ts";
import { imageToTensor } from "../src/io/images/image.ts";
import { CONCEPTS } from "./concepts/concepts.ts";
import { PICTURE_SIZE } from "./model/architecture.ts";
import { writeGrid } from "./training/sheets.ts";
import { atLeastOne, parseLearningRate, parseRank, parseSteps, readArguments, tool } from "../scripts/tool.ts";

const values = readArguments(
  tool("Teaches a model all example concepts at once and draws each in new places: has it room for them?")
    .option("--model <folder>", "checkpoint", join("models", "keepsake-64"))
    .option("--output <folder>", "where the sheet goes", join("build", "headroom"))
    .option("--steps <n>", "optimiser steps for each concept", parseSteps, BUILT_IN.training.steps)
    .option("--rank <n>", "of the adapter", parseRank, BUILT_IN.adapter.rank)
    .option("--lr <x>", "learning rate of the adapter", parseLearningRate, BUILT_IN.training.learningRate)
    .option("--token-lr <x>", "learning rate of the token", parseLearningRate, BUILT_IN.training.tokenLearningRate)
    .option("--concepts <n>", "the first of the examples", atLeastOne, 10),
).opts<{
  model: string;
  output: string;
  steps: number;
  rank: number;
  lr: number;
  tokenLr: number;
  concepts: number;
}>();
const SEED = 7;
const NEW_PLACES = ["on a white background", "on a blue background", "on the beach", "in the snow"];

await mkdir(values.output, { recursive: true });
const pipeline = await StableDiffusionPipeline.load(values.model);
const taught = CONCEPTS.slice(0, values.concepts);
const photos = new Map<string, Photos>();
for (const { name } of taught) {
  photos.set(name, await loadPhotos([join("examples", "concepts", name, "train")], PICTURE_SIZE));
}
const photosOf = (name: string) => photos.get(name) ?? { images: [], captions: [] };
const concepts = await Promise.all(
  taught.map(async ({ name, classNoun }) => ({
    name,
    classNoun,
    vectors: BUILT_IN.vectors,
    photos: await encodeTrainingPhotos(pipeline.vae, photosOf(name), PICTURE_SIZE, {}),
  })),
);

const started = performance.now();
let learned: LearnedConcept | undefined;
for await (const result of learnSequence({
  pipeline,
  concepts,
  strategy: createStrategy("joint"),
  adapter: { ...BUILT_IN.adapter, rank: values.rank },
  training: {
    ...BUILT_IN.training,
    steps: values.steps,
    learningRate: values.lr,
    tokenLearningRate: values.tokenLr,
  },
  onStep: ({ step, steps, loss }) => {
    if (step % 100 === 0) process.stderr.write(`step ${step}/${steps}, loss ${loss.toFixed(4)}\n`);
  },
})) {
  learned = result;
}
if (learned === undefined) throw new Error("nothing was learned");
process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0)} s\n`);

const rows: Float32Array[] = [];
for (const { name } of taught) {
  const drawn: Float32Array[] = [];
  for (const place of NEW_PLACES) {
    const [picture] = await pipeline.generate({
      prompt: `a photo of <${name}> ${place}`,
      seed: SEED,
      steps: 25,
      guidanceScale: 3,
      adapter: new BoundAdapter(learned.adapter),
      learnedEmbeddings: learned.embeddings,
    });
    drawn.push(imageToTensor(picture.image));
  }
  rows.push(...photosOf(name).images.slice(0, 4), ...drawn);
}
await writeGrid(join(values.output, "headroom.png"), rows, 8);
await pipeline.dispose();
