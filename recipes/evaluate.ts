/**
 * @file Measures a trained model, as its card reports it: CLIP retrieval and accuracy by attribute of what it draws, next to the same for real pictures
 * of the world; the diffusion classifier; the VAE's reconstruction. Writes metrics.json and a sheet of 48 unselected captions.
 *
 * `npm run model:evaluate -- --model build/model/model [--only diffusionClassifier] [--smoke]`
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Lora } from "../src/adapters/lora.ts";
import { TIMESTEPS_OF_SMALL_LATENTS } from "../src/classifier/concept-classifier.ts";
import { DenoisingError } from "../src/training/denoising-error.ts";
import { classify, denoisingErrors, pairedDraws } from "../src/training/diffusion-classifier.ts";
import { ClipFeatures, cosine } from "../src/diffusion/clip/clip-features.ts";
import { compileDecoder, ImageEncoder } from "../src/diffusion/latents.ts";
import { StableDiffusionPipeline } from "../src/diffusion/pipeline.ts";
import { NoiseSchedule } from "../src/diffusion/schedulers/index.ts";
import { writeFileAtomic } from "../src/io/atomic.ts";
import { imageToTensor } from "../src/io/images/image.ts";
import type { RgbImage } from "../src/io/images/rgb-image.ts";
import { readJson } from "../src/io/json.ts";
import { psnr } from "./evaluation/psnr.ts";
import { attributeQuestions, heldOutScenes, TWENTY_NOUNS } from "./evaluation/questions.ts";
import { LATENT_CHANNELS, LATENT_SIZE, PICTURE_SIZE } from "./model/architecture.ts";
import { picturesOf, writeGrid } from "./training/sheets.ts";
import { withArticle } from "./world/captions.ts";
import { DRAWN_WORLD } from "./world/drawn-world.ts";
import { NOUNS } from "./world/nouns.ts";
import { type SampleOptions, captionedScene, World, type CaptionedScene } from "./world/world.ts";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "models/keepsake-64" },
    output: { type: "string" },
    /** Measures this alone; the rest of metrics.json stays. */
    only: { type: "string" },
    smoke: { type: "boolean", default: false },
  },
});
const output = values.output ?? values.model;
const SEED = 2026;
const GUIDANCE_SCALE = 3;
const STEPS = values.smoke ? 3 : 25;
/** Candidates of a retrieval. */
const CHOICES = values.smoke ? 8 : 50;
const RETRIEVALS = values.smoke ? 1 : 2;
const CLASSIFIED = values.smoke ? 2 : 100;
const DRAWS = values.smoke ? 2 : 64;
/** Things in their own colours by size, over any background; and large ones in another colour. */
const ZERO_SHOT_PICTURES = {
  big: { sizes: { big: 1 }, recolored: 0 },
  medium: { sizes: { medium: 1 }, recolored: 0 },
  small: { sizes: { small: 1 }, recolored: 0 },
  recolored: { sizes: { big: 1 }, recolored: 1 },
} as const satisfies Record<string, SampleOptions>;

const world = await World.load();
const pipeline = await StableDiffusionPipeline.load(values.model);
const clip = await ClipFeatures.load(join(values.model, "clip"), { tokenizer: join(values.model, "tokenizer") });

async function draw(prompt: string, seed: number): Promise<RgbImage> {
  const [picture] = await pipeline.generate({ prompt, seed, steps: STEPS, guidanceScale: GUIDANCE_SCALE });
  return picture.image;
}

const rendered = ({ scene }: CaptionedScene): RgbImage => ({
  width: PICTURE_SIZE,
  height: PICTURE_SIZE,
  data: world.render(scene, PICTURE_SIZE),
});

/** How many pictures are nearer to their own text than to every other. */
async function rightOf(images: readonly RgbImage[], texts: readonly string[]): Promise<number> {
  const [pictures, words] = [await clip.ofImages(images), await clip.ofTexts(texts)];
  return pictures.filter((picture, i) => {
    const own = cosine(picture, words[i]);
    return words.every((word, j) => i === j || cosine(picture, word) < own);
  }).length;
}

