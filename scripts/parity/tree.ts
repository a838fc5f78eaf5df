/** @file The tree of fixtures that is being checked: its models, opened once each, and how its programs are run. */
import { join } from "node:path";
import {
  type Component,
  openAutoencoderKl,
  openClipModel,
  openClipTextModel,
  openUNet2DConditionModel,
} from "../../src/diffusion/checkpoint.ts";
import { exists } from "../../src/io/folder.ts";
import type { AutoencoderKlConfig } from "../../src/diffusion/config/autoencoder-kl-config.ts";
import type { ClipConfig, ClipTextConfig } from "../../src/diffusion/config/clip-config.ts";
import type { UNet2DConditionConfig } from "../../src/diffusion/config/unet-2d-condition-config.ts";
import { openCheckpoint } from "../../src/diffusion/open-checkpoint.ts";
import type { TextConditioning } from "../../src/diffusion/text-conditioning.ts";
import { ClipTokenizer } from "../../src/diffusion/tokenizer/index.ts";
import { readTokenizerFolder } from "../../src/diffusion/tokenizer/tokenizer-folder.ts";
import { type Feeds, type ProgramOptions, type Tensor, Program } from "../../src/graph/index.ts";
import { readJson } from "../../src/io/json.ts";
import { Fields } from "./fields.ts";

export class Tree {
  /** Absolute path. */
  readonly root: string;
  readonly programOptions: ProgramOptions;
  readonly #opened = new Map<string, Promise<unknown>>();

  constructor(root: string, programOptions: ProgramOptions = {}) {
    this.root = root;
    this.programOptions = programOptions;
  }

  /** @param model folder of a UNet, or of a pipeline that has one, relative to the root; so for the other models. */
  async unet(model: string): Promise<Component<UNet2DConditionConfig>> {
    return this.#open(await this.#componentFolder(model, "unet"), openUNet2DConditionModel);
  }

  async vae(model: string): Promise<Component<AutoencoderKlConfig>> {
    return this.#open(await this.#componentFolder(model, "vae"), openAutoencoderKl);
  }

  async clipText(model: string): Promise<Component<ClipTextConfig>> {
    return this.#open(await this.#componentFolder(model, "text_encoder"), openTextEncoder);
  }

  /** All text encoders of a pipeline. */
  async text(model: string): Promise<TextConditioning> {
    return (await this.#open(join(this.root, model), openCheckpoint)).text;
  }

  async clip(model: string): Promise<Component<ClipConfig>> {
    return this.#open(join(this.root, model), openClipModel);
  }

  /** The tokenizers of the model, from its folder or beside it: of a pipeline all, of a text encoder its own. */
  async tokenizers(model: string): Promise<readonly ClipTokenizer[]> {
    const beside = model.endsWith("_2") ? "../tokenizer_2" : "../tokenizer";
    for (const places of [["tokenizer", "tokenizer_2"], [beside], ["."]]) {
      const found: ClipTokenizer[] = [];
      for (const place of places) {
        const folder = join(this.root, model, place);
        if (!(await exists(join(folder, "vocab.json")))) continue;
        found.push(new ClipTokenizer(await this.#open(folder, readTokenizerFolder)));
      }
      if (found.length > 0) return found;
    }
    return [];
  }

  /** The parsed scheduler_config.json of a pipeline. */
  async schedulerConfig(model: string): Promise<unknown> {
    return readJson(join(this.root, model, "scheduler", "scheduler_config.json"));
  }

  /** Compiles `outputs`, runs them once and frees the program. Feeds that the graph does not need are left out. */
  async evaluate(outputs: Readonly<Record<string, Tensor>>, feeds: Feeds): Promise<Record<string, Float32Array>> {
    return this.withProgram(outputs, (run) => run(feeds));
  }

  /** Compiles `outputs` for as long as `use` lasts. */
  async withProgram<Result>(
    outputs: Readonly<Record<string, Tensor>>,
    use: (run: (feeds: Feeds) => Promise<Record<string, Float32Array>>) => Promise<Result>,
  ): Promise<Result> {
    const program = await Program.create(outputs, this.programOptions);
    try {
      return await use((feeds) =>
        program.run(Object.fromEntries(Object.entries(feeds).filter(([name]) => program.inputs.has(name)))),
      );
    } finally {
      await program.dispose();
    }
  }

  async #componentFolder(model: string, component: string): Promise<string> {
    const within = join(this.root, model, component);
    return (await exists(within)) ? within : join(this.root, model);
  }

  #open<Model>(folder: string, open: (folder: string) => Promise<Model>): Promise<Model> {
    const key = `${open.name} ${folder}`;
    const opened = this.#opened.get(key) ?? open(folder);
    this.#opened.set(key, opened);
    return opened as Promise<Model>; // the key names the function
  }
}

/** Opens a text encoder, with a projection if its config says that it has one. */
export async function openTextEncoder(folder: string): Promise<Component<ClipTextConfig>> {
  const file = join(folder, "config.json");
  const config = new Fields(file, await readJson(file));
  const hasProjection = config.has("architectures") && config.strings("architectures")[0] === WITH_PROJECTION;
  return openClipTextModel(folder, { hasProjection });
}

export const WITH_PROJECTION = "CLIPTextModelWithProjection";
