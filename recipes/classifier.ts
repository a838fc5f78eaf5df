/**
 * @file How often is the classifier right, and how often does it take another thing for a concept? Teaches the built-in
 * model example concepts, asks `keepsake classify`'s question about held-out views of them and about pictures of other
 * things, and finds the temperature that fits the answers best.
 *
 * `npx tsx recipes/classifier.ts --set tuning` calibrates; `--set reported` is of concepts that nothing was tuned on.
 */
import { join } from "node:path";
import { Option } from "commander";
import { CONCEPT_SETS, type ConceptSet } from "../bench/continual/plan.ts";
import { ConceptClassifier, type ConceptClassification } from "../src/classifier/concept-classifier.ts";
import { DEFAULT_TEMPERATURE, posterior } from "../src/training/diffusion-classifier.ts";
import { threads, wholeNumber } from "../src/cli/options.ts";
import { KeepsakeError } from "../src/errors.ts";
import { LIMITS } from "../src/limits.ts";
import { Keepsake } from "../src/keepsake/keepsake.ts";
import { learnedIn, openModel, type Learned } from "../src/library/library-model.ts";
import { Library } from "../src/library/library.ts";
import { BUILT_IN } from "../src/library/model/model-profile.ts";
import { encodePhotos } from "../src/training/photos/encode-photos.ts";
import { readPhoto } from "../src/training/photos/photos.ts";
import { judge, DEFAULT_TEMPERATURE_IN_STANDARD_ERRORS } from "../src/classifier/picture-answer.ts";
import { latentsFrom } from "../src/diffusion/latents.ts";
import { findImages } from "../src/io/images/find-images.ts";
import { imageToTensor } from "../src/io/images/image.ts";
import { CONCEPTS } from "./concepts/concepts.ts";
import { PICTURE_SIZE } from "./model/architecture.ts";
import { picturesOf } from "./training/sheets.ts";
import { NOUN_NAMES } from "./figures/nouns.ts";
import { World } from "./world/world.ts";
import { readArguments, repeated, severalNumbers, tool } from "../scripts/tool.ts";

const values = readArguments(
  tool("Asks the classifier about held-out views of taught concepts and about other things; finds its temperature.")
    .addOption(new Option("--set <name>", "concepts").choices(Object.keys(CONCEPT_SETS)).default("tuning"))
    .addOption(
      new Option("--after <numbers>", "ask when so many of the set are known")
        .argParser(severalNumbers)
        .default([1, 3], "1,3"),
    )
    .option("--library <folder>", "made, or gone on with, if it does not know the concepts")
    .option("--photos <folder>", "more pictures of other things; repeatable", repeated)
    .option("--draws <n>", "noises and timesteps of each answer", wholeNumber(LIMITS.draws), 32)
    .option("--threads <n>", "processor threads", threads)
    .option("--smoke", "shows that it runs, its figures mean nothing", false),
).opts<{
  set: ConceptSet;
  after: number[];
  library?: string;
  photos?: readonly string[];
  draws: number;
  threads?: number;
  smoke: boolean;
}>();
const SEED = 2026;
/** Views of each concept that is not taught, pictures of other nouns, pictures of each class noun. */
const [OTHER_VIEWS, OTHER_NOUNS, OF_CLASS] = values.smoke ? [1, 2, 1] : [2, 24, 2];
const VIEWS = values.smoke ? 1 : 6;
const TEMPERATURES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];

/** A picture, and the concept that it shows. */
interface Question {
  readonly kind: string;
  readonly truth: string | undefined;
  readonly pixels: Float32Array;
}

interface Asked extends Question {
  readonly result: ConceptClassification;
}

const program = values.threads === undefined ? {} : { threads: values.threads };
const names = CONCEPT_SETS[values.set];
const stages = values.after;
const folder = values.library ?? join("build", "classifier", values.set);
const library = await taught(names.slice(0, Math.max(...stages)));
const pipeline = await openModel(undefined, library, program);
const world = new World();

