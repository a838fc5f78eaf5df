/**
 * @file A checkpoint in one file, as CompVis and Stability AI publish them and most programs exchange them (the ldm and
 * SGM layouts): what kind it is, by the names and shapes of its tensors, and where its networks are in it.
 */
import { KeepsakeError } from "../../errors.ts";
import { SafetensorsFile, type TensorInfo } from "../../io/safetensors/safetensors.ts";
import { todaysAttentionName } from "../checkpoint.ts";
import type { AutoencoderKlConfig } from "../config/autoencoder-kl-config.ts";
import type { ClipTextConfig } from "../config/clip-config.ts";
import type { UNet2DConditionConfig } from "../config/unet-2d-condition-config.ts";
import { notAModel, SUPPORTED } from "../not-a-model.ts";
import { type TensorView, Weights } from "../weights.ts";
import { ARCHITECTURES, type ArchitectureName } from "./architectures.ts";
import { clipViews, openClipViews } from "./text-encoder-views.ts";
import { unetViews } from "./unet-views.ts";
import { vaeViews } from "./vae-views.ts";

const UNET = "model.diffusion_model.";
const VAE = "first_stage_model.";

/** Where a text encoder may be in a file, and whose names it has. */
interface StoredTextEncoder {
  readonly prefixes: readonly string[];
  readonly views: (config: ClipTextConfig) => (name: string, stored: TensorInfo) => readonly TensorView[];
}

const clip: StoredTextEncoder = {
  prefixes: ["cond_stage_model.transformer.", "conditioner.embedders.0.transformer."],
  views: () => clipViews,
};
const openClip: StoredTextEncoder = {
  prefixes: ["cond_stage_model.model.", "conditioner.embedders.0.model."],
  views: openClipViews,
};
const secondOpenClip: StoredTextEncoder = { ...openClip, prefixes: ["conditioner.embedders.1.model."] };

const TEXT_ENCODERS_OF: Readonly<Record<ArchitectureName, readonly StoredTextEncoder[]>> = {
  sd1: [clip],
  sd2: [openClip],
  sdxl: [clip, secondOpenClip],
};

/** What the UNets of other tasks take beside the four channels of a latent. */
const otherTasks = new Map([
  [9, "an inpainting model"],
  [8, "a model that edits pictures (InstructPix2Pix)"],
  [7, "an upscaler"],
  [5, "a model that starts from depth"],
]);

/** A single-file checkpoint of a family that is read. Weights are found in the file when they are asked for. */
export class SingleFile {
  readonly file: SafetensorsFile;
  readonly architecture: ArchitectureName;

  private constructor(file: SafetensorsFile, architecture: ArchitectureName) {
    this.file = file;
    this.architecture = architecture;
  }

  /**
   * Reads a file's header. @throws KeepsakeError in one line saying what the file is, if it is of no family that is
   * read
   */
  static async open(path: string): Promise<SingleFile> {
    const file = await SafetensorsFile.open(path);
    const names = [...file.tensors.keys()];
    const fault = (text: string): KeepsakeError => new KeepsakeError("input", `${path}: ${text}.`);
    const foreign = foreignFamily(file, names);
    if (foreign !== undefined) {
      throw fault(`this is ${foreign}, which is not supported; use ${SUPPORTED}`);
    }
    if (!names.some((name) => name.startsWith(UNET))) {
      if (vaePrefix(file) === undefined) throw await notAModel(path);
      throw fault("this is a VAE alone; give it with --vae, beside a checkpoint");
    }
    const channels = file.tensors.get(`${UNET}input_blocks.0.0.weight`)?.shape[1];
    const task = otherTasks.get(channels ?? 0);
    if (task !== undefined) throw fault(`this is ${task}, which is not supported; use a text-to-image model`);
    return new SingleFile(file, architectureOf(file, names));
  }

  get title(): string {
    return ARCHITECTURES[this.architecture].title;
  }

