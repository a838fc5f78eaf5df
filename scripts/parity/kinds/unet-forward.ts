/** @file A forward pass of a UNet (SD 1.x, SD 2.x, SDXL and their relatives). */
import { guidanceScaleEmbedding } from "../../../src/diffusion/models/embeddings.ts";
import { unet2DConditionModel } from "../../../src/diffusion/models/unet-2d-condition-model.ts";
import type { Tensor } from "../../../src/graph/index.ts";
import type { CaseKind } from "../case-kind.ts";
import { observing } from "./observation.ts";
import { unetInputs } from "./unet-inputs.ts";

export const unetForward: CaseKind = {
  description: "UNet forward pass",
  matches: (test) => test.hasInputs("sample", "timestep", "encoder_hidden_states") && test.hasOutputs("sample_out"),
  async run(test, tree, checks) {
    const { config, weights } = await tree.unet(test.fields.string("model"));
    const { inputs, feeds } = unetInputs(test, config, "sample", "timestep");
    const outputs: Record<string, Tensor> = {};
    outputs.sample_out = unet2DConditionModel(observing(weights.frozen(), test, outputs), config, inputs);
    if (test.fields.has("guidance_scale") && config.timeCondProjDim !== undefined) {
      const embeddings = test.fields
        .numbers("guidance_scale")
        .flatMap((scale) => [...guidanceScaleEmbedding(scale, config.timeCondProjDim ?? 0)]);
      checks.close("timestep_cond", embeddings, test.floats("timestep_cond"), test.rule);
    }
    test.compare(checks, await tree.evaluate(outputs, feeds));
  },
};
