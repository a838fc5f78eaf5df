/**
 * @file Low-rank adaptation: a layer's weight W becomes W + loraAlpha / rank * B A (Hu et al., "LoRA: Low-Rank Adaptation of Large
 * Language Models", 2021). All A and B of an adapter live in one flat array, which is what the optimiser and the penalties of
 * continual learning work on. Names are PEFT's.
 */
import type { AdaptedComponent } from "../diffusion/module.ts";
import { KeepsakeError } from "../errors.ts";
import type { RandomStream } from "../random/random.ts";
import { adaptedComponents, selectModules } from "./modules.ts";
import type { AdaptableModule, AdaptableModules, LoraTargets } from "./modules.ts";

/** The low-rank change of one layer. */
export interface LoraLayer {
  readonly component: AdaptedComponent;
  /** Dotted path of the layer without ".weight". */
  readonly module: string;
  readonly kind: AdaptableModule["kind"];
  readonly rank: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** The change is scaled by `loraAlpha / rank`. */
  readonly loraAlpha: number;
  /** `[rank, inFeatures]`, row-major. */
  readonly loraA: Float32Array;
  /** `[outFeatures, rank]`, row-major. */
  readonly loraB: Float32Array;
}

/** One A or B in the flat array. */
export interface ParameterSlot {
  /** As PEFT and diffusers name it in files, e.g. `unet.mid_block.attentions.0...attn2.to_k.lora_A.weight`. */
  readonly name: string;
  readonly shape: readonly [number, number];
  readonly offset: number;
  readonly length: number;
}

/** A LoRA adapter: its layers, UNet before text encoder and then by name, whatever order they came in. */
export class Lora {
  /** `loraA` and `loraB` of each layer are windows on {@link Lora.parameters}: a change of one is a change of the other. */
  readonly layers: readonly LoraLayer[];
  /** Every A and B: layer by layer, A before B. */
  readonly parameters: Float32Array;
  /** Where each A and B lies in {@link Lora.parameters}, in order. */
  readonly slots: readonly ParameterSlot[];

  /**
   * Copies the layers' numbers into one array.
   * @throws RangeError if an array does not have its layer's size, or a layer appears twice.
   */
  constructor(layers: Iterable<LoraLayer>) {
    const sorted = [...layers].sort(compareLayers);
    this.slots = layoutOf(sorted);
    this.parameters = new Float32Array(this.slots.reduce((total, { length }) => total + length, 0));
    this.layers = sorted.map((layer, index) => {
      const window = (slot: ParameterSlot, values: Float32Array): Float32Array => {
        if (values.length !== slot.length) {
          throw new RangeError(`LoRA: ${slot.name} has ${values.length} numbers instead of ${slot.length}`);
        }
        this.parameters.set(values, slot.offset);
        return this.parameters.subarray(slot.offset, slot.offset + slot.length);
      };
      const loraA = window(this.slots[2 * index], layer.loraA);
      const loraB = window(this.slots[2 * index + 1], layer.loraB);
      return { ...layer, loraA, loraB };
    });
  }

  /** An adapter of the same layout with other numbers, which are copied. */
  withParameters(parameters: Float32Array): Lora {
    if (parameters.length !== this.parameters.length) {
      throw new RangeError(`LoRA: ${parameters.length} numbers for an adapter of ${this.parameters.length}`);
    }
    const copy = new Lora(this.layers);
    copy.parameters.set(parameters);
    return copy;
  }

  /**
   * One flat array, laid out as {@link Lora.parameters}, from one array per slot: gradients or other outputs of a program.
   * @param get the array of a slot, by its name.
   */
  flatten(get: (name: string) => Float32Array | undefined): Float32Array {
    const flat = new Float32Array(this.parameters.length);
    for (const { name, offset, length } of this.slots) {
      const values = get(name);
      if (values?.length !== length) throw new RangeError(`LoRA: no array of ${length} numbers for ${name}`);
      flat.set(values, offset);
    }
    return flat;
  }
}

/** Order of layers: component, then code units of the path, so that it depends on neither file order nor locale. */
function compareLayers(a: LoraLayer, b: LoraLayer): number {
  const byComponent = adaptedComponents.indexOf(a.component) - adaptedComponents.indexOf(b.component);
  if (byComponent !== 0) return byComponent;
  if (a.module === b.module) throw new RangeError(`LoRA: two layers for ${a.component} "${a.module}"`);
  return a.module < b.module ? -1 : 1;
}

function layoutOf(layers: readonly LoraLayer[]): ParameterSlot[] {
  let offset = 0;
  const slot = (name: string, rows: number, columns: number): ParameterSlot => {
    const placed: ParameterSlot = { name, shape: [rows, columns], offset, length: rows * columns };
    offset += placed.length;
    return placed;
  };
  return layers.flatMap(({ component, module, rank, inFeatures, outFeatures }) => [
    slot(`${component}.${module}.lora_A.weight`, rank, inFeatures),
    slot(`${component}.${module}.lora_B.weight`, outFeatures, rank),
  ]);
}

export interface CreateLoraOptions {
  /** Default `crossattn-kv`. */
  readonly targets?: LoraTargets;
  readonly rank: number;
  /** Default: the rank, i.e. a scale of 1. */
  readonly loraAlpha?: number;
  /** Draws every A, in the order of {@link Lora.layers}. */
  readonly random: RandomStream;
}

/**
 * A new adapter that changes nothing yet. A is uniform in +-1/sqrt(in) (Kaiming uniform with a = sqrt(5)) and B zero, as
 * `peft: tuners/lora/layer.py: reset_lora_parameters`.
 *
 * @throws KeepsakeError ("usage") for a rank or alpha out of range, or targets that match no layer.
 */
export function createLora(model: AdaptableModules, options: CreateLoraOptions): Lora {
  const { rank, loraAlpha = rank, random } = options;
  if (!Number.isInteger(rank) || rank < 1) {
    throw new KeepsakeError("usage", `LoRA rank must be a whole number of at least 1, got ${rank}`);
  }
  if (!(loraAlpha > 0 && loraAlpha < Infinity)) {
    throw new KeepsakeError("usage", `LoRA alpha must be larger than 0, got ${loraAlpha}`);
  }
  const lora = new Lora(
    selectModules(model, options.targets).map(({ component, module, shape }) => ({
      ...shape,
      component,
      module,
      rank,
      loraAlpha,
      loraA: new Float32Array(rank * shape.inFeatures),
      loraB: new Float32Array(shape.outFeatures * rank),
    })),
  );
  for (const { loraA, inFeatures } of lora.layers) {
    const bound = 1 / Math.sqrt(inFeatures);
    loraA.set(random.uniform(loraA.length).map((u) => (2 * u - 1) * bound));
  }
  return lora;
}

/**
 * What a layer adds to its weight: `loraAlpha / rank * B A`, `[outFeatures, inFeatures]`, summed in float64.
 */
export function loraDelta({ rank, inFeatures, outFeatures, loraAlpha, loraA, loraB }: LoraLayer): Float32Array {
  const delta = new Float32Array(outFeatures * inFeatures);
  const scale = loraAlpha / rank;
  for (let row = 0; row < outFeatures; row++) {
    for (let column = 0; column < inFeatures; column++) {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += loraB[row * rank + k] * loraA[k * inFeatures + column];
      delta[row * inFeatures + column] = scale * sum;
    }
  }
  return delta;
}