const asked: Asked[] = [];
for (const stage of stages) {
  const states = [library.manifest, ...library.manifest.earlier];
  const state = states.find(({ concepts }) => concepts.length === stage);
  if (state === undefined)
    throw new KeepsakeError("state", `${folder} keeps no state with ${stage} concepts; give another --library.`);
  const answers = await ask(await learnedIn(library.inState(state), pipeline));
  report(`after ${stage} of ${values.set}`, answers);
  asked.push(...answers);
}
if (stages.length > 1) report(`${values.set}, all`, asked);
calibrate(asked);
await pipeline.dispose();

function classNounOf(name: string): string {
  const concept = CONCEPTS.find((each) => each.name === name);
  if (concept === undefined) throw new Error(`there is no concept "${name}"`);
  return concept.classNoun;
}

function viewOf(name: string, part: "train" | "test", index: number): string {
  return join("examples", "concepts", name, part, `0${index}.png`);
}

/** The library, with every state kept. */
async function taught(wanted: readonly string[]): Promise<Library> {
  const keepsake = await Keepsake.open(folder, { program });
  if ((await Library.openIfExists(folder)) === undefined) await keepsake.init({ keep: wanted.length });
  const things = wanted.map((name) => ({
    name,
    classNoun: classNounOf(name),
    photos: [join("examples", "concepts", name, "train")],
  }));
  const training = values.smoke ? { training: { steps: 2 } } : {};
  await keepsake.learnAll({ things, previews: false, ...training });
  await keepsake.close();
  return Library.open(folder);
}

async function questions({ concepts }: Learned): Promise<Question[]> {
  const known = concepts.map(({ name }) => name);
  const read = async (file: string) => imageToTensor(await readPhoto(file, PICTURE_SIZE));
  const found: Question[] = [];
  const views = async (kind: string, name: string, count: number, truth?: string) => {
    for (let i = 0; i < count; i++) found.push({ kind, truth, pixels: await read(viewOf(name, "test", i)) });
  };
  for (const name of known) await views("held-out views of the concepts", name, VIEWS, name);
  for (const { name } of CONCEPTS) if (!known.includes(name)) await views("another toy", name, OTHER_VIEWS);
  const drawn = async (kind: string, count: number, seed: number, nouns: readonly string[]) => {
    const single = { nouns, layouts: { single: 1 }, split: "held out" } as const;
    const { pixels } = await world.renderBatch(seed, 0, count, PICTURE_SIZE, single);
    for (const picture of picturesOf(pixels)) found.push({ kind, truth: undefined, pixels: picture });
  };
  const classNouns = [...new Set(concepts.map(({ classNoun }) => classNoun))];
  await drawn("an ordinary thing of the class", OF_CLASS * classNouns.length, SEED, classNouns);
  const others = NOUN_NAMES.filter((noun) => !classNouns.includes(noun));
  await drawn("another ordinary thing", OTHER_NOUNS, SEED + 1, others);
  for (const photos of values.photos ?? []) {
    for (const file of (await findImages([photos])).images) {
      found.push({ kind: "a photo of another thing", truth: undefined, pixels: await read(file) });
    }
  }
  return found;
}

async function ask(learned: Learned): Promise<Asked[]> {
  const pictures = await questions(learned);
  const distributions = await encodePhotos(
    pipeline.vae,
    pictures.map(({ pixels }) => pixels),
    PICTURE_SIZE,
    program,
  );
  const classifier = await ConceptClassifier.create(pipeline, learned, {
    ...{ program, anything: true, draws: values.draws },
    others: learned.concepts.map(({ classNoun }) => classNoun),
    background: BUILT_IN.ordinaryThings,
  });
  const results: Asked[] = [];
  for (const [i, picture] of pictures.entries()) {
    const result = await classifier.classify(latentsFrom(distributions[i], pipeline.vae.config));
    results.push({ ...picture, result });
    if (i % 20 === 0) process.stderr.write(`${learned.concepts.length} concepts: ${i + 1} of ${pictures.length}\n`);
  }
  await classifier.dispose();
  return results;
}

/**
 * The concept that the classifier named before it could say no: the best of concepts and class nouns, if that is a
 * concept, with its probability.
 */
