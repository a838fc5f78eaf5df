/** @file Pictures into the input of CLIP's vision model. */
import { join } from "node:path";
import { clipImageProcessor, parseClipImageProcessorConfig } from "../../../src/diffusion/clip/clip-image-processor.ts";
import { readJson } from "../../../src/io/json.ts";
import type { CaseKind } from "../case-kind.ts";
import type { TensorCase } from "../tensor-case.ts";
import type { Tree } from "../tree.ts";

export const clipPreprocess: CaseKind = {
  description: "CLIP image preprocessing",
  matches: (test) =>
    test.inputs.length > 0 &&
    test.inputs.every((name) => name.startsWith("image") && test.shape(name)[2] === 3) &&
    test.outputs.every((name) => name.startsWith("pixel_values")),
  async run(test, tree, checks) {
    const config = await processorConfig(test, tree);
    const computed = Object.fromEntries(
      test.inputs.map((name) => {
        const [height, width] = test.shape(name);
        const pixels = { height, width, data: Uint8Array.from(test.ints(name)) };
        return [name.replace("image", "pixel_values"), clipImageProcessor(pixels, config)];
      }),
    );
    test.compare(checks, computed);
  },
};

/** The model's own options, or CLIP's for the size that the case names. */
async function processorConfig({ fields }: TensorCase, tree: Tree) {
  if (!fields.has("model")) {
    const size = fields.number("image_size");
    return parseClipImageProcessorConfig("the case's image_size", { size, crop_size: size });
  }
  const file = join(tree.root, fields.string("model"), "preprocessor_config.json");
  return parseClipImageProcessorConfig(file, await readJson(file));
}