const drawAll = async (prompts: readonly string[], seed: number): Promise<RgbImage[]> => {
  const pictures: RgbImage[] = [];
  for (const prompt of prompts) pictures.push(await draw(prompt, seed));
  return pictures;
};

/** Image to caption among `CHOICES`, for drawn and for real pictures of the same captions. */
async function retrieval() {
  let [drawn, real] = [0, 0];
  for (let i = 0; i < RETRIEVALS; i++) {
    const scenes = heldOutScenes(SEED + i, CHOICES);
    const captions = scenes.map(({ caption }) => caption);
    real += await rightOf(scenes.map(rendered), captions);
    drawn += await rightOf(await drawAll(captions, SEED + i), captions);
  }
  const asked = RETRIEVALS * CHOICES;
  return { choices: CHOICES, pictures: asked, drawn: drawn / asked, real: real / asked };
}

/** One word is changed, everything else stays, the noise too: does CLIP find the word in the picture? */
async function attributes() {
  const right = new Map<string, { right: number; asked: number }>();
  const questions = values.smoke ? attributeQuestions().slice(0, 1) : attributeQuestions();
  for (const { attribute, prompts } of questions) {
    const sum = right.get(attribute) ?? { right: 0, asked: 0 };
    sum.right += await rightOf(await drawAll(prompts, SEED), prompts);
    sum.asked += prompts.length;
    right.set(attribute, sum);
  }
  return Object.fromEntries([...right].map(([attribute, sum]) => [attribute, sum.right / sum.asked]));
}

/** Which noun of all is in a real picture of one thing, asked with "a cat", or "a blue cat" where the thing has another colour than its own? */
async function nounZeroShot() {
  const count = values.smoke ? 8 : 400;
  const result: Record<string, number> = { choices: NOUNS.length, pictures: count };
  for (const [kind, options] of Object.entries(ZERO_SHOT_PICTURES)) {
    let right = 0;
    for (let index = 0; index < count; index++) {
      const captioned = captionedScene(SEED, index, {
        ...options,
        split: "held out",
        layouts: { single: 1 },
        wearing: 0,
      });
      const [{ noun, color }] = captioned.scene.subjects;
      const texts = await textsOfNouns(color);
      const [picture] = await clip.ofImages([rendered(captioned)]);
      const scores = texts.map((text) => cosine(picture, text));
      if (NOUNS[scores.indexOf(Math.max(...scores))].name === noun) right++;
    }
    result[kind] = right / count;
  }
  return result;
}

const nounTexts = new Map<string | undefined, Float32Array[]>();
async function textsOfNouns(color: string | undefined): Promise<Float32Array[]> {
  const phrase = (noun: string) => withArticle(color === undefined ? noun : `${color} ${noun}`);
  const texts = nounTexts.get(color) ?? (await clip.ofTexts(NOUNS.map(({ name }) => phrase(name))));
  nounTexts.set(color, texts);
  return texts;
}