function withoutNo({ candidates, errors }: ConceptClassification): {
  concept: string | undefined;
  probability: number;
} {
  // After the concepts come their class nouns, then the empty prompt and the background.
  const end = candidates.findIndex(({ prompt }) => prompt === "");
  const probabilities = posterior(errors.slice(0, end), DEFAULT_TEMPERATURE);
  const best = probabilities.indexOf(Math.max(...probabilities));
  return { concept: candidates[best].concept, probability: probabilities[best] };
}

/** A table of what was answered, before and now, for each kind of picture. */
function report(title: string, answers: readonly Asked[]): void {
  const lines = [
    `\n${title}: ${answers.length} pictures, ${meanOf(answers.map(({ result }) => result.evaluations)).toFixed(0)} UNet evaluations a picture`,
    "",
    "| picture | before: right | before: a wrong concept | now: right | now: a wrong concept | now: not sure | now: none |",
    "|---|---|---|---|---|---|---|",
  ];
  for (const kind of new Set(answers.map((each) => each.kind))) {
    const some = answers.filter((each) => each.kind === kind);
    const share = (count: number) => `${((100 * count) / some.length).toFixed(0)} % (${count}/${some.length})`;
    const old = some.map(({ result }) => withoutNo(result).concept);
    const now = some.map(({ result }) => judge(result).answer);
    const named = now.map((answer) => (answer.kind === "concept" ? answer.concept : undefined));
    const right = (concepts: readonly (string | undefined)[]) =>
      share(concepts.filter((concept, i) => concept === some[i].truth).length);
    const wrong = (concepts: readonly (string | undefined)[]) =>
      share(concepts.filter((concept, i) => concept !== undefined && concept !== some[i].truth).length);
    const isOwn = some[0].truth !== undefined;
    const count = (what: string) => now.filter((answer) => answer.kind === what).length;
    const rightNow = isOwn ? right(named) : share(count("none"));
    lines.push(
      `| ${kind} | ${right(old)} | ${wrong(old)} | ${rightNow} | ${wrong(named)} | ${share(count("unsure"))} | ${share(count("none"))} |`,
    );
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** The temperature under which the truth is most probable, and how often the answers of each probability are right. */
function calibrate(answers: readonly Asked[]): void {
  const surprise = (temperature: number) =>
    meanOf(answers.map(({ truth, result }) => -Math.log(probabilityOf(truth, result, temperature))));
  for (const temperature of TEMPERATURES) {
    const note = temperature === DEFAULT_TEMPERATURE_IN_STANDARD_ERRORS ? " (the default)" : "";
    process.stdout.write(`temperature ${temperature}: mean -log P(truth) ${surprise(temperature).toFixed(3)}${note}\n`);
  }
  const before = answers.map(({ truth, result }) => {
    const { concept, probability } = withoutNo(result);
    return { isRight: concept === truth, probability };
  });
  const now = answers.map(({ truth, result }) => {
    const outcomes = [...new Set([undefined, ...result.candidates.map(({ concept }) => concept)])];
    const probabilities = outcomes.map((concept) => probabilityOf(concept, result));
    const probability = Math.max(...probabilities);
    return { isRight: outcomes[probabilities.indexOf(probability)] === truth, probability };
  });
  for (const [title, most] of [
    ["before", before],
    ["now", now],
  ] as const) {
    for (const [from, to] of [
      [0, 0.6],
      [0.6, 0.9],
      [0.9, 0.99],
      [0.99, 1.01],
    ] as const) {
      const some = most.filter(({ probability }) => probability >= from && probability < to);
      const right = some.filter(({ isRight }) => isRight).length;
      const said = some.length === 0 ? "–" : meanOf(some.map(({ probability }) => probability)).toFixed(3);
      process.stdout.write(
        `${title}: probability ${from} to ${Math.min(to, 1)}: said ${said}, right ${right}/${some.length}\n`,
      );
    }
  }
}

function probabilityOf(truth: string | undefined, result: ConceptClassification, temperature?: number): number {
  return judge(result, temperature)
    .verdicts.filter(({ concept }) => concept === truth)
    .reduce((sum, { probability }) => sum + probability, 0);
}

function meanOf(some: readonly number[]): number {
  return some.reduce((sum, value) => sum + value, 0) / some.length;
}
