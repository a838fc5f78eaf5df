/**
 * @file Libraries that are taught through the facade, as a person would have it, and what the model in them predicts
 * for views that it was not taught with.
 */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Keepsake } from "../../src/keepsake/keepsake.ts";
import type { LearnRequest } from "../../src/keepsake/learn-and-preview.ts";
import type { Learned } from "../../src/library/library-model.ts";
import { BUILT_IN } from "../../src/library/model/model-profile.ts";
import { DenoiserPool } from "../../src/training/denoiser-pool.ts";
import { validationItems } from "../../src/training/parts/validation.ts";
import { encodeTrainingPhotos, type TrainingPhoto } from "../../src/training/photos/encode-photos.ts";
import { loadPhotos } from "../../src/training/photos/photos.ts";
import { squaredError } from "../../src/training/prediction-loss.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { addLearnedTokens } from "../../src/diffusion/prompt-encoder.ts";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";
import type { ProgramOptions } from "../../src/graph/index.ts";
import { pathsOf, type ExampleView } from "./example-concepts.ts";

/** The built-in model, and libraries on it in a temporary folder. */
export class TaughtLibraries {
  readonly pipeline: StableDiffusionPipeline;
  readonly #pool: DenoiserPool;
  readonly #schedule: NoiseSchedule;
  readonly #folder: string;
  readonly #program: ProgramOptions;
  #count = 0;

  private constructor(pipeline: StableDiffusionPipeline, folder: string, program: ProgramOptions) {
    this.pipeline = pipeline;
    this.#pool = new DenoiserPool(pipeline, program);
    this.#schedule = new NoiseSchedule(pipeline.schedulerConfig);
    this.#folder = folder;
    this.#program = program;
  }

  static async open(program: ProgramOptions): Promise<TaughtLibraries> {
    const pipeline = await StableDiffusionPipeline.load(join("models", "keepsake-64"), program);
    return new TaughtLibraries(pipeline, await mkdtemp(join(tmpdir(), "keepsake-taught-")), program);
  }

  /** Side of the model's pictures. */
  get side(): number {
    return this.pipeline.defaultSize.width;
  }

  /** Views with their settings as captions, so that what is predicted is the concept and not its background. */
  async encoded(views: readonly ExampleView[]): Promise<readonly TrainingPhoto[]> {
    const photos = await loadPhotos(pathsOf(views), this.side);
    const captioned = { ...photos, captions: views.map(({ setting }) => setting) };
    return encodeTrainingPhotos(this.pipeline.vae, captioned, this.side, this.#program);
  }

  /** A library in which something was learned, on a copy of another one. @returns its folder */
  async teach(before: string | undefined, request: LearnRequest): Promise<string> {
    const library = join(this.#folder, String(this.#count++));
    if (before !== undefined) await cp(before, library, { recursive: true });
    await using keepsake = await Keepsake.open(library, { program: this.#program });
    await keepsake.learn({ previews: false, ...request });
    return library;
  }

  /** Predictions for photos under a subject, by what a library holds; and what they should have been. */
  async predict({ adapter, embeddings }: Learned, photos: readonly TrainingPhoto[], subject: string) {
    const tokenizer = this.pipeline.newTokenizer();
    const learned = addLearnedTokens(tokenizer, embeddings, this.pipeline.text.width);
    if (adapter === undefined) throw new Error("nothing has been learned");
    const learnedRows = learned.values.length / this.pipeline.text.width;
    const shape = { resolution: this.side, batchSize: BUILT_IN.training.batchSize, learnedRows };
    const denoiser = this.#pool.denoiser(adapter, shape);
    const rows = new Float32Array(denoiser.embeddingsSize);
    rows.set(learned.values);
    const tokenize = (prompt: string) => [...tokenizer.encode(prompt).inputIds];
    const material = { vae: this.pipeline.vae.config, schedule: this.#schedule, tokenize };
    const items = validationItems(photos, material, subject);
    return { items, predictions: await denoiser.predictions(items, { adapter, embeddings: rows }) };
  }

  /** The error of each prediction. */
  async errors(learned: Learned, photos: readonly TrainingPhoto[], subject: string): Promise<number[]> {
    const { items, predictions } = await this.predict(learned, photos, subject);
    return predictions.map((prediction, i) => squaredError(prediction, items[i].target));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.dispose();
    await this.pipeline.dispose();
    await rm(this.#folder, { recursive: true });
  }
}

/** Numbers of several runs, by what was run. */
export class Rows {
  readonly #runs = new Map<string, number[][]>();

  keep(row: string, numbers: readonly number[]): void {
    this.#runs.set(row, [...(this.#runs.get(row) ?? []), [...numbers]]);
    console.error(`${row}: ${numbers.map((number) => number.toPrecision(4)).join(", ")}`);
  }

  /** Prints means, and in brackets what they are of. */
  print(title: string, columns: readonly string[]): void {
    console.log(`\n| ${[title, ...columns].join(" | ")} |\n| --- |${" --: |".repeat(columns.length)}`);
    for (const [row, runs] of this.#runs) {
      const cells = runs[0].map((_, i) => {
        const all = runs.map((numbers) => numbers[i]);
        return `${mean(all).toFixed(2)} (${all.map((number) => number.toFixed(2)).join(", ")})`;
      });
      console.log(`| ${row} | ${cells.join(" | ")} |`);
    }
  }
}

export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
