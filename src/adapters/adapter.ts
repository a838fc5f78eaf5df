/**
 * @file What an adapter is to everything around it: layers that it changes, one flat array of trained numbers (which is
 * what the optimiser and the penalties of continual learning work on), and for each layer an expression of the graph. A
 * kind of adapter is one file that says the rest: lora.ts, vera.ts, dora.ts.
 */
import type { AdaptedComponent, BaseLayer } from "../diffusion/module.ts";
import type { Tensor } from "../graph/index.ts";
import type { RandomStream } from "../random/random.ts";
import { adaptedComponents, type AdaptableModule, type AdaptableModules, type AdapterTargets } from "./modules.ts";

/** One layer that an adapter changes. */
export interface AdaptedLayer {
  readonly component: AdaptedComponent;
  /** Dotted path of the layer without ".weight". */
  readonly module: string;
  readonly kind: AdaptableModule["kind"];
  readonly rank: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** An array that a program is fed. */
export interface FedArray {
  /**
   * Name of the graph input; of trained arrays as PEFT and diffusers name them, e.g.
   * `unet.mid_block.attentions.0...attn2.to_k.lora_A.weight`.
   */
  readonly name: string;
  readonly shape: readonly number[];
}

/** One array of a layer in the flat array. */
export interface ParameterSlot extends FedArray {
  readonly offset: number;
  readonly length: number;
}

/** An array that is fed and never trained. */
export interface FrozenArray extends FedArray {
  readonly values: Float32Array;
}

/** One of the trained arrays that every layer of a kind has. */
export interface LayerPart<Layer extends AdaptedLayer> {
  /** As PEFT names it, after the layer's path. */
  readonly name: string;
  readonly shape: (layer: Layer) => readonly number[];
  readonly values: (layer: Layer) => Float32Array;
}

/** Where in a graph a layer is adapted. */
export interface AdaptedSite {
  /** Input: tokens `[..., in]`, or `[N, in, H, W]` at a 1x1 convolution. */
  readonly x: Tensor;
  /** Output without the adapter, in the same layout. */
  readonly y: Tensor;
  readonly base: BaseLayer;
  /** Strength of the whole adapter; 1 as it was trained. */
  readonly strength: number;
}

/** The arrays of a layer in a graph. */
export interface LayerTensors {
  /** The layer's slots, in order. */
  readonly trained: readonly Tensor[];
  /** By name. @throws Error for one that the adapter has not */
  readonly frozen: (name: string) => Tensor;
}

/**
 * What an adapter is made of.
 * - `low-rank`: what its kind is made of (of a LoRA A and B);
 * - `stacked`: of a LoRA: a matrix D for each layer, and A and B on top of it;
 * - `full`: of a LoRA: D alone.
 */
export type AdapterForm = "low-rank" | "stacked" | "full";

/** How an adapter is made. */
export interface AdapterOptions {
  /** Default `crossattn-kv`. */
  readonly targets?: AdapterTargets;
  /** Whole, at least 1. */
  readonly rank: number;
  /** Larger than 0. Default: the rank, i.e. a scale of 1. */
  readonly loraAlpha?: number;
  /** Where projections are drawn from, by kinds that have any. Default 0. */
  readonly projectionKey?: number;
  /** Default `low-rank`, the only one that kinds other than the LoRA have. */
  readonly form?: AdapterForm;
}

/** What a new adapter is initialised with. */
export interface AdapterStart {
  readonly random: RandomStream;
  /** A layer's weight, `[out, in]`, as float32. @throws KeepsakeError if it cannot be read */
  readonly readWeight: (component: AdaptedComponent, module: string) => Promise<Float32Array>;
}

/** A kind of adapter. */
export interface AdapterKind {
  /** In manifests and on the command line: lower-case letters, digits and `-`. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Absent: the usual one. */
  readonly defaultRank?: number;
  /** Whether its change is scaled by `loraAlpha / rank`. */
  readonly hasAlpha: boolean;
  /** Whether it draws arrays that are never trained. */
  readonly hasProjections: boolean;
  /** Whether an adapter whose trained numbers are all 0 changes nothing: only such a kind can be unlearned. */
  readonly changesNothingAtZero: boolean;
  /**
   * An adapter whose trained numbers are still to be filled in. @throws KeepsakeError ("usage") for options that make
   * no sense
   */
  layout(model: AdaptableModules, options: AdapterOptions): Adapter;
  /**
   * A new adapter, which changes nothing yet. @throws KeepsakeError as {@link AdapterKind.layout}, or if weights cannot
   * be read
   */
  create(model: AdaptableModules, options: AdapterOptions, start: AdapterStart): Promise<Adapter>;
}

/** An adapter of any kind: its layers, UNet before text encoder and then by name, whatever order they came in. */
export abstract class Adapter<Layer extends AdaptedLayer = AdaptedLayer> {
  abstract readonly kind: string;
  /** Recorded beside the numbers, which do not tell. */
  readonly form: AdapterForm = "low-rank";
  /** The arrays of each layer are windows on {@link Adapter.parameters}: a change of one is a change of the other. */
  readonly layers: readonly Layer[];
  /** Every trained number, layer by layer. */
  readonly parameters: Float32Array;
  /** Where each array lies in {@link Adapter.parameters}, in order; as many for each layer as for any other. */
  readonly slots: readonly ParameterSlot[];

