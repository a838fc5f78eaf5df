/** @file Intermediate values: the outputs of the modules for which a case has a debug tensor. */
import { type ModuleContext, withObserver } from "../../../src/diffusion/module.ts";
import type { Tensor } from "../../../src/graph/index.ts";
import type { TensorCase } from "../tensor-case.ts";

/**
 * The context, with the outputs of the modules named by `debug.<module>` put into `outputs` while the model is traced.
 */
export function observing(context: ModuleContext, test: TensorCase, outputs: Record<string, Tensor>): ModuleContext {
  return withObserver(context, (module, output) => {
    const name = `debug.${module}`;
    if (test.tensors.has(name)) outputs[name] = output;
  });
}
