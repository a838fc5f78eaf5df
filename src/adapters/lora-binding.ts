/** @file A LoRA in the graph: its A and B become inputs, and the layers it names get its low-rank path added. */
import type { AdaptedComponent, AdapterBinding } from "../diffusion/module.ts";
import { add, conv2d, input, linear, mul, reshape } from "../graph/index.ts";
import type { Tensor } from "../graph/index.ts";
import type { Lora, LoraLayer } from "./lora.ts";

export interface LoraBindingOptions {
  /** Strength of the whole adapter, on top of `loraAlpha / rank`. Default 1. */
  readonly scale?: number;
  /** Put before the input names; lets several adapters of the same layers meet in one graph. Default "". */
  readonly prefix?: string;
}

/**
 * Ties a LoRA's layout to graph inputs. The numbers are fed at each run, so one program serves every adapter of this layout:
 * the one in training, earlier ones, or none (zeros).
 */
export class LoraBinding implements AdapterBinding {
  /** The inputs for {@link Lora.slots}, in that order: what to ask gradients() for. */
  readonly inputs: readonly Tensor[];
  readonly #lora: Lora;
  readonly #scale: number;
  readonly #prefix: string;
  readonly #layers: ReadonlyMap<string, { layer: LoraLayer; loraA: Tensor; loraB: Tensor }>;

  constructor(lora: Lora, options: LoraBindingOptions = {}) {
    this.#lora = lora;
    this.#scale = options.scale ?? 1;
    this.#prefix = options.prefix ?? "";
    this.inputs = lora.slots.map(({ name, shape }) => input(this.#prefix + name, shape));
    this.#layers = new Map(
      lora.layers.map((layer, index) => {
        const bound = { layer, loraA: this.inputs[2 * index], loraB: this.inputs[2 * index + 1] };
        return [`${layer.component}.${layer.module}`, bound];
      }),
    );
  }

  /**
   * `y + scale * loraAlpha / rank * (x A^T) B^T`, for `x` as tokens `[..., in]`, or `[N, in, H, W]` at a 1x1 convolution.
   * Layers that the LoRA does not name come back as they are.
   */
  adapt(component: AdaptedComponent, module: string, x: Tensor, y: Tensor): Tensor {
    const bound = this.#layers.get(`${component}.${module}`);
    if (!bound) return y;
    const { layer, loraA, loraB } = bound;
    const { rank, inFeatures, outFeatures } = layer;
    const scale = (this.#scale * layer.loraAlpha) / rank;
    // The scale is cheapest where the tensor is narrowest: between A and B.
    const scaled = (hidden: Tensor): Tensor => (scale === 1 ? hidden : mul(hidden, scale));
    // Token layouts have at most three axes; four axes at a 1x1 convolution are an image.
    if (layer.kind === "conv1x1" && x.shape.length === 4) {
      const hidden = scaled(conv2d(x, reshape(loraA, [rank, inFeatures, 1, 1])));
      return add(y, conv2d(hidden, reshape(loraB, [outFeatures, rank, 1, 1])));
    }
    return add(y, linear(scaled(linear(x, loraA)), loraB));
  }

  /**
   * Values for {@link LoraBinding.inputs} (windows, not copies).
   * @param parameters laid out as {@link Lora.parameters}; by default the LoRA's own.
   */
  feeds(parameters: Float32Array = this.#lora.parameters): Record<string, Float32Array> {
    if (parameters.length !== this.#lora.parameters.length) {
      throw new RangeError(`LoRA: ${parameters.length} numbers for an adapter of ${this.#lora.parameters.length}`);
    }
    return Object.fromEntries(
      this.#lora.slots.map(({ name, offset, length }) => [
        this.#prefix + name,
        parameters.subarray(offset, offset + length),
      ]),
    );
  }
}