  /** Which parts beside the UNet are in the file. */
  get has(): { readonly vae: boolean; readonly textEncoders: readonly boolean[] } {
    return {
      vae: vaePrefix(this.file) !== undefined,
      textEncoders: TEXT_ENCODERS_OF[this.architecture].map(({ prefixes }) => this.#prefixOf(prefixes) !== undefined),
    };
  }

  /**
   * The UNet's weights.
   * @param label what to call the config in messages.
   * @throws KeepsakeError if the file has blocks for which the config has no place.
   */
  async unet(config: UNet2DConditionConfig, label: string): Promise<Weights> {
    const viewsOf = unetViews(config);
    return Weights.within(
      this.file,
      (stored) => {
        const views = below(UNET, viewsOf)(stored);
        if (views.length === 0 && /^model\.diffusion_model\.(input|middle|output)_/.test(stored.name)) {
          const fault = `tensor "${stored.name}" has no place in the UNet that ${label} describes`;
          throw new KeepsakeError("input", `${this.file.path}: ${fault}; ${GIVE_CONFIG}.`);
        }
        return views;
      },
      label,
    );
  }

  /**
   * The text encoder's weights; none if the file has no text encoder. @param label what to call the config in messages.
   */
  async textEncoder(config: ClipTextConfig, label: string, index = 0): Promise<Weights> {
    const stored = TEXT_ENCODERS_OF[this.architecture].at(index);
    const prefix = stored && this.#prefixOf(stored.prefixes);
    const view = stored === undefined || prefix === undefined ? () => [] : below(prefix, stored.views(config));
    return Weights.within(this.file, view, label);
  }

  /** The UNet's width and that of its context, as far as the file tells. */
  get widths(): { readonly channels: number | undefined; readonly context: number | undefined } {
    const { tensors } = this.file;
    return {
      channels: tensors.get(`${UNET}input_blocks.0.0.weight`)?.shape[0],
      context: contextWidth(this.file),
    };
  }

  /** What the UNet predicts, if a tensor of that name says it. */
  get statedPrediction(): "v_prediction" | undefined {
    return this.file.has("v_pred") ? "v_prediction" : undefined;
  }

  /**
   * What else tensors say by their names of the scheduler's config: a schedule that ends in pure noise, where sampling
   * has to begin. Source: comfyanonymous/ComfyUI: comfy/supported_models.py, `SDXL`.
   */
  get statedSchedule(): Readonly<Record<string, unknown>> {
    return this.file.has("ztsnr") ? { rescale_betas_zero_snr: true, timestep_spacing: "trailing" } : {};
  }

  /**
   * Whether an SD 2.x model seems to predict velocity: the biases of one norm differ more in those that do.
   * Source: comfyanonymous/ComfyUI: comfy/supported_models.py, `SD20`.
   */
  async seemsToPredictVelocity(): Promise<boolean> {
    const name = `${UNET}output_blocks.11.1.transformer_blocks.0.norm1.bias`;
    if (!this.file.has(name)) return false;
    const biases = await this.file.readFloat32(name);
    const mean = biases.reduce((sum, bias) => sum + bias, 0) / biases.length;
    const variance = biases.reduce((sum, bias) => sum + (bias - mean) ** 2, 0) / biases.length;
    return Math.sqrt(variance) > VELOCITY_DEVIATION;
  }

  #prefixOf(prefixes: readonly string[]): string | undefined {
    return prefixWithin([...this.file.tensors.keys()], prefixes);
  }
}

/** What to do about a model of unusual size. */
export const GIVE_CONFIG = "give a folder in the diffusers layout that has its configs, with --config <folder>";

/** Standard deviation above which the biases are those of a model of velocity. */
const VELOCITY_DEVIATION = 0.09;

/**
 * The weights of a VAE in a checkpoint or in a file of its own, if there is one: in the original layout or that of
 * diffusers.
 * @param label what to call the config in messages.
 */
export async function vaeWithin(
  file: SafetensorsFile,
  config: AutoencoderKlConfig,
  label: string,
): Promise<Weights | undefined> {
  const prefix = vaePrefix(file);
  if (prefix === undefined) return undefined;
  const isOfDiffusers = file.has(`${prefix}decoder.mid_block.resnets.0.conv1.weight`);
  const viewsOf = isOfDiffusers ? (name: string) => [{ name: todaysAttentionName(name) }] : vaeViews(config);
  return Weights.within(file, below(prefix, viewsOf), label);
}

function vaePrefix(file: SafetensorsFile): string | undefined {
  return [VAE, ""].find((prefix) => file.has(`${prefix}decoder.conv_in.weight`));
}

/** Views for what is stored below a prefix. */
function below(
  prefix: string,
  viewsOf: (name: string, stored: TensorInfo) => readonly TensorView[],
): (stored: TensorInfo) => readonly TensorView[] {
  return (stored) => (stored.name.startsWith(prefix) ? viewsOf(stored.name.slice(prefix.length), stored) : []);
}

function prefixWithin(names: readonly string[], prefixes: readonly string[]): string | undefined {
  return prefixes.find((prefix) => names.some((name) => name.startsWith(prefix)));
}

/** What a checkpoint is that begins as those of Stable Diffusion and is of another family. */
function foreignFamily(file: SafetensorsFile, names: readonly string[]): string | undefined {
  const has = (prefix: string): boolean => names.some((name) => name.startsWith(prefix));
  if (has(`${UNET}joint_blocks.`)) return "Stable Diffusion 3";
  if (has(`${UNET}double_blocks.`)) return "FLUX";
  if (has("control_model.")) return "a ControlNet";
  if (has("edm_mean") || has("edm_vpred.")) return "a model with another noise schedule (EDM, as Playground 2.5)";
  if (has(secondOpenClip.prefixes[0])) return undefined;
  const isRefiner = has(`${UNET}label_emb.`) && has("conditioner.embedders.0.model.");
  return isRefiner || contextWidth(file) === REFINER_CONTEXT ? "an SDXL refiner" : undefined;
}

const SDXL_CONTEXT = 2048;
const REFINER_CONTEXT = 1280;

/** By the text encoder; where there is none by the UNet's projections, which are convolutions in SD 1.x. */
function architectureOf(file: SafetensorsFile, names: readonly string[]): ArchitectureName {
  const isSdxl = prefixWithin(names, ["conditioner.embedders.1.", `${UNET}label_emb.`]) !== undefined;
  if (isSdxl || contextWidth(file) === SDXL_CONTEXT) return "sdxl";
  if (prefixWithin(names, openClip.prefixes) !== undefined) return "sd2";
  if (prefixWithin(names, clip.prefixes) !== undefined) return "sd1";
  return file.tensors.get(`${UNET}input_blocks.1.1.proj_in.weight`)?.shape.length === 2 ? "sd2" : "sd1";
}

function contextWidth(file: SafetensorsFile): number | undefined {
  return ["input_blocks.1.1", "input_blocks.4.1"]
    .map((block) => file.tensors.get(`${UNET}${block}.transformer_blocks.0.attn2.to_k.weight`)?.shape[1])
    .find((width) => width !== undefined);
}
