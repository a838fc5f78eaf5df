import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lora } from "../../src/adapters/lora.ts";
import { classifyPictures, type ClassifyProgress, type ClassifyRequest, type LearnProgress } from "./one-shot.ts";
import { ConceptClassifier } from "../../src/classifier/concept-classifier.ts";
import { conceptConfidence } from "../../src/classifier/concept-confidence.ts";
import { DenoisingError } from "../../src/training/denoising-error.ts";
import { DRAWS_AT_ONCE, pairedDraws } from "../../src/training/diffusion-classifier.ts";
import { CHECKPOINT } from "../../src/library/model/model-profile.ts";
import { readLearned, type Learned } from "../../src/library/library-model.ts";
import { encodePhotos } from "../../src/training/photos/encode-photos.ts";
import { loadPhotos } from "../../src/training/photos/photos.ts";
import { latentsFrom } from "../../src/diffusion/latents.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { addLearnedTokens } from "../../src/diffusion/prompt-encoder.ts";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly as learnOn, TINY_SD1, treeOf } from "./support.ts";

const RESOLUTION = 32;
const inFolder = temporaryFolder();
/** Knows <rex>, a dog, and <mug>, an old mug. */
const library = inFolder("library");
let rex: string;
let mug: string;
let pipeline: StableDiffusionPipeline;
let learned: Learned;

beforeAll(async () => {
  rex = await writeColours("rex", [250, 0, 0]);
  mug = await writeColours("mug", [0, 0, 250]);
  // Enough for the tokens to be better than any ordinary word, if not for a random model to tell the two things apart;
  // the adapter has to be another than none.
  const training = { steps: 40, learningRate: 1e-4, tokenLearningRate: 0.1, batchSize: 2 };
  await learnQuickly({ library, name: "rex", photos: [rex], classNoun: "Dog", training });
  await learnQuickly({ library, name: "mug", photos: [mug], classNoun: "old  mug", training });
  pipeline = await StableDiffusionPipeline.load(TINY_SD1, { threads: 1 });
  learned = await readLearned(library, pipeline);
});

afterAll(() => pipeline.dispose());

/** On the larger model: with so few steps the smaller one learns nothing that two things could be told apart by. */
const learnQuickly = (request: Parameters<typeof learnOn>[0]) => learnOn({ model: TINY_SD1, ...request });

/** Two pictures of nearly one colour. */
async function writeColours(subject: string, [r, g, b]: readonly [number, number, number]): Promise<string> {
  mkdirSync(inFolder(subject));
  for (let i = 0; i < 2; i++) {
    const create = { width: 64, height: 64, channels: 3 as const, background: { r, g: g + 4 * i, b } };
    await sharp({ create })
      .png()
      .toFile(inFolder(subject, `${i}.png`));
  }
  return inFolder(subject);
}

const classifyQuickly = (images: ClassifyRequest["images"], more: Partial<ClassifyRequest> = {}) =>
  classifyPictures({ library, images, resolution: RESOLUTION, draws: 8, others: [], program: { threads: 1 }, ...more });

async function latentsOf(folder: string): Promise<Float32Array[]> {
  const { images } = await loadPhotos([folder], RESOLUTION);
  const posteriors = await encodePhotos(pipeline.vae, images, RESOLUTION, { threads: 1 });
  return posteriors.map((each) => latentsFrom(each, pipeline.vae.config));
}

