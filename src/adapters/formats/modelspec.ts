/**
 * @file The metadata by which programs list and tell adapter files: Stability AI's modelspec 1.0.1, as kohya's
 * sd-scripts write it (`library/sai_model_spec.py`). No date and no hash: the same adapter gives the same bytes.
 */

/** The model families that kohya's programs tell apart, with sd-scripts' names for them. */
export const kohyaModels = {
  "sd-1": { v2: "False", baseModelVersion: "sd_v1", architecture: "stable-diffusion-v1" },
  "sd-2": { v2: "True", baseModelVersion: "sd_v2", architecture: "stable-diffusion-v2-512" },
  "sd-2-v": { v2: "True", baseModelVersion: "sd_v2_v", architecture: "stable-diffusion-v2-768-v" },
  sdxl: { v2: "False", baseModelVersion: "sdxl_base_v1-0", architecture: "stable-diffusion-xl-v1-base" },
};

/** A model family: `sd-2-v` is SD 2 with v-prediction. */
export type KohyaModel = keyof typeof kohyaModels;

/** What a file says of itself. */
export interface ModelspecFacts {
  readonly model: KohyaModel;
  /** Width and height in pixels that the model was trained for. */
  readonly resolution: number;
  /** Shown by programs that list files. */
  readonly title: string;
  /** What to write in a prompt. */
  readonly triggerPhrase?: string;
  /** What the model predicts. */
  readonly predictionType?: "epsilon" | "v_prediction";
}

/** The field that says what to write in a prompt. */
export const TRIGGER_PHRASE = "modelspec.trigger_phrase";

/** Where the layout of tensors comes from, by sd-scripts' rules. */
const GENERATIVE_MODELS = "https://github.com/Stability-AI/generative-models";

/** @param what - the file holds */
export function modelspec(
  what: "lora" | "textual-inversion",
  { model, resolution, title, triggerPhrase, predictionType }: ModelspecFacts,
): Map<string, string> {
  return new Map([
    ["modelspec.sai_model_spec", "1.0.1"],
    ["modelspec.architecture", `${kohyaModels[model].architecture}/${what}`],
    ["modelspec.implementation", what === "lora" && model !== "sdxl" ? "diffusers" : GENERATIVE_MODELS],
    ["modelspec.title", title],
    ["modelspec.resolution", `${resolution}x${resolution}`],
    ...optional(TRIGGER_PHRASE, triggerPhrase),
    ...optional("modelspec.prediction_type", predictionType && (predictionType === "epsilon" ? "epsilon" : "v")),
  ]);
}

function optional(key: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[key, value]];
}
