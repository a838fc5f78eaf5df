/**
 * @file Weight-decomposed low-rank adaptation: a layer's weight W becomes m ⊙ (W + ΔW) / ‖W + ΔW‖ with ΔW = loraAlpha
 * / rank * B A, a trained length m and the norm of each row of the weight `[out, in]` (Liu et al., "DoRA", ICML 2024,
 * eq. 5, which writes weights transposed and says "column"). As in `peft: tuners/lora/dora.py` no gradient passes
 * through the norm (section 4.3 of the paper). Names are PEFT's.
 */
import { add, detach, div, matmul, mul, reshape, sqrt, square, sub, sum, type Tensor } from "../graph/index.ts";
import { RandomStream } from "../random/random.ts";
import {
  Adapter,
  filled,
  type AdaptedSite,
  type AdapterKind,
  type AdapterStart,
  type LayerPart,
  type LayerTensors,
} from "./adapter.ts";
import { lowRankPath, overFeatures } from "./low-rank-path.ts";
import { createLora, LORA_PARTS, loraLayout, type CreateLoraOptions, type LoraLayer } from "./lora.ts";
import type { AdaptableModules } from "./modules.ts";

/** The change of direction and the length of one layer. */
export interface DoraLayer extends LoraLayer {
  /** m, `[outFeatures]` */
  readonly magnitude: Float32Array;
}

const PARTS: readonly LayerPart<DoraLayer>[] = [
  ...LORA_PARTS,
  { name: "lora_magnitude_vector", shape: ({ outFeatures }) => [outFeatures], values: ({ magnitude }) => magnitude },
];

/** A DoRA adapter. All A, B and m live in one flat array, in this order for each layer. */
export class Dora extends Adapter<DoraLayer> {
  readonly kind = "dora";

  /**
   * Copies the layers' numbers into one array.
   *
   * @throws RangeError if an array does not have its layer's size, or a layer appears twice
   */
  constructor(layers: Iterable<DoraLayer>) {
    super(layers, PARTS, (layer, [loraA, loraB, magnitude]) => ({ ...layer, loraA, loraB, magnitude }));
  }

  get layout(): string {
    return loraLayout(this);
  }

  /**
   * `y + (g - 1) ⊙ W x + g ⊙ ΔW x` with `g = m / ‖W + ΔW‖`: the bias stays as it is. The strength scales ΔW, as PEFT's
   * does, and not m.
   */
  adapt(layer: DoraLayer, { trained: [a, b, m] }: LayerTensors, { x, y, base, strength }: AdaptedSite): Tensor {
    const { kind, rank, inFeatures, outFeatures, loraAlpha } = layer;
    const scale = (strength * loraAlpha) / rank;
    const scaled = (tensor: Tensor): Tensor => (scale === 1 ? tensor : mul(tensor, scale));
    const changed = add(reshape(base.weight, [outFeatures, inFeatures]), scaled(matmul(b, a)));
    const norm = detach(sqrt(sum(square(changed), [1])));
    const gain = overFeatures(kind, x, div(m, norm));
    const plain = base.bias === undefined ? y : sub(y, overFeatures(kind, x, base.bias));
    return add(y, add(mul(sub(gain, 1), plain), mul(gain, lowRankPath(layer, x, a, b, scaled))));
  }

  withParameters(parameters: Float32Array): Dora {
    return filled(new Dora(this.layers), parameters);
  }
}

/**
 * A new adapter that changes nothing yet, up to the rounding of the norm: A and B are a LoRA's, m is the norm of each
 * row of the weight.
 *
 * @throws KeepsakeError as `createLora`, or if weights cannot be read
 */
export async function createDora(
  model: AdaptableModules,
  options: CreateLoraOptions,
  readWeight: AdapterStart["readWeight"],
): Promise<Dora> {
  const { layers } = createLora(model, options);
  return new Dora(
    await Promise.all(
      layers.map(async (layer) => {
        const weight = await readWeight(layer.component, layer.module);
        return { ...layer, magnitude: rowNorms(weight, layer.outFeatures, layer.inFeatures) };
      }),
    ),
  );
}

/** ‖W‖ of each row of `[rows, columns]`, summed in float64. */
function rowNorms(weight: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) sum += weight[i] * weight[i];
    return Math.sqrt(sum);
  });
}

export const doraKind: AdapterKind = {
  name: "dora",
  summary: "a low-rank change of the direction of each layer's weight, and a length of its own for each row",
  hasAlpha: true,
  hasProjections: false,
  // With a magnitude of 0 nothing is left of the weight.
  changesNothingAtZero: false,
  layout: (model, options) => {
    const { layers } = createLora(model, { ...options, random: new RandomStream(0) });
    return new Dora(layers.map((layer) => ({ ...layer, magnitude: new Float32Array(layer.outFeatures) })));
  },
  create: (model, options, { random, readWeight }) => createDora(model, { ...options, random }, readWeight),
};
