/**
 * @file Measures a trained model, as its card reports it: what the VAE keeps, what an independent judge sees in its
 * pictures beside real ones of the world, CLIP retrieval and accuracy by attribute, the diffusion classifier. Writes
 * metrics.json, a sheet of 48 unselected captions and one of 16 pairs.
 *
 * `npm run model:evaluate -- --model build/model/model --judge build/model/judge`, and, if need be,
 * `--known-to models/keepsake-64 --only judged --smoke`
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Option } from "commander";
import { TIMESTEPS_OF_SMALL_LATENTS } from "../src/classifier/concept-classifier.ts";
import { ClipFeatures, cosine } from "../src/diffusion/clip/clip-features.ts";
import { StableDiffusionPipeline } from "../src/diffusion/pipeline.ts";
import { KeepsakeError } from "../src/errors.ts";
import { writeFileAtomic } from "../src/io/atomic.ts";
import { imageToTensor } from "../src/io/images/image.ts";
import type { RgbImage } from "../src/io/images/rgb-image.ts";
import { readJson } from "../src/io/json.ts";
import { readKnownWords } from "../src/prompts/known-words.ts";
import { diffusionClassifier } from "./evaluation/diffusion-classifier.ts";
import { conceptViews } from "./evaluation/concept-views.ts";
import { sharpness } from "./evaluation/fidelity.ts";
import { frechetDistance, leadingDirections } from "./evaluation/frechet.ts";
import { answersOf } from "./evaluation/judge-network.ts";
import { accuracyOf, Judge } from "./evaluation/judge.ts";
import { attributeQuestions, heldOutScenes, knownToAll, nounsKnownToAll, spread } from "./evaluation/questions.ts";
import { fidelityOf, fidelityToConcepts, reconstructions } from "./evaluation/reconstruction.ts";
import { PICTURE_SIZE } from "./model/architecture.ts";
import { writeGrid } from "./training/sheets.ts";
import { withArticle, wordsOf } from "./world/captions.ts";
import { captionedScene, World, type CaptionedScene, type SampleOptions } from "./world/world.ts";
import { readArguments, repeated, tool } from "../scripts/tool.ts";

const MEASURES = [
  "reconstruction",
  "judged",
  "nounZeroShot",
  "diffusionClassifier",
  "diffusionClassifierAllTimesteps",
  "retrieval",
  "attributes",
] as const;
const values = readArguments(
  tool(
    "Measures a trained model, as its card reports it, and writes sheets of unselected captions.",
    "npm run model:evaluate --",
  )
    .option("--model <folder>", "checkpoint", join("models", "keepsake-64"))
    .option("--judge <folder>", "a trained judge; without it, nothing is judged")
    .option("--known-to <folder>", "ask only for words that this model knows too; repeatable", repeated)
    .option("--output <folder>", "where metrics and sheets go (default: that of the model)")
    .addOption(
      new Option("--only <part>", "this alone; the rest of metrics.json stays").choices(["sheets", ...MEASURES]),
    )
    .option("--smoke", "shows that it runs, its figures mean nothing", false),
).opts<{
  model: string;
  judge?: string;
  knownTo?: readonly string[];
  output?: string;
  only?: "sheets" | (typeof MEASURES)[number];
  smoke: boolean;
}>();
const { only, output = values.model } = values;
if (only === "judged" && values.judge === undefined) {
  throw new KeepsakeError("usage", "--only judged needs --judge <folder>.");
}
const SEED = 2026;
const GUIDANCE_SCALE = 3;
const STEPS = values.smoke ? 2 : 25;
/** Candidates of a retrieval. */
const CHOICES = values.smoke ? 4 : 50;
const RETRIEVALS = values.smoke ? 1 : 2;
const JUDGED = values.smoke ? 4 : 200;
/** Real pictures from which others are so far, and the directions of the judge's features in which that is measured. */
const [REFERENCE, DIRECTIONS] = values.smoke ? [40, 4] : [2000, 8];
const RECONSTRUCTED = values.smoke ? 4 : 128;
/** Large single things: of such the judge has seen only. */
const LARGE: SampleOptions = { layouts: { single: 1 }, sizes: { large: 1 } };

