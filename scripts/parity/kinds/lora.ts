/** @file LoRA in the fixtures: the layers that may be adapted, and the adapter that a case holds. */
import { type LoraLayer, Lora } from "../../../src/adapters/lora.ts";
import { type AdaptableModules, adaptedComponents, discoverModules } from "../../../src/adapters/modules.ts";
import type { Weights } from "../../../src/diffusion/weights.ts";
import type { TensorCase } from "../tensor-case.ts";
import type { Tree } from "../tree.ts";

/** The layers of a pipeline that adapters may change. */
export async function adaptableModules(tree: Tree, model: string): Promise<AdaptableModules> {
  const { encoders } = await tree.text(model);
  const unet = await tree.unet(model);
  return {
    unet: modulesOf(unet.weights),
    ...Object.fromEntries(encoders.map(({ component, weights }) => [component, modulesOf(weights)])),
  };
}

function modulesOf(weights: Weights) {
  return discoverModules(weights.tensors);
}

/**
 * Reads `init.<module>.lora_A` and `lora_B`. The rank comes from the shapes, alpha from the JSON (default: the rank).
 */
export function initialLora(test: TensorCase, model: AdaptableModules): Lora {
  const names = [...test.withPrefix("init.").keys()];
  const modules = new Set(names.map((name) => name.replace(/\.lora_[AB]$/, "")));
  return new Lora(
    [...modules].map((module): LoraLayer => {
      const component = adaptedComponents.find((candidate) => model[candidate]?.has(module));
      const adaptable = component && model[component]?.get(module);
      if (component === undefined || adaptable === undefined) throw new Error(`the model has no layer "${module}"`);
      const rank = test.shape(`init.${module}.lora_A`)[0];
      return {
        ...adaptable,
        component,
        module,
        rank,
        loraAlpha: test.fields.number("alpha", rank),
        loraA: test.floats(`init.${module}.lora_A`),
        loraB: test.floats(`init.${module}.lora_B`),
      };
    }),
  );
}

/**
 * The parts of an array that is laid out as `lora.parameters`, by the names of the fixtures: `prefix<module>.lora_A`,
 * `lora_B`.
 */
export function slotsByFixtureName(lora: Lora, flat: Float32Array, prefix: string): Record<string, Float32Array> {
  const names = lora.layers.flatMap(({ module }) => [`${prefix}${module}.lora_A`, `${prefix}${module}.lora_B`]);
  return Object.fromEntries(
    lora.slots.map(({ offset, length }, i) => [names[i], flat.subarray(offset, offset + length)]),
  );
}
