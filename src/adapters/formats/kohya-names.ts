/**
 * @file What kohya's sd-scripts call the layers of a model: paths with underscores, behind the name of the network.
 * Their trainer of SDXL (sdxl_train_network.py) works on the original code: it numbers the UNet's blocks as that does,
 * and the two text encoders.
 */
import type { AdaptedComponent } from "../../diffusion/module.ts";
import { ldmNames } from "./ldm-names.ts";

/** Where a layer is. */
interface LayerPath {
  readonly component: AdaptedComponent;
  readonly module: string;
}

/** Blocks of the UNet of SDXL and its smaller relatives: three levels of two layers. A LoRA need not be in each. */
const SDXL_BLOCKS = [0, 1, 2].flatMap((level) =>
  [0, 1].map((layer) => `down_blocks.${level}.resnets.${layer}.time_emb_proj`),
);

/**
 * Names layers as kohya's programs do.
 *
 * @param isSdxl whether they are SDXL's
 * @param layers all that are to be named
 */
export function kohyaNames(isSdxl: boolean, layers: readonly LayerPath[]): (layer: LayerPath) => string {
  const unetModules = layers.flatMap(({ component, module }) => (component === "unet" ? [module] : []));
  const original = new Map<string, string>();
  if (isSdxl) for (const [name, module] of ldmNames([...SDXL_BLOCKS, ...unetModules])) original.set(module, name);
  const prefixes: Readonly<Record<AdaptedComponent, string>> = {
    unet: "lora_unet",
    text_encoder: isSdxl ? "lora_te1" : "lora_te",
    text_encoder_2: "lora_te2",
  };
  return ({ component, module }) => {
    const path = component === "unet" ? (original.get(module) ?? module) : module;
    return `${prefixes[component]}_${path.replaceAll(".", "_")}`;
  };
}