/** Which of twenty nouns is in a real picture, by the UNet's own errors at timesteps in a part of the schedule. */
async function diffusionClassifier(timesteps: readonly [number, number]) {
  const none = new Lora([]);
  const program = await DenoisingError.create(pipeline, none, {
    height: LATENT_SIZE,
    width: LATENT_SIZE,
    learnedRows: 0,
    batchSize: 20,
    derivatives: false,
  });
  const encoder = await ImageEncoder.create(pipeline.vae, { height: PICTURE_SIZE, width: PICTURE_SIZE });
  const schedule = new NoiseSchedule(pipeline.schedulerConfig);
  const size = LATENT_CHANNELS * LATENT_SIZE * LATENT_SIZE;
  const draws = pairedDraws(DRAWS, schedule, size, SEED, timesteps);
  const tokenizer = pipeline.newTokenizer();
  const tokenIds = TWENTY_NOUNS.map((noun) => [...tokenizer.encode(`a photo of ${withArticle(noun)}`).inputIds]);
  const { pixels, scenes } = world.renderBatch(SEED, 0, CLASSIFIED, PICTURE_SIZE, {
    ...DRAWN_WORLD,
    nouns: TWENTY_NOUNS,
    layouts: { single: 1 },
    split: "held out",
  });
  let [right, evaluations] = [0, 0];
  for (const [i, picture] of picturesOf(pixels).entries()) {
    const latents = await encoder.encode(picture);
    const errorsOf = denoisingErrors(
      program,
      { adapter: none, embeddings: new Float32Array() },
      schedule,
      latents,
      tokenIds,
    );
    const result = await classify(tokenIds.length, draws, errorsOf);
    const best = result.probabilities.indexOf(Math.max(...result.probabilities));
    if (TWENTY_NOUNS[best] === scenes[i].subjects[0].noun) right++;
    evaluations += result.evaluations;
  }
  await Promise.all([program.dispose(), encoder.dispose()]);
  return {
    choices: tokenIds.length,
    pictures: scenes.length,
    timesteps,
    accuracy: right / scenes.length,
    evaluationsPerPicture: evaluations / scenes.length,
  };
}

/** Mean PSNR of decode(encode(picture)) over held-out pictures, in dB. */
async function reconstruction() {
  const count = values.smoke ? 4 : 128;
  const size = { height: PICTURE_SIZE, width: PICTURE_SIZE };
  const encoder = await ImageEncoder.create(pipeline.vae, size);
  const decoder = await compileDecoder(pipeline.vae, size);
  let sum = 0;
  for (const scene of heldOutScenes(SEED, count)) {
    const pixels = imageToTensor(rendered(scene));
    const { decoded } = await decoder.run({ latents: await encoder.encode(pixels) });
    sum += psnr(decoded, pixels);
  }
  await Promise.all([encoder.dispose(), decoder.dispose()]);
  return { pictures: count, psnr: sum / count };
}

/** Captions that training never showed, unselected. */
async function drawSheet(): Promise<void> {
  const captions = heldOutScenes(SEED + 100, values.smoke ? 4 : 48).map(({ caption }) => caption);
  const drawn = await drawAll(captions, SEED);
  await writeGrid(join(output, "sheet.png"), drawn.map(imageToTensor), 8);
  const lines = captions.map((caption, i) => `${i + 1}. ${caption}\n`);
  await writeFileAtomic(join(output, "sheet.txt"), lines.join(""));
}

function earlierMetrics(json: unknown): object {
  if (typeof json === "object" && json !== null) return json;
  throw new Error("metrics.json is no object");
}

const measures = {
  reconstruction,
  nounZeroShot,
  diffusionClassifier: () => diffusionClassifier(TIMESTEPS_OF_SMALL_LATENTS),
  diffusionClassifierAllTimesteps: () => diffusionClassifier([0, 1]),
  retrieval,
  attributes,
};
const { only } = values;
await mkdir(output, { recursive: true });
const file = join(output, "metrics.json");
if (only === undefined) await drawSheet();
const metrics: Record<string, unknown> = {
  ...(only === undefined ? {} : earlierMetrics(await readJson(file))),
  ...{ seed: SEED, guidanceScale: GUIDANCE_SCALE, steps: STEPS },
};
for (const [name, measure] of Object.entries(measures)) {
  if (only !== undefined && only !== name) continue;
  metrics[name] = await measure();
  process.stderr.write(`${name}: ${JSON.stringify(metrics[name])}\n`);
}
const text = JSON.stringify(metrics, undefined, 2);
await writeFileAtomic(file, `${text}\n`);
process.stdout.write(`${text}\n`);
