/**
 * @file A denoiser in which everything has a closed form: the prediction is linear in the prompt's embedding, ε(x, t,
 * c) = x / 2 + (1 + t / 1000) (W_0 + ΔW) e(c). A prompt is one token: ids below VOCABULARY are rows of a fixed table,
 * the others learned ones.
 */
import { Lora, requireLora } from "../../src/adapters/lora.ts";
import { weightChange } from "../../src/adapters/stacked-lora.ts";
import type { Denoiser, DenoisingGradient, DenoisingItem, WeightedItem } from "../../src/training/denoiser.ts";
import type { Trainable } from "../../src/training/denoising-error.ts";
import { RandomStream } from "../../src/random/random.ts";

export const WIDTH = 5;
export const SIZE = 8;
export const VOCABULARY = 4;
const ROWS = 4;

const normal = (purpose: string, count: number) => new RandomStream(11, "linear", purpose).normal(count);

/** Of one layer, with random numbers in A and, where wanted, in B. */
export function linearLora(rank: number, seed = 0, withB = true): Lora {
  const random = new RandomStream(seed, "linear lora");
  const loraA = random.normal(rank * WIDTH);
  const loraB = random.normal(SIZE * rank).map((value) => (withB ? value / 2 : 0));
  const shape = { kind: "linear", rank, inFeatures: WIDTH, outFeatures: SIZE, loraAlpha: rank / 2 } as const;
  return new Lora([{ component: "unet", module: "mid.attn2.to_k", ...shape, loraA, loraB }]);
}

export class LinearDenoiser implements Denoiser {
  readonly embeddingsSize = ROWS * WIDTH;
  readonly table = normal("table", VOCABULARY * WIDTH);
  readonly weight = normal("weight", SIZE * WIDTH);
  /** Calls so far, and items in them. */
  readonly counts = { forward: 0, forwardBackward: 0 };

  /** One prediction in float64, which tests differentiate numerically. */
  predict({ noisyLatents, timestep, tokenIds }: DenoisingItem, { adapter: lora, embeddings }: Trainable): number[] {
    const e = this.#embedding(tokenIds[0], embeddings);
    const weight = this.#weightOf(requireLora(lora));
    return Array.from({ length: SIZE }, (_, row) => {
      let sum = 0;
      for (let k = 0; k < WIDTH; k++) sum += weight[row * WIDTH + k] * e[k];
      return noisyLatents[row] / 2 + factor(timestep) * sum;
    });
  }

  predictions(items: readonly DenoisingItem[], trainable: Trainable): Promise<readonly Float32Array[]> {
    this.counts.forward += items.length;
    return Promise.resolve(items.map((item) => Float32Array.from(this.predict(item, trainable))));
  }

  gradient(items: readonly WeightedItem[], trainable: Trainable): Promise<DenoisingGradient> {
    this.counts.forwardBackward += items.length;
    const lora = requireLora(trainable.adapter);
    const { embeddings } = trainable;
    const [{ rank, loraAlpha, loraA, loraB }] = lora.layers;
    const weight = this.#weightOf(lora);
    const [dWeight, dEmbeddings] = [new Float64Array(SIZE * WIDTH), new Float32Array(this.embeddingsSize)];
    const predictions = items.map((item) => this.predict(item, trainable));
    items.forEach((item, i) => {
      const [id] = item.tokenIds;
      const e = this.#embedding(id, embeddings);
      for (let row = 0; row < SIZE; row++) {
        const g = ((2 * item.weight) / SIZE) * (predictions[i][row] - item.target[row]) * factor(item.timestep);
        for (let k = 0; k < WIDTH; k++) {
          dWeight[row * WIDTH + k] += g * e[k];
          if (id >= VOCABULARY) dEmbeddings[(id - VOCABULARY) * WIDTH + k] += g * weight[row * WIDTH + k];
        }
      }
    });
    const adapterGradient = new Float32Array(lora.parameters.length);
    const scale = loraAlpha / rank;
    for (let row = 0; row < SIZE; row++) {
      for (let k = 0; k < rank; k++) {
        for (let c = 0; c < WIDTH; c++) {
          const g = scale * dWeight[row * WIDTH + c];
          adapterGradient[k * WIDTH + c] += g * loraB[row * rank + k];
          adapterGradient[rank * WIDTH + row * rank + k] += g * loraA[k * WIDTH + c];
        }
      }
    }
    const errors = items.map((item, i) => meanSquare(predictions[i], item.target));
    const asFloat32 = predictions.map((prediction) => Float32Array.from(prediction));
    return Promise.resolve({ errors, predictions: asFloat32, adapterGradient, embeddingsGradient: dEmbeddings });
  }

  #weightOf(lora: Lora): Float64Array {
    const change = weightChange(lora, 0);
    return Float64Array.from(this.weight, (value, i) => value + change[i]);
  }

  #embedding(id: number, learned: Float32Array): Float32Array {
    const [rows, row] = id < VOCABULARY ? [this.table, id] : [learned, id - VOCABULARY];
    return rows.subarray(row * WIDTH, (row + 1) * WIDTH);
  }
}

export function meanSquare(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a, (x, i) => (x - b[i]) ** 2).reduce((sum, x) => sum + x, 0) / a.length;
}

/** Central differences of a function of a float32 array. Steps are powers of two, so that they are exact. */
export function numericGradient(values: Float32Array, at: (values: Float32Array) => number): number[] {
  const step = 2 ** -9;
  return Array.from(values, (value, i) => {
    const moved = (by: number) => at(values.map((x, j) => (i === j ? value + by : x)));
    return (moved(step) - moved(-step)) / (2 * step);
  });
}

function factor(timestep: number): number {
  return 1 + timestep / 1000;
}
