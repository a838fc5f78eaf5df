/**
 * @file One adapter after another in the same compiled programs: those of one layout differ in their numbers alone, which are
 * fed anew at each run.
 */
import type { Adapter } from "../adapters/adapter.ts";
import { BoundAdapter } from "../adapters/bound-adapter.ts";
import type { AdapterBinding } from "../diffusion/module.ts";

/** Keeps the binding of the last adapter. */
export class AdapterSlot {
  #adapter: Adapter | undefined;
  #binding: AdapterBinding | undefined;

  /** Puts an adapter in. As long as the layout is the same, so is the binding, and programs that know it can be used again. */
  bind(adapter: Adapter): AdapterBinding {
    const isSame = this.#adapter?.layout === adapter.layout;
    this.#adapter = adapter;
    if (!isSame || this.#binding === undefined) this.#binding = this.#bindingOf(adapter);
    return this.#binding;
  }

  #bindingOf(first: Adapter): AdapterBinding {
    const bound = new BoundAdapter(first);
    return {
      adapt: (component, module, x, y, base) => bound.adapt(component, module, x, y, base),
      feeds: () => {
        const { parameters, frozen } = this.#adapter ?? first;
        return bound.feeds(parameters, frozen);
      },
    };
  }
}
