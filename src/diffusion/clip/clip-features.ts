/**
 * @file A CLIP model at work: unit features of pictures and texts, whose inner products are cosine similarities.
 */
import { join } from "node:path";
import { input, Program, type ProgramOptions } from "../../graph/index.ts";
import type { RgbImage } from "../../io/images/rgb-image.ts";
import { readJson } from "../../io/json.ts";
import { openClipModel } from "../checkpoint.ts";
import type { ClipTextConfig } from "../config/clip-config.ts";
import { concatenated } from "../flat-arrays.ts";
import { ClipTokenizer } from "../tokenizer/index.ts";
import {
  clipImageProcessor,
  parseClipImageProcessorConfig,
  type ClipImageProcessorConfig,
} from "./clip-image-processor.ts";
import { clipImageFeatures, clipTextFeatures } from "./clip-model.ts";
import { endOfTextRows } from "./text-inputs.ts";

export interface ClipFeaturesOptions extends ProgramOptions {
  /** Where the tokenizer's files are. Default: the folder of the model. */
  readonly tokenizer?: string;
}

/** Images or texts in one run. */
const BATCH = 16;

/** Two compiled programs; `dispose` frees them. */
export class ClipFeatures {
  readonly #images: Program<"features">;
  readonly #texts: Program<"features">;
  readonly #tokenizer: ClipTokenizer;
  readonly #processor: ClipImageProcessorConfig;
  readonly #textConfig: ClipTextConfig;

  private constructor(
    programs: { images: Program<"features">; texts: Program<"features"> },
    tokenizer: ClipTokenizer,
    processor: ClipImageProcessorConfig,
    textConfig: ClipTextConfig,
  ) {
    this.#images = programs.images;
    this.#texts = programs.texts;
    this.#tokenizer = tokenizer;
    this.#processor = processor;
    this.#textConfig = textConfig;
  }

  /**
   * Opens a folder with a CLIPModel's config.json, preprocessor_config.json and weights.
   *
   * @throws KeepsakeError naming file and fault
   */
  static async load(
    folder: string,
    { tokenizer = folder, ...options }: ClipFeaturesOptions = {},
  ): Promise<ClipFeatures> {
    const { config, weights } = await openClipModel(folder);
    const processorFile = join(folder, "preprocessor_config.json");
    const processor = parseClipImageProcessorConfig(processorFile, await readJson(processorFile));
    const { textConfig, visionConfig } = config;
    const side = visionConfig.imageSize;
    const context = weights.frozen();
    const pixelValues = input("pixelValues", [BATCH, visionConfig.numChannels, side, side]);
    const inputIds = input("inputIds", [BATCH, textConfig.maxPositionEmbeddings], "int32");
    const endOfText = input("endOfText", [BATCH], "int32");
    const programs = {
      images: await Program.create({ features: clipImageFeatures(context, config, pixelValues) }, options),
      texts: await Program.create({ features: clipTextFeatures(context, config, { inputIds }, endOfText) }, options),
    };
    return new ClipFeatures(programs, await ClipTokenizer.load(tokenizer), processor, textConfig);
  }

  /** `[projectionDim]` for each picture, of length 1. */
  async ofImages(images: readonly RgbImage[]): Promise<Float32Array[]> {
    return inBatches(images, async (batch) => {
      const pixelValues = concatenated(batch.map((image) => clipImageProcessor(image, this.#processor)));
      return (await this.#images.run({ pixelValues })).features;
    });
  }

  /** `[projectionDim]` for each text, of length 1. */
  async ofTexts(texts: readonly string[]): Promise<Float32Array[]> {
    return inBatches(texts, async (batch) => {
      const ids = batch.map((text) => [...this.#tokenizer.encode(text).inputIds]);
      const endOfText = endOfTextRows(ids, this.#textConfig);
      return (await this.#texts.run({ inputIds: Int32Array.from(ids.flat()), endOfText })).features;
    });
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#images.dispose(), this.#texts.dispose()]);
  }
}

/** Runs over all items in batches of one size (the last is filled up), and normalises each row. */
async function inBatches<T>(
  items: readonly T[],
  featuresOf: (batch: readonly T[]) => Promise<Float32Array>,
): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  for (let first = 0; first < items.length; first += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, i) => items[Math.min(first + i, items.length - 1)]);
    const features = await featuresOf(batch);
    const width = features.length / BATCH;
    const count = Math.min(BATCH, items.length - first);
    for (let i = 0; i < count; i++) rows.push(normalized(features.subarray(i * width, (i + 1) * width)));
  }
  return rows;
}

function normalized(features: Float32Array): Float32Array {
  const length = Math.sqrt(features.reduce((sum, x) => sum + x * x, 0));
  return features.map((x) => x / length);
}

/** The cosine of two features of length 1. */
export function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}