const world = new World();
const pipeline = await StableDiffusionPipeline.load(values.model);
const clip = await ClipFeatures.load(join(values.model, "clip"), { tokenizer: join(values.model, "tokenizer") });
const lists = await Promise.all([values.model, ...(values.knownTo ?? [])].map((folder) => readKnownWords(folder)));
const known = lists.filter((list) => list !== undefined);
const isAsked = knownToAll(known);
const nouns = nounsKnownToAll(known);

async function draw(prompt: string, seed: number): Promise<RgbImage> {
  const [picture] = await pipeline.generate({ prompt, seed, steps: STEPS, guidanceScale: GUIDANCE_SCALE });
  return picture.image;
}

async function rendered(scenes: readonly CaptionedScene[]): Promise<RgbImage[]> {
  const bytes = await world.render(
    scenes.map(({ scene }) => scene),
    PICTURE_SIZE,
  );
  return bytes.map((data) => ({ width: PICTURE_SIZE, height: PICTURE_SIZE, data }));
}

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

/**
 * What the judge sees in drawn pictures and in real ones of the same captions, how far both are from other real ones,
 * and how sharp they are.
 */
async function judged() {
  if (values.judge === undefined) return undefined;
  const judge = await Judge.load(values.judge);
  const scenes = heldOutScenes(SEED, JUDGED, isAsked, LARGE);
  const others = heldOutScenes(SEED + 50, REFERENCE, isAsked, LARGE);
  // A mark that the caption had no room for is not asked for.
  const answers = scenes.map(({ scene, caption }) => {
    const { mark, ...rest } = answersOf(scene);
    return { ...rest, mark: mark.every((kind) => wordsOf(caption).includes(kind)) ? mark : ["none"] };
  });
  const captions = scenes.map(({ caption }) => caption);
  const pictures = {
    drawn: await drawAll(captions, SEED),
    real: await rendered(scenes),
    others: await rendered(others),
  };
  const seen = async (images: readonly RgbImage[]) => judge.see(images.map(imageToTensor));
  const real = (await seen(pictures.others)).map(({ features }) => features);
  const projected = leadingDirections(real, DIRECTIONS);
  const reference = real.map(projected);
  const measured = async (images: readonly RgbImage[]) => {
    const all = await seen(images);
    const features = all.map((each) => projected(each.features));
    const sharp = images.reduce((sum, image) => sum + sharpness(imageToTensor(image)), 0) / images.length;
    return { ...accuracyOf(all, answers), frechet: frechetDistance(features, reference), sharpness: sharp };
  };
  const result = { pictures: JUDGED, drawn: await measured(pictures.drawn), real: await measured(pictures.real) };
  await judge.dispose();
  return result;
}

/** Image to caption among `CHOICES`, for drawn and for real pictures of the same captions. */
async function retrieval() {
  let [drawn, real] = [0, 0];
  for (let i = 0; i < RETRIEVALS; i++) {
    const scenes = heldOutScenes(SEED + i, CHOICES, isAsked);
    const captions = scenes.map(({ caption }) => caption);
    real += await rightOf(await rendered(scenes), captions);
    drawn += await rightOf(await drawAll(captions, SEED + i), captions);
  }
  const asked = RETRIEVALS * CHOICES;
  return { choices: CHOICES, pictures: asked, drawn: drawn / asked, real: real / asked };
}

/** One word is changed, everything else stays, the noise too: does CLIP find the word in the picture? */
async function attributes() {
  const right = new Map<string, { right: number; asked: number }>();
  const questions = attributeQuestions(nouns).slice(0, values.smoke ? 1 : undefined);
  for (const { attribute, prompts: all } of questions) {
    const prompts = all.slice(0, values.smoke ? 2 : undefined);
    const sum = right.get(attribute) ?? { right: 0, asked: 0 };
    sum.right += await rightOf(await drawAll(prompts, SEED), prompts);
    sum.asked += prompts.length;
    right.set(attribute, sum);
  }
  return Object.fromEntries([...right].map(([attribute, sum]) => [attribute, sum.right / sum.asked]));
}