describe("classifyPictures", () => {
  it("has the errors of each prompt at the same timesteps and noises", async () => {
    const [picture] = await classifyQuickly([join(rex, "0.png")], {
      draws: DRAWS_AT_ONCE,
      seed: 4,
      timesteps: [0.2, 0.9],
    });

    const prompts = ["a photo of a <rex>", "a photo of a <mug>", "a photo of a dog", "a photo of an old mug", ""];
    const [latents] = await latentsOf(rex);
    const schedule = new NoiseSchedule(pipeline.schedulerConfig);
    const tokenizer = pipeline.newTokenizer();
    const { rows, values } = addLearnedTokens(tokenizer, learned.embeddings, 32);
    const lora = learned.adapter ?? new Lora([]);
    const side = Math.sqrt(latents.length / pipeline.vae.config.latentChannels);
    const size = { height: side, width: side, learnedRows: rows };
    const program = await DenoisingError.create(pipeline, lora, { ...size, derivatives: false, threads: 1 });
    const expected: number[] = [];
    for (const prompt of prompts) {
      let sum = 0;
      for (const { timestep, noise } of pairedDraws(DRAWS_AT_ONCE, schedule, latents.length, 4, [0.2, 0.9])) {
        const batch = {
          noisyLatents: schedule.addNoise(latents, noise, [timestep]),
          timesteps: [timestep],
          tokenIds: [[...tokenizer.encode(prompt).inputIds]],
          target: noise,
        };
        sum += (await program.run(batch, { adapter: lora, embeddings: values })).errors[0];
      }
      expected.push(sum / DRAWS_AT_ONCE);
    }
    await program.dispose();

    const labels = ["<rex>", "<mug>", "a dog", "an old mug", "anything else"];
    // One look, at which nobody is given up yet.
    expect(picture.evaluations).toBe(prompts.length * DRAWS_AT_ONCE);
    for (const { label, error, draws } of picture.verdicts) {
      expect(error).toBeCloseTo(expected[labels.indexOf(label)], 5);
      expect(draws).toBe(DRAWS_AT_ONCE);
    }
  });

  it("puts what was learned first, gives class nouns up early, and says which candidates are concepts", async () => {
    const pictures = await classifyQuickly([rex, join(mug, "0.png")], { draws: 64 });
    expect(pictures.map(({ file }) => file)).toEqual([join(rex, "0.png"), join(rex, "1.png"), join(mug, "0.png")]);
    for (const { verdicts, evaluations, seconds } of pictures) {
      const concepts = new Map(verdicts.map(({ label, concept }) => [label, concept]));
      expect([concepts.get("<rex>"), concepts.get("<mug>"), concepts.get("a dog")]).toEqual(["rex", "mug", undefined]);
      // What a random model makes of no words at all is chance.
      const named = verdicts.filter(({ label }) => label !== "anything else");
      expect(named.map(({ concept }) => concept !== undefined)).toEqual([true, true, false, false]);
      for (const { draws } of named.slice(2)) expect(draws).toBeLessThan(64);
      expect(verdicts.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 10);
      expect(verdicts).toEqual(verdicts.toSorted((a, b) => a.error - b.error));
      expect(evaluations).toBe(verdicts.reduce((sum, { draws }) => sum + draws, 0));
      expect(seconds).toBeGreaterThan(0);
    }
  });

  it("gives the same for the same seed, other errors for another, and only other probabilities for another temperature", async () => {
    const images = [join(rex, "0.png")];
    const verdicts = async (more: Partial<ClassifyRequest> = {}) => (await classifyQuickly(images, more))[0].verdicts;
    const [first, hot] = [await verdicts(), await verdicts({ temperature: 1e6 })];
    expect(await verdicts()).toEqual(first);
    expect((await verdicts({ seed: 1 }))[0].error).not.toBe(first[0].error);
    expect(hot.map(({ label, error }) => [label, error])).toEqual(first.map(({ label, error }) => [label, error]));
    // <rex>, <mug>, or none of them, which three candidates stand for.
    for (const { concept, probability } of hot) {
      expect(probability).toBeCloseTo(concept === undefined ? 1 / 9 : 1 / 3, 2);
    }
  });

  it("compares small pictures where candidates differ, unless told to use more of the schedule", async () => {
    const verdicts = async (more: Partial<ClassifyRequest>) =>
      (await classifyQuickly([join(rex, "0.png")], more))[0].verdicts;
    const first = await verdicts({});
    expect(await verdicts({ timesteps: [0.1, 0.5] })).toEqual(first);
    expect((await verdicts({ timesteps: [0, 1] }))[0].error).not.toBe(first[0].error);
  });

  it("has each class noun among the candidates once", async () => {
    const twins = inFolder("twins");
    cpSync(library, twins, { recursive: true });
    await learnQuickly({ library: twins, name: "fido", photos: [rex], classNoun: " dog", training: { steps: 1 } });
    const [{ verdicts }] = await classifyQuickly([join(rex, "0.png")], { library: twins, draws: 1 });
    const labels = verdicts.map(({ label }) => label).sort();
    expect(labels).toEqual(["<fido>", "<mug>", "<rex>", "a dog", "an old mug", "anything else"]);
  });

  it("looks at many ordinary things with four draws, and lets the three that fit best take part", async () => {
    const others = ["cat", "bird", "Old Mug", "car", "tree", "toy"];
    const [all, some] = [await classifyQuickly([rex]), await classifyQuickly([rex], { others })];
    for (const [i, { verdicts, evaluations }] of some.entries()) {
      const ordinary = verdicts.filter(({ concept }) => concept === undefined).map(({ label }) => label);
      expect(ordinary).toEqual(expect.arrayContaining(["a dog", "an old mug", "anything else"]));
      // "Old Mug" is a class noun: it takes part anyway.
      expect(ordinary).toHaveLength(6);
      expect(evaluations).toBe(5 * 4 + verdicts.reduce((sum, { draws }) => sum + draws, 0));
      const errors = new Map(all[i].verdicts.map(({ label, error }) => [label, error]));
      for (const { label, error } of verdicts)
        if (errors.has(label)) expect(error).toBeCloseTo(errors.get(label) ?? 0, 4);
    }
  });

  it("has ordinary things of photos beside the class nouns, unless told which", async () => {
    const [{ verdicts }] = await classifyPictures({
      ...{ library, images: [join(rex, "0.png")], resolution: RESOLUTION, draws: 1, program: { threads: 1 } },
    });
    const others = verdicts
      .filter(({ concept }) => concept === undefined)
      .map(({ label }) => label.replace(/^an? /, ""));
    expect(others).toHaveLength(6);
    for (const noun of others)
      expect(["dog", "old mug", "anything else", ...CHECKPOINT.ordinaryThings]).toContain(noun);
  });

  it("does not make an answer of a single draw", async () => {
    const [{ answer }] = await classifyQuickly([join(rex, "0.png")], { draws: 1 });
    expect(answer.kind).toBe("unsure");
  });

  it("tells what it found, and each few evaluations", async () => {
    const progress: ClassifyProgress[] = [];
    writeFileSync(join(mug, "x.bmp"), "");
    const onProgress = (each: ClassifyProgress) => progress.push(each);
    const [, last] = await classifyQuickly([mug], { onProgress });
    const bitmap = join(mug, "x.bmp");
    const warnings = [`${bitmap} is in a format that is not read; save it as JPEG.`];
    expect(progress[0]).toEqual({ kind: "pictures", count: 2, skipped: [bitmap], warnings });
    expect(progress[1]).toEqual({ kind: "evaluated", index: 0, count: 2, evaluations: DRAWS_AT_ONCE });
    expect(progress.at(-1)).toEqual({ kind: "evaluated", index: 1, count: 2, evaluations: last.evaluations });
  });

  it("tells how the verdicts narrow, and takes a file that lies in memory", async () => {
    const progress: ClassifyProgress[] = [];
    const bytes = new Uint8Array(readFileSync(join(rex, "0.png")));
    const onProgress = (each: ClassifyProgress) => progress.push(each);
    const [[fromMemory], [fromFile]] = [
      await classifyQuickly([{ name: "rex.png", bytes }], { onProgress, draws: 24 }),
      await classifyQuickly([join(rex, "0.png")], { draws: 24 }),
    ];
    expect(fromMemory).toMatchObject({ file: "rex.png", verdicts: fromFile.verdicts, answer: fromFile.answer });
    const looks = progress.filter((each) => each.kind === "verdicts");
    expect(looks.length).toBeGreaterThan(0);
    for (const { verdicts, left } of looks) {
      expect(verdicts.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
      expect(verdicts.map(({ label }) => label)).toEqual(expect.arrayContaining([...left]));
    }
    const counts = looks.map(({ left }) => left.length);
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
  });

  it("passes over captions that a shell names beside pictures, and says so", async () => {
    const progress: ClassifyProgress[] = [];
    const text = inFolder("of rex.txt");
    writeFileSync(text, "on the beach");
    await classifyQuickly([join(rex, "0.png"), text], { draws: 1, onProgress: (each) => progress.push(each) });
    expect(progress[0]).toMatchObject({ count: 1, warnings: [`left out, being texts: ${text}`] });
  });

  it("stores nothing", async () => {
    const before = treeOf(inFolder());
    await classifyQuickly([rex], { draws: 1 });
    expect(treeOf(inFolder())).toEqual(before);
  });

  it("stops where it is when the signal fires", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let last: ClassifyProgress | undefined;
    const stopped = classifyQuickly([rex], {
      signal: controller.signal,
      onProgress: (progress) => {
        last = progress;
        if (progress.kind === "evaluated") controller.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    expect(last).toMatchObject({ index: 0, evaluations: DRAWS_AT_ONCE });
  });

  it("looks at no picture if the signal has fired", async () => {
    const damaged = inFolder("damaged.png");
    writeFileSync(damaged, "no picture");
    const reason = new Error("enough");
    await expect(classifyQuickly([damaged], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("what cannot be classified", () => {
  it("is a picture without a library, or with one that knows nothing", async () => {
    const none = await failure(classifyQuickly([rex], { library: inFolder("none") }));
    expect([none.kind, none.message]).toEqual(["state", expect.stringContaining(`${inFolder("none")}: no library`)]);

    const controller = new AbortController();
    const onProgress = ({ kind }: LearnProgress) => {
      if (kind === "step") controller.abort();
    };
    const begun = inFolder("begun");
    await learnQuickly({ library: begun, name: "rex", photos: [rex], signal: controller.signal, onProgress });
    const { kind, message } = await failure(classifyQuickly([rex], { library: begun }));
    expect([kind, message]).toEqual(["state", expect.stringContaining(`${begun} knows no concepts yet`)]);
  });

  it.each<{ fault: string; change: Partial<ClassifyRequest>; kind: string; words: string }>([
    { fault: "a file that is not there", change: { images: ["nowhere.jpg"] }, kind: "input", words: "nowhere.jpg" },
    { fault: "a model that is not there", change: { model: "nowhere" }, kind: "input", words: "no such folder" },
    { fault: "no picture", change: { images: [] }, kind: "usage", words: "No pictures were given" },
    { fault: "no draws", change: { draws: 0 }, kind: "usage", words: "number of draws is 0" },
    { fault: "half a draw", change: { draws: 1.5 }, kind: "usage", words: "number of draws is 1.5" },
    {
      fault: "no part of the schedule",
      change: { timesteps: [0.5, 0.5] as const },
      kind: "usage",
      words: "0.5 to 0.5",
    },
    { fault: "a temperature of 0", change: { temperature: 0 }, kind: "usage", words: "temperature is 0" },
    { fault: "no temperature", change: { temperature: NaN }, kind: "usage", words: "temperature is NaN" },
    { fault: "an odd size", change: { resolution: 36 }, kind: "usage", words: "36x36" },
  ])("is $fault", async ({ change, kind, words }) => {
    const error = await failure(classifyQuickly([rex], change));
    expect([error.kind, error.message]).toEqual([kind, expect.stringContaining(words)]);
  });

  it("is a picture when the adapter is damaged", async () => {
    const lora = learned.adapter?.withParameters(learned.adapter.parameters.map(() => NaN)) ?? new Lora([]);
    const options = { resolution: RESOLUTION, draws: 1, program: { threads: 1 } };
    const classifier = await ConceptClassifier.create(pipeline, { ...learned, adapter: lora }, options);
    const { message } = await failure(classifier.classify((await latentsOf(rex))[0]));
    expect(message).toContain("The model predicts NaN or infinity for <rex>");
    await classifier.dispose();
  });

  it("is a picture without candidates", async () => {
    const nothing = { concepts: [], embeddings: [] };
    await expect(ConceptClassifier.create(pipeline, nothing)).rejects.toThrow(RangeError);
  });
});

describe("conceptConfidence", () => {
  it("is how often, and with what probability, the concept of a picture is found", async () => {
    const options = { resolution: RESOLUTION, draws: 16, program: { threads: 1 } };
    const classifier = await ConceptClassifier.create(pipeline, learned, options);
    const latents = [...(await latentsOf(rex)), ...(await latentsOf(mug))];
    const asked = [
      { concept: "mug", latents },
      { concept: "rex", latents: latents.slice(1) },
    ];
    const [ofMug, ofRex] = await conceptConfidence(classifier, asked);
    const probabilities: (readonly number[])[] = [];
    for (const picture of latents) probabilities.push((await classifier.classify(picture)).probabilities);
    const [isRex, isMug] = [probabilities.map(([p]) => p), probabilities.map(([, p]) => p)];
    const above = (some: number[]) => some.filter((p) => p > 1 / 2).length;
    const mean = (some: number[]) => some.reduce((sum, p) => sum + p, 0) / some.length;
    expect(ofMug).toEqual({
      ...{ concept: "mug", pictures: 4, right: above(isMug), accuracy: above(isMug) / 4 },
      meanProbability: mean(isMug),
    });
    expect(ofRex).toEqual({
      ...{ concept: "rex", pictures: 3, right: above(isRex.slice(1)), accuracy: above(isRex.slice(1)) / 3 },
      meanProbability: mean(isRex.slice(1)),
    });
    await expect(conceptConfidence(classifier, [{ concept: "cup", latents }])).rejects.toThrow('"cup" is not among');
    await expect(conceptConfidence(classifier, [{ concept: "mug", latents: [] }])).rejects.toThrow("no pictures");
    await classifier.dispose();
  });

  it("is certainty without rivals, and less with an ordinary thing beside the concept", async () => {
    const [concepts, embeddings] = [learned.concepts.slice(0, 1), learned.embeddings.slice(0, 1)];
    const latents = await latentsOf(rex);
    const confidence = async (others: string[]) => {
      const options = { resolution: RESOLUTION, draws: 16, temperature: 0.1, others, program: { threads: 1 } };
      const classifier = await ConceptClassifier.create(pipeline, { ...learned, concepts, embeddings }, options);
      const [result] = await conceptConfidence(classifier, [{ concept: "rex", latents }]);
      await classifier.dispose();
      return result;
    };
    expect(await confidence([])).toMatchObject({ pictures: 2, right: 2, accuracy: 1, meanProbability: 1 });
    const beside = await confidence(["dog"]);
    expect(beside).toMatchObject({ right: 2, accuracy: 1 });
    expect(beside.meanProbability).toBeLessThan(0.9);
  });
});
