/**
 * @file Low-rank adaptation: a layer's weight W becomes W + loraAlpha / rank * B A (Hu et al., "LoRA: Low-Rank
 * Adaptation of Large Language Models", 2021). Names are PEFT's.
 */
import { KeepsakeError } from "../errors.ts";
import { add, mul, type Tensor } from "../graph/index.ts";
import { RandomStream } from "../random/random.ts";
import {
  Adapter,
  filled,
  type AdaptedLayer,
  type AdaptedSite,
  type AdapterForm,
  type AdapterKind,
  type AdapterOptions,
  type LayerPart,
  type LayerTensors,
} from "./adapter.ts";
import { lowRankPath } from "./low-rank-path.ts";
import { checkRank } from "./rank.ts";
import { selectModules, type AdaptableModules } from "./modules.ts";

/** The low-rank change of one layer. */
export interface LoraLayer extends AdaptedLayer {
  /** The change is scaled by `loraAlpha / rank`. */
  readonly loraAlpha: number;
  /** `[rank, inFeatures]`, row-major. */
  readonly loraA: Float32Array;
  /** `[outFeatures, rank]`, row-major. */
  readonly loraB: Float32Array;
}

/** A and B, as every adapter made of them has them. */
export const LORA_PARTS: readonly [LayerPart<LoraLayer>, LayerPart<LoraLayer>] = [
  {
    name: "lora_A.weight",
    shape: ({ rank, inFeatures }) => [rank, inFeatures],
    values: ({ loraA }) => loraA,
  },
  {
    name: "lora_B.weight",
    shape: ({ rank, outFeatures }) => [outFeatures, rank],
    values: ({ loraB }) => loraB,
  },
];

/** A LoRA adapter. All A and B live in one flat array, A before B. */
export class Lora extends Adapter<LoraLayer> {
  readonly kind = "lora";

  override readonly form: AdapterForm;

  /**
   * Copies the layers' numbers into one array.
   *
   * @param form - unless it is `low-rank`, every A begins with the identity: see stacked-lora.ts
   * @throws RangeError if an array does not have its layer's size, or a layer appears twice
   */
  constructor(layers: Iterable<LoraLayer>, form: AdapterForm = "low-rank") {
    super(layers, LORA_PARTS, (layer, [loraA, loraB]) => ({ ...layer, loraA, loraB }));
    this.form = form;
  }

  get layout(): string {
    return loraLayout(this);
  }

  /** `y + strength * loraAlpha / rank * (x A^T) B^T` */
  adapt(layer: LoraLayer, { trained: [a, b] }: LayerTensors, { x, y, strength }: AdaptedSite): Tensor {
    const scale = (strength * layer.loraAlpha) / layer.rank;
    return add(
      y,
      lowRankPath(layer, x, a, b, (hidden) => (scale === 1 ? hidden : mul(hidden, scale))),
    );
  }

  withParameters(parameters: Float32Array): Lora {
    return filled(new Lora(this.layers, this.form), parameters);
  }
}

/** The layout of an adapter of A and B. */
export function loraLayout({ kind, layers }: Adapter<LoraLayer>): string {
  return JSON.stringify([
    kind,
    layers.map(({ component, module, rank, loraAlpha }) => [component, module, rank, loraAlpha]),
  ]);
}

export interface CreateLoraOptions extends AdapterOptions {
  /** Draws every A, in the order of {@link Adapter.layers}. */
  readonly random: RandomStream;
}

/**
 * A new adapter that changes nothing yet. A is uniform in +-1/sqrt(in) (Kaiming uniform with a = sqrt(5)) and B zero,
 * as `peft: tuners/lora/layer.py: reset_lora_parameters`.
 *
 * @throws KeepsakeError ("usage") for a rank or alpha out of range, or targets that match no layer.
 */
export function createLora(model: AdaptableModules, options: CreateLoraOptions): Lora {
  const { rank, loraAlpha = rank, form, random } = options;
  checkRank(rank, "LoRA");
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
    form,
  );
  for (const { loraA, inFeatures } of lora.layers) {
    const bound = 1 / Math.sqrt(inFeatures);
    loraA.set(random.uniform(loraA.length).map((u) => (2 * u - 1) * bound));
  }
  return lora;
}

export const loraKind: AdapterKind = {
  name: "lora",
  summary: "a low-rank change of each layer's weight",
  hasAlpha: true,
  hasProjections: false,
  changesNothingAtZero: true,
  layout: (model, options) => createLora(model, { ...options, random: new RandomStream(0) }),
  create: (model, options, { random }) => Promise.resolve(createLora(model, { ...options, random })),
};

/** @throws Error for an adapter of another kind: whoever gets that far must have refused it */
export function requireLora(adapter: Adapter): Lora {
  if (adapter instanceof Lora) return adapter;
  throw new Error(`a LoRA is needed, the adapter is of the kind ${adapter.kind}`);
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