/** Which noun of all does CLIP see in a real picture of a large thing, asked with "a cat", or with "a blue cat"? */
async function nounZeroShot() {
  const count = values.smoke ? 8 : 400;
  const scenes = Array.from({ length: count }, (_, index) =>
    captionedScene(SEED, index, { ...LARGE, nouns, split: "held out" }),
  );
  const pictures = await clip.ofImages(await rendered(scenes));
  const texts = new Map<string, Float32Array[]>();
  let [plain, withColor] = [0, 0];
  for (const [i, { scene }] of scenes.entries()) {
    const [{ figure }] = scene.subjects;
    const best = async (color: string) => {
      const found = texts.get(color) ?? (await clip.ofTexts(nouns.map((noun) => withArticle(`${color}${noun}`))));
      texts.set(color, found);
      const scores = found.map((text) => cosine(pictures[i], text));
      return nouns[scores.indexOf(Math.max(...scores))];
    };
    if ((await best("")) === figure.noun) plain++;
    if ((await best(`${figure.colors[0]} `)) === figure.noun) withColor++;
  }
  return { choices: nouns.length, pictures: count, plain: plain / count, withColor: withColor / count };
}

/** What the VAE keeps of held-out pictures of the world and of the ten concepts' views. */
async function reconstruction() {
  const originals = (await rendered(heldOutScenes(SEED, RECONSTRUCTED, () => true))).map(imageToTensor);
  const views = (await conceptViews()).slice(0, values.smoke ? 4 : undefined);
  return {
    world: fidelityOf(await reconstructions(pipeline.vae, originals), originals),
    concepts: await fidelityToConcepts(pipeline.vae, views),
  };
}

/** Captions that training never showed, unselected. */
async function drawSheet(name: string, count: number, options: SampleOptions): Promise<void> {
  const captions = heldOutScenes(SEED + 100, values.smoke ? 1 : count, isAsked, options).map(({ caption }) => caption);
  const drawn = await drawAll(captions, SEED);
  await writeGrid(join(output, `${name}.png`), drawn.map(imageToTensor), 8);
  const lines = captions.map((caption, i) => `${i + 1}. ${caption}\n`);
  await writeFileAtomic(join(output, `${name}.txt`), lines.join(""));
}

/** What is measured already, if anything is. */
async function earlierMetrics(path: string): Promise<object> {
  if (!existsSync(path)) return {};
  const json = await readJson(path);
  if (typeof json === "object" && json !== null) return json;
  throw new Error("metrics.json is no object");
}

const classified = {
  seed: SEED,
  ...(values.smoke
    ? { nouns: spread(nouns, 2), pictures: 1, draws: 2 }
    : { nouns: spread(nouns, 20), pictures: 100, draws: 64 }),
};
const measures: Readonly<Record<(typeof MEASURES)[number], () => Promise<unknown>>> = {
  reconstruction,
  judged,
  nounZeroShot,
  diffusionClassifier: () =>
    diffusionClassifier(pipeline, world, { ...classified, timesteps: TIMESTEPS_OF_SMALL_LATENTS }),
  diffusionClassifierAllTimesteps: () => diffusionClassifier(pipeline, world, { ...classified, timesteps: [0, 1] }),
  retrieval,
  attributes,
};
await mkdir(output, { recursive: true });
const file = join(output, "metrics.json");
if (only === undefined || only === "sheets") {
  await drawSheet("sheet", 48, {});
  await drawSheet("pairs", 16, { layouts: { pair: 1 } });
}
const metrics: Record<string, unknown> = {
  ...(only === undefined ? {} : await earlierMetrics(file)),
  ...{ seed: SEED, guidanceScale: GUIDANCE_SCALE, steps: STEPS },
};
for (const [name, measure] of Object.entries(measures)) {
  if (only !== undefined && only !== name) continue;
  const measured = await measure();
  if (measured === undefined) continue;
  metrics[name] = measured;
  process.stderr.write(`${name}: ${JSON.stringify(metrics[name])}\n`);
}
const text = JSON.stringify(metrics, undefined, 2);
await writeFileAtomic(file, `${text}\n`);
process.stdout.write(`${text}\n`);
