/**
 * @file A new adapter for a model, from the settings that a library records.
 */
import type { AdaptedComponent } from "../diffusion/module.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import type { Weights } from "../diffusion/weights.ts";
import { RandomStream } from "../random/random.ts";
import type { Adapter, AdapterForm, AdapterOptions } from "./adapter.ts";
import { findAdapterKind } from "./kinds.ts";
import { createLora, type Lora } from "./lora.ts";
import { discoverModules, parseTargets, type AdaptableModules } from "./modules.ts";

/** How an adapter is made. The first concept of a library decides on it. */
export interface AdapterSettings {
  /** Absent: a LoRA. */
  readonly kind?: string;
  readonly rank: number;
  /** Of a kind without an alpha: the rank. */
  readonly loraAlpha: number;
  /** As `parseTargets` reads it. */
  readonly targets: string;
  /** From which a kind that has projections draws them; absent: it has none. */
  readonly projectionKey?: number;
}

/**
 * A new adapter for a model, which changes nothing yet.
 *
 * @param concept - tells the adapters of later concepts apart, where each has a new one
 * @throws KeepsakeError for settings that do not fit the model, or if its weights cannot be read
 */
export async function newAdapter(
  pipeline: StableDiffusionPipeline,
  settings: AdapterSettings,
  seed: number,
  concept?: string,
): Promise<Adapter> {
  const weights = new Map(componentsOf(pipeline));
  return findAdapterKind(settings.kind).create(adaptableModules(pipeline), optionsOf(settings), {
    random: streamOf(seed, concept),
    readWeight: async (component, module) => {
      const found = weights.get(component);
      if (found === undefined) throw new Error(`the model has no ${component}`);
      return found.readFloat32(`${module}.weight`);
    },
  });
}

/**
 * An adapter whose trained numbers are still to be filled in.
 *
 * @param form - what the numbers are; the layout does not depend on it
 * @throws KeepsakeError for settings that do not fit the model
 */
export function adapterLayout(
  pipeline: StableDiffusionPipeline,
  settings: AdapterSettings,
  form?: AdapterForm,
): Adapter {
  return findAdapterKind(settings.kind).layout(adaptableModules(pipeline), { ...optionsOf(settings), form });
}

/**
 * How many trained numbers an adapter has, found without making it: settings from a damaged file may be for one that no
 * memory holds. The number grows evenly with the rank, whatever the kind.
 */
export function adapterLength(pipeline: StableDiffusionPipeline, settings: AdapterSettings): number {
  const [one, two] = [1, 2].map(
    (rank) => adapterLayout(pipeline, { ...settings, rank, loraAlpha: rank }).parameters.length,
  );
  return one + (settings.rank - 1) * (two - one);
}

/** A new LoRA for a model: A random, B zero. Arguments and errors as for {@link newAdapter}. */
export function newLora(
  pipeline: StableDiffusionPipeline,
  settings: AdapterSettings,
  seed: number,
  concept?: string,
): Lora {
  return createLora(adaptableModules(pipeline), { ...optionsOf(settings), random: streamOf(seed, concept) });
}

function streamOf(seed: number, concept: string | undefined): RandomStream {
  return new RandomStream(seed, "lora", ...(concept === undefined ? [] : [concept]));
}

function optionsOf({ rank, loraAlpha, targets, projectionKey }: AdapterSettings): AdapterOptions {
  return { rank, loraAlpha, targets: parseTargets(targets), projectionKey };
}

/** The layers of a model that an adapter may change. */
export function adaptableModules(pipeline: StableDiffusionPipeline): AdaptableModules {
  return Object.fromEntries(
    componentsOf(pipeline).map(([component, { tensors }]) => [component, discoverModules(tensors)]),
  );
}

function componentsOf({ unet, text }: StableDiffusionPipeline): (readonly [AdaptedComponent, Weights])[] {
  return [["unet", unet.weights], ...text.encoders.map(({ component, weights }) => [component, weights] as const)];
}
