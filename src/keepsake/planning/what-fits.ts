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
import { likelyBytes, programCost, type ProgramCost } from "../../diffusion/program-cost.ts";
import { FAMILIES, type FamilyName } from "../../diffusion/single-file/families.ts";
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
    /** Of a picture of 30 steps, guided. */
    readonly secondsPerPicture: number;
  };
}

const SIZES = [256, 512] as const;
const PICTURE_STEPS = 30;

/** What the programs of a model take at a size. */
export interface ModelCosts {
  readonly learn: Readonly<Record<MemoryMode, ProgramCost>>;
  readonly step: ProgramCost;
  readonly decoder: ProgramCost;
}

/** Stable Diffusion in half precision, at 256 and 512 pixels. @param free - bytes */
export function whatFits(speed: MachineSpeed, free: number): FittingModel[] {
  const names = Object.keys(FAMILIES).filter((name): name is FamilyName => Object.hasOwn(FAMILIES, name));
  return names.flatMap((name) =>
    SIZES.map((side) => fitting(FAMILIES[name].title, side, modelCosts(name, side), { speed, free })),
  );
}

function fitting(
  model: string,
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
      secondsPerPicture: (PICTURE_STEPS * step.flops + decoder.flops) / speed.forward,
    },
  };
}

/** What the programs of a family take for pictures of a size. */
export function modelCosts(name: FamilyName, resolution: number): ModelCosts {
  const family = FAMILIES[name];
  const unet = { config: parseUNet2DConditionConfig(name, family.unet), weights: new ImaginedWeights("unet") };
  const vae = { config: parseAutoencoderKlConfig(name, family.vae), weights: new ImaginedWeights("vae") };
  const textEncoder = { config: parseClipTextConfig(name, family.textEncoder), weights: new ImaginedWeights("text") };
  const side = resolution / vaeScaleFactor(vae.config);
  const latents = (batch: number) => ({
    sample: input("sample", [batch, unet.config.inChannels, side, side]),
    timestepProjection: input("timestep", [batch, unet.config.blockOutChannels[0]]),
    encoderHiddenStates: input("text", [
      batch,
      textEncoder.config.maxPositionEmbeddings,
      textEncoder.config.hiddenSize,
    ]),
  });
  const prediction = unet2DConditionModel(unet.weights.frozen(), unet.config, latents(2));
  const adapter = createLora(
    { unet: discoverModules(unet.weights.tensors()) },
    { rank: DEFAULT_ADAPTER.rank, random: new RandomStream(0, "what fits") },
  );
  const costOf = (checkpointing: boolean) => {
    const options = { height: side, width: side, learnedRows: 1, checkpointing };
    return programCost(denoisingErrorOutputs({ unet, textEncoder }, adapter, new BoundAdapter(adapter), options));
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
