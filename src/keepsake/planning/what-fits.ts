/**
 * @file What the usual models take for learning and drawing, without any of their files.
 */
import { BoundAdapter } from "../../adapters/bound-adapter.ts";
import { createLora } from "../../adapters/lora.ts";
import { discoverModules } from "../../adapters/modules.ts";
import { parseAutoencoderKlConfig, vaeScaleFactor } from "../../diffusion/config/autoencoder-kl-config.ts";
import { parseClipTextConfig } from "../../diffusion/config/clip-config.ts";
import { parseUNet2DConditionConfig } from "../../diffusion/config/unet-2d-condition-config.ts";
import { decoderOutputs } from "../../diffusion/latents.ts";
import type { MachineSpeed } from "../../diffusion/machine-speed.ts";
import type { ModuleContext } from "../../diffusion/module.ts";
import { unet2DConditionModel } from "../../diffusion/models/unet-2d-condition-model.ts";
import { TEXT_ENCODERS } from "../../diffusion/pipeline-folder.ts";
import { likelyBytes, programCost, type ProgramCost } from "../../diffusion/program-cost.ts";
import { MODEL_FAMILIES, type ModelFamily } from "../../diffusion/family/families.ts";
import { ARCHITECTURES, type ArchitectureName } from "../../diffusion/single-file/architectures.ts";
import { type TextConditioning, traceTextEncoders } from "../../diffusion/text-conditioning.ts";
import { timeIdsInput } from "../../diffusion/time-ids.ts";
import { input, parameter, sizeOf, toFloat32, type Shape } from "../../graph/index.ts";
import { DEFAULT_ADAPTER } from "../../learning/learn-settings.ts";
import { RandomStream } from "../../random/random.ts";
import { denoisingErrorOutputs } from "../../training/denoising-error.ts";
import { chosenMode, type MemoryMode } from "./memory-mode.ts";

/** What a model takes at a size, and whether there is memory for it. */
export interface FittingModel {
  readonly model: string;
  /** Side of the pictures, in pixels. */
  readonly resolution: number;
  readonly learn: {
    /** Absent: it does not fit. */
    readonly mode?: MemoryMode;
    /** Likely need, in bytes, in that mode or in the frugal one. */
    readonly bytes: number;
    readonly secondsPerStep: number;
  };
  readonly generate: {
    readonly fits: boolean;
    readonly bytes: number;
    /** Of a picture of the family's steps, guided. */
    readonly secondsPerPicture: number;
  };
}

/** The families that are asked about. */
const USUAL = ["sd1", "sd2-base", "sdxl"] as const;

/** What the programs of a model take at a size. */
export interface ModelCosts {
  readonly learn: Readonly<Record<MemoryMode, ProgramCost>>;
  readonly step: ProgramCost;
  readonly decoder: ProgramCost;
}

/** Stable Diffusion in half precision, at the usual sizes. @param free - bytes */
export function whatFits(speed: MachineSpeed, free: number): FittingModel[] {
  return USUAL.flatMap((name) => {
    const { architecture = "sd1", resolution, ...family } = MODEL_FAMILIES[name];
    // People train at half the size, too.
    return [resolution / 2, resolution].map((side) =>
      fitting(family, side, modelCosts(architecture, side), { speed, free }),
    );
  });
}

function fitting(
  { title: model, steps }: Pick<ModelFamily, "title" | "steps">,
  resolution: number,
  { learn, step, decoder }: ModelCosts,
  { speed, free }: { readonly speed: MachineSpeed; readonly free: number },
): FittingModel {
  const mode = chosenMode((each) => learn[each], free);
  const used = learn[mode ?? "checkpointing"];
  const drawing = likelyBytes(step, "drawing") + likelyBytes(decoder, "drawing");
  return {
    ...{ model, resolution },
    learn: {
      ...(mode !== undefined && { mode }),
      bytes: likelyBytes(used, mode === "full" ? "training" : "checkpointing"),
      secondsPerStep: used.flops / speed.training + used.repeatedFlops / speed.forward,
    },
    generate: {
      fits: step.leastBytes + decoder.leastBytes <= free,
      bytes: drawing,
      secondsPerPicture: (steps * step.flops + decoder.flops) / speed.forward,
    },
  };
}

/** What the programs of an architecture take for pictures of a size. */
export function modelCosts(name: ArchitectureName, resolution: number): ModelCosts {
  const architecture = ARCHITECTURES[name];
  const unet = { config: parseUNet2DConditionConfig(name, architecture.unet), weights: new ImaginedWeights("unet") };
  const vae = { config: parseAutoencoderKlConfig(name, architecture.vae), weights: new ImaginedWeights("vae") };
  const encoders = TEXT_ENCODERS[architecture.pipeline].map(({ component, output, hasProjection }, i) => ({
    ...{ component, output, weights: new ImaginedWeights(component) },
    config: parseClipTextConfig(name, architecture.textEncoders[i].config, { hasProjection }),
  }));
  const [{ config: first }] = encoders;
  const projectionDim = encoders.find(({ config }) => config.projectionDim !== undefined)?.config.projectionDim;
  const text = {
    width: encoders.reduce((sum, { config }) => sum + config.hiddenSize, 0),
    trace: (batch: number, options: Parameters<TextConditioning["trace"]>[1]) =>
      traceTextEncoders(encoders, [batch, first.maxPositionEmbeddings], options),
  };
  const side = resolution / vaeScaleFactor(vae.config);
  const latents = (batch: number) => ({
    sample: input("sample", [batch, unet.config.inChannels, side, side]),
    timestepProjection: input("timestep", [batch, unet.config.blockOutChannels[0]]),
    encoderHiddenStates: input("text", [batch, first.maxPositionEmbeddings, text.width]),
    ...(projectionDim !== undefined && { textEmbeds: input("pooled text", [batch, projectionDim]) }),
    ...timeIdsInput(unet.config, batch),
  });
  const prediction = unet2DConditionModel(unet.weights.frozen(), unet.config, latents(2));
  const adapter = createLora(
    { unet: discoverModules(unet.weights.tensors()) },
    { rank: DEFAULT_ADAPTER.rank, random: new RandomStream(0, "what fits") },
  );
  const costOf = (checkpointing: boolean) => {
    const options = { height: side, width: side, learnedRows: 1, checkpointing };
    return programCost(denoisingErrorOutputs({ unet, text }, adapter, new BoundAdapter(adapter), options));
  };
  return {
    learn: { full: costOf(false), checkpointing: costOf(true) },
    step: programCost({ prediction }),
    decoder: programCost(decoderOutputs(vae, { width: resolution, height: resolution })),
  };
}

/** Weights that lie nowhere, in half precision as most checkpoints have them. */
class ImaginedWeights {
  readonly #path: string;
  readonly #shapes = new Map<string, Shape>();

  constructor(path: string) {
    this.#path = path;
  }

  frozen(): ModuleContext {
    return {
      has: () => true,
      parameter: (name, shape) => {
        this.#shapes.set(name, shape);
        const source = { path: this.#path, byteOffset: 0, byteLength: 2 * sizeOf(shape), dtype: "float16" } as const;
        return toFloat32(parameter(name, shape, source));
      },
    };
  }

  tensors(): { readonly name: string; readonly shape: Shape }[] {
    return Array.from(this.#shapes, ([name, shape]) => ({ name, shape }));
  }
}
