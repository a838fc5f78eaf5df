/**
 * @file Which files of a model in the diffusers layout Keepsake reads: configs, tokenizer, and one set of safetensors
 * for each network. Everything else in a repository (pickles, other formats, safety checker, pictures) is not
 * downloaded.
 */
import { modelIndex } from "../diffusion/not-a-model.ts";
import { TEXT_ENCODERS, type PipelineName } from "../diffusion/pipeline-folder.ts";
import { KeepsakeError } from "../errors.ts";

/** Every {@link Variant}. */
export const VARIANTS = ["fp16", "bf16", "fp32"] as const;

/** What weights are stored as, by the names of their files. Files without a variant in their name are usually fp32. */
export type Variant = (typeof VARIANTS)[number];

/** What is to be read of a model. */
export interface WantedFiles {
  /** Paths in the repository; small ones first. */
  readonly files: readonly string[];
  /** Of the networks, each once. */
  readonly precisions: readonly Variant[];
}

function requiredFiles(pipeline: PipelineName): string[] {
  return [
    modelIndex,
    "scheduler/scheduler_config.json",
    ...TEXT_ENCODERS[pipeline].map(({ component }) => `${component}/config.json`),
    ...inTokenizers(pipeline, ["merges.txt", "vocab.json"]),
    "unet/config.json",
    "vae/config.json",
  ];
}

/** Not in every repository; whether they are there, their absence included, is part of the model. */
export function optionalFiles(pipeline: PipelineName): string[] {
  return inTokenizers(pipeline, ["added_tokens.json", "special_tokens_map.json", "tokenizer_config.json"]);
}

function inTokenizers(pipeline: PipelineName, names: readonly string[]): string[] {
  return TEXT_ENCODERS[pipeline].flatMap(({ tokenizer }) => names.map((name) => `${tokenizer}/${name}`));
}

/** The folders with weights, and how their files are called. */
function networks(pipeline: PipelineName): { readonly folder: string; readonly stem: string }[] {
  return [
    ...TEXT_ENCODERS[pipeline].map(({ component }) => ({ folder: component, stem: "model" })),
    { folder: "vae", stem: "diffusion_pytorch_model" },
    { folder: "unet", stem: "diffusion_pytorch_model" },
  ];
}

/**
 * Chooses the files.
 *
 * @param repo - for messages
 * @param pipeline - what kind of model it is
 * @param names - of all files that there are
 * @param variant - default: fp16 where there is one, which is half the size and is computed with in fp32 anyway
 * @throws KeepsakeError ("input") naming what is missing
 */
export function wantedFiles(
  repo: string,
  pipeline: PipelineName,
  names: Iterable<string>,
  variant?: Variant,
): WantedFiles {
  const there = new Set(names);
  const required = requiredFiles(pipeline);
  const missing = required.find((name) => !there.has(name));
  if (missing !== undefined) {
    const what = missing === modelIndex ? notDiffusers(there) : "a part of the model is missing";
    throw new KeepsakeError("input", `${repo} has no ${missing}: ${what}.`);
  }
  const weights = networks(pipeline).map(({ folder, stem }) => {
    const all = precisionsFor(variant).map((precision) => weightFiles(there, folder, stem, precision));
    const found = all.find((set) => set !== undefined);
    if (found === undefined) throw noWeights(repo, there, folder, stem, variant);
    return found;
  });
  return {
    files: [
      ...required,
      ...optionalFiles(pipeline).filter((name) => there.has(name)),
      ...weights.flatMap(({ files }) => files),
    ],
    precisions: [...new Set(weights.map(({ precision }) => precision))],
  };
}

/** In the order of preference. */
function precisionsFor(variant: Variant | undefined): readonly Variant[] {
  return variant === undefined ? ["fp16", "fp32", "bf16"] : [variant];
}

/** The weights of one network in one precision: a file, or an index and all of its parts. */
function weightFiles(
  there: ReadonlySet<string>,
  folder: string,
  stem: string,
  precision: Variant,
): { readonly files: readonly string[]; readonly precision: Variant } | undefined {
  const mark = precision === "fp32" ? "" : `.${precision}`;
  const single = `${folder}/${stem}${mark}.safetensors`;
  if (there.has(single)) return { files: [single], precision };
  // Half-precision indices are named in two ways, depending on the library that wrote them; so are their parts.
  const index = [
    `${folder}/${stem}.safetensors.index${mark}.json`,
    `${folder}/${stem}${mark}.safetensors.index.json`,
  ].find((name) => there.has(name));
  if (index === undefined) return undefined;
  const ending = mark.replace(".", "\\.");
  const part = new RegExp(`^${folder}/${stem}(?:${ending}-(\\d+)-of-(\\d+)|-(\\d+)-of-(\\d+)${ending})\\.safetensors$`);
  const parts = Array.from(there).filter((name) => part.test(name));
  const counts = parts.map((name) => Number(/-of-(\d+)/.exec(name)?.[1]));
  const isWhole = parts.length > 0 && counts.every((count) => count === parts.length);
  return isWhole ? { files: [index, ...parts.sort()], precision } : undefined;
}

function noWeights(
  repo: string,
  there: ReadonlySet<string>,
  folder: string,
  stem: string,
  variant: Variant | undefined,
): KeepsakeError {
  const others = [...there].filter((name) => name.startsWith(`${folder}/`));
  if (variant !== undefined && others.some((name) => name.endsWith(".safetensors"))) {
    const fault = `${repo} has no ${variant} weights in ${folder}/`;
    return new KeepsakeError("input", `${fault}; leave out --variant to take what there is.`);
  }
  const pickle = others.some((name) => /\.(bin|ckpt|pt)$/.test(name));
  const why = pickle ? "; it has pickle files, which are not loaded, because a pickle can run any program" : "";
  const fault = `${repo} has no ${folder}/${stem}.safetensors${why}`;
  return new KeepsakeError("input", `${fault}. Choose a model with safetensors weights.`);
}

function notDiffusers(there: ReadonlySet<string>): string {
  if (there.has("adapter_config.json") || there.has("pytorch_lora_weights.safetensors")) {
    return "it is a LoRA; pull the model that it was made for";
  }
  const single = [...there].find((name) => !name.includes("/") && name.endsWith(".safetensors"));
  if (single !== undefined) {
    return `it is not in the diffusers layout; download ${single} yourself and give that file as --model`;
  }
  return "it is not a model in the diffusers layout";
}
