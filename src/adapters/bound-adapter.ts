/** @file An adapter in the graph: its arrays become inputs, and the layers it names get what its kind does to them. */
import type { AdaptedComponent, AdapterBinding, BaseLayer } from "../diffusion/module.ts";
import { input, type Tensor } from "../graph/index.ts";
import type { Adapter, FrozenArray, LayerTensors } from "./adapter.ts";

export interface BoundAdapterOptions {
  /** Strength of the whole adapter, on top of `loraAlpha / rank`. Default 1. */
  readonly scale?: number;
  /** Put before the input names; lets several adapters of the same layers meet in one graph. Default "". */
  readonly prefix?: string;
}

/**
 * Ties an adapter's layout to graph inputs. The numbers are fed at each run, so one program serves every adapter of
 * this layout: the one in training, earlier ones, or none (of a LoRA: zeros).
 */
export class BoundAdapter implements AdapterBinding {
  /** The inputs for {@link Adapter.slots}, in that order: what to ask gradients() for. */
  readonly inputs: readonly Tensor[];
  readonly #adapter: Adapter;
  readonly #scale: number;
  readonly #prefix: string;
  readonly #adapted: ReadonlyMap<string, (x: Tensor, y: Tensor, base: BaseLayer) => Tensor>;

  constructor(adapter: Adapter, options: BoundAdapterOptions = {}) {
    this.#adapter = adapter;
    this.#scale = options.scale ?? 1;
    this.#prefix = options.prefix ?? "";
    this.inputs = adapter.slots.map(({ name, shape }) => input(this.#prefix + name, shape));
    const frozenInputs = new Map(
      adapter.frozen.map(({ name, shape }) => [name, input(this.#prefix + name, shape)] as const),
    );
    const frozen = (name: string): Tensor => {
      const found = frozenInputs.get(name);
      if (found === undefined) throw new Error(`the adapter has no array ${name}`);
      return found;
    };
    const each = adapter.slots.length / Math.max(1, adapter.layers.length);
    this.#adapted = new Map(
      adapter.layers.map((layer, index) => {
        const tensors: LayerTensors = { trained: this.inputs.slice(index * each, (index + 1) * each), frozen };
        return [
          `${layer.component}.${layer.module}`,
          (x, y, base) => adapter.adapt(layer, tensors, { x, y, base, strength: this.#scale }),
        ];
      }),
    );
  }

  /** The output of a layer with the adapter on it. Layers that the adapter does not name come back as they are. */
  adapt(component: AdaptedComponent, module: string, x: Tensor, y: Tensor, base: BaseLayer): Tensor {
    return this.#adapted.get(`${component}.${module}`)?.(x, y, base) ?? y;
  }

  /**
   * Values for the inputs (windows, not copies).
   *
   * @param parameters - laid out as {@link Adapter.parameters}; by default the adapter's own
   * @param frozen - by default the adapter's own
   * @throws RangeError if there are more numbers or fewer
   */
  feeds(
    parameters: Float32Array = this.#adapter.parameters,
    frozen: readonly FrozenArray[] = this.#adapter.frozen,
  ): Record<string, Float32Array> {
    this.#adapter.checkLength(parameters);
    const trained = this.#adapter.slots.map(({ name, offset, length }) => {
      return [this.#prefix + name, parameters.subarray(offset, offset + length)] as const;
    });
    return Object.fromEntries([
      ...trained,
      ...frozen.map(({ name, values }) => [this.#prefix + name, values] as const),
    ]);
  }
}
