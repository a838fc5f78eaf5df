/**
 * @file One adapter after another in the same compiled programs: those of one layout differ in their numbers alone,
 * which are fed anew at each run. Several at once add up.
 */
import type { Adapter } from "../adapters/adapter.ts";
import { BoundAdapter } from "../adapters/bound-adapter.ts";
import type { AdapterBinding } from "../diffusion/module.ts";

/** An adapter and how strongly it works; 1 as it was trained. */
export interface WeightedAdapter {
  readonly adapter: Adapter;
  readonly scale: number;
}

/** Keeps the binding of the last adapters. */
export class AdapterSlot {
  #adapters: readonly WeightedAdapter[] = [];
  #binding: AdapterBinding | undefined;

  /**
   * Puts an adapter in. As long as the layout is the same, so is the binding, and programs that know it can be used
   * again.
   */
  bind(adapter: Adapter): AdapterBinding {
    return this.bindAll([{ adapter, scale: 1 }]);
  }

  /** As {@link AdapterSlot.bind} for several: what changes the outputs of layers as a whole comes first. */
  bindAll(adapters: readonly WeightedAdapter[]): AdapterBinding {
    const isSame = layoutOf(this.#adapters) === layoutOf(adapters);
    this.#adapters = adapters;
    if (!isSame || this.#binding === undefined) this.#binding = this.#bindingOf(adapters);
    return this.#binding;
  }

  #bindingOf(first: readonly WeightedAdapter[]): AdapterBinding {
    const bound = first.map(({ adapter, scale }, i) => {
      return new BoundAdapter(adapter, { scale, prefix: i === 0 ? "" : `${i}.` });
    });
    return {
      adapt: (component, module, x, y, base) => {
        return bound.reduce((sum, each) => each.adapt(component, module, x, sum, base), y);
      },
      feeds: () => {
        const fed = bound.map((each, i) => {
          const { parameters, frozen } = this.#adapters[i].adapter;
          return Object.entries(each.feeds(parameters, frozen));
        });
        return Object.fromEntries(fed.flat());
      },
    };
  }
}

/** Tells what needs programs of its own: a scale is a constant in them. */
function layoutOf(adapters: readonly WeightedAdapter[]): string {
  return JSON.stringify(adapters.map(({ adapter, scale }) => [adapter.layout, scale]));
}
