/**
 * @file How a model is taught where nobody has said otherwise: one profile for the model that comes with this package,
 * one for every checkpoint of Stable Diffusion. How a model draws is in the table of families
 * (`diffusion/family/families.ts`).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LearningRateSchedule } from "../../graph/index.ts";
import { DEFAULT_ADAPTER, DEFAULT_TRAINING } from "../../learning/learn-settings.ts";
import { plainTargets } from "../../adapters/modules.ts";
import { KNOWN_WORDS_FILE, knownWordsOf } from "../../prompts/known-words.ts";
import { BUILT_IN_MODEL, checkpointFolder } from "./model-folder.ts";

export interface ModelProfile {
  /** To be said once to whoever teaches the model something. */
  readonly note?: string;
  readonly training: {
    readonly steps: number;
    readonly batchSize: number;
    readonly learningRate: number;
    readonly tokenLearningRate: number;
    readonly lrScheduler: LearningRateSchedule;
  };
  /** Of a new adapter; the rank is that of a low-rank one. */
  readonly adapter: { readonly rank: number; readonly targets: string };
  /** Rank and rate for adapters of other targets, where these want others. */
  readonly otherTargets?: ReadonlyMap<string, { readonly rank: number; readonly learningRate: number }>;
  /** Embeddings that a new token stands for. */
  readonly vectors: number;
  /** Things that stand for the rest of the world when a picture is classified. */
  readonly ordinaryThings: readonly string[];
  /**
   * What a large model takes minutes for takes it seconds: every training run ends with a preview sheet, and its
   * preparation is not worth a word.
   */
  readonly isSmall: boolean;
}

export const CHECKPOINT: ModelProfile = {
  training: DEFAULT_TRAINING,
  adapter: { rank: DEFAULT_ADAPTER.rank, targets: DEFAULT_ADAPTER.targets },
  vectors: 1,
  // Few, because each costs evaluations of a large model.
  ordinaryThings: [
    ...["person", "cat", "dog", "bird", "car", "building", "room", "tree", "flower", "meal", "toy", "landscape"],
  ],
  isSmall: false,
};

/**
 * The built-in model is a hundred times smaller than Stable Diffusion: it takes larger steps, and needs a larger rank.
 * Keys and values alone are too little to learn a mark with. With four vectors for a token more of what a prompt says
 * beside it is drawn. Chosen by eye and by a judge (recipes/README.md, "How it is taught").
 */
export const BUILT_IN: ModelProfile = {
  note: "The built-in model is a toy for small drawings. For your own photos use a Stable Diffusion checkpoint: --model <path>.",
  training: { steps: 250, batchSize: 4, learningRate: 1.5e-3, tokenLearningRate: 1e-3, lrScheduler: "cosine" },
  adapter: { rank: 32, targets: "unet-linear" },
  // They hold less, so their rank is higher; at higher rates animals fall apart.
  otherTargets: new Map([["crossattn-kv", { rank: 64, learningRate: 5e-4 }]]),
  vectors: 4,
  // It knows no other words: of all kinds and shapes that it was trained to draw.
  ordinaryThings: [
    ...["cat", "dog", "rabbit", "bear", "panda", "fox", "lion", "pig", "frog", "elephant", "owl", "penguin", "duck"],
    ...["fish", "butterfly", "robot", "mug", "teapot", "vase", "backpack", "car", "truck", "boat", "rocket", "house"],
    ...["tree", "flower", "cactus", "mushroom", "apple", "cake", "ball"],
  ],
  isSmall: true,
};

/** @param model - as `chosenModel` names it */
export function profileOf(model: string): ModelProfile {
  return model === BUILT_IN_MODEL ? BUILT_IN : CHECKPOINT;
}

/**
 * How a model is taught where nobody has said otherwise than by the adapter's targets.
 *
 * @param targets - of a new adapter or a library's. Default: those that suit the model
 */
export function taughtWith(
  profile: ModelProfile,
  targets = profile.adapter.targets,
): Pick<ModelProfile, "adapter" | "training"> {
  const { rank = profile.adapter.rank, learningRate = profile.training.learningRate } =
    profile.otherTargets?.get(plainTargets(targets)) ?? {};
  return { adapter: { rank, targets }, training: { ...profile.training, learningRate } };
}

/** The things that the built-in model can draw, for help texts. */
export function builtInNouns(): readonly string[] {
  const file = join(checkpointFolder(BUILT_IN_MODEL), KNOWN_WORDS_FILE);
  return knownWordsOf(JSON.parse(readFileSync(file, "utf8")), file).nouns;
}