  /**
   * Copies the layers' numbers into one array.
   *
   * @param rebuild - the layer with other arrays, one for each part
   * @throws RangeError if an array does not have its layer's size, or a layer appears twice
   */
  protected constructor(
    layers: Iterable<Layer>,
    parts: readonly LayerPart<Layer>[],
    rebuild: (layer: Layer, values: readonly Float32Array[]) => Layer,
  ) {
    const sorted = [...layers].sort(compareLayers);
    this.slots = layoutOf(sorted, parts);
    const parameters = new Float32Array(this.slots.reduce((total, { length }) => total + length, 0));
    this.parameters = parameters;
    this.layers = sorted.map((layer, index) => {
      const windows = parts.map((part, i) => {
        const { name, offset, length } = this.slots[index * parts.length + i];
        const values = part.values(layer);
        if (values.length !== length) {
          throw new RangeError(`adapter: ${name} has ${values.length} numbers instead of ${length}`);
        }
        parameters.set(values, offset);
        return parameters.subarray(offset, offset + length);
      });
      return rebuild(layer, windows);
    });
  }

  /** Arrays that are fed and never trained, such as VeRA's projections. */
  get frozen(): readonly FrozenArray[] {
    return [];
  }

  /** Tells adapters apart that need programs of their own; the numbers are not part of it. */
  abstract readonly layout: string;

  /** The output of a layer with the adapter on it. */
  abstract adapt(layer: Layer, tensors: LayerTensors, site: AdaptedSite): Tensor;

  /**
   * An adapter of the same layout with other numbers, which are copied. @throws RangeError if there are more or fewer
   */
  abstract withParameters(parameters: Float32Array): Adapter<Layer>;

  /**
   * One flat array, laid out as {@link Adapter.parameters}, from one array per slot: gradients or other outputs of a
   * program.
   *
   * @param get - the array of a slot, by its name
   */
  flatten(get: (name: string) => Float32Array | undefined): Float32Array {
    const flat = new Float32Array(this.parameters.length);
    for (const { name, offset, length } of this.slots) {
      const values = get(name);
      if (values?.length !== length) throw new RangeError(`adapter: no array of ${length} numbers for ${name}`);
      flat.set(values, offset);
    }
    return flat;
  }

  /** @throws RangeError unless there are as many numbers as the adapter has */
  checkLength(parameters: Float32Array): void {
    if (parameters.length === this.parameters.length) return;
    throw new RangeError(`adapter: ${parameters.length} numbers for an adapter of ${this.parameters.length}`);
  }
}

/** An adapter's numbers replaced by copies of others. @throws RangeError if there are more or fewer */
export function filled<Kind extends Adapter>(adapter: Kind, parameters: Float32Array): Kind {
  adapter.checkLength(parameters);
  adapter.parameters.set(parameters);
  return adapter;
}

/** Order of layers: component, then code units of the path, so that it depends on neither file order nor locale. */
function compareLayers(a: AdaptedLayer, b: AdaptedLayer): number {
  const byComponent = adaptedComponents.indexOf(a.component) - adaptedComponents.indexOf(b.component);
  if (byComponent !== 0) return byComponent;
  if (a.module === b.module) throw new RangeError(`adapter: two layers for ${a.component} "${a.module}"`);
  return a.module < b.module ? -1 : 1;
}

function layoutOf<Layer extends AdaptedLayer>(
  layers: readonly Layer[],
  parts: readonly LayerPart<Layer>[],
): ParameterSlot[] {
  let offset = 0;
  return layers.flatMap((layer) =>
    parts.map(({ name, shape: shapeOf }) => {
      const shape = shapeOf(layer);
      const length = shape.reduce((product, extent) => product * extent, 1);
      const slot = { name: `${layer.component}.${layer.module}.${name}`, shape, offset, length };
      offset += length;
      return slot;
    }),
  );
}
