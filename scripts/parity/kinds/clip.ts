/** @file CLIP as a whole: features and logits, and a step of contrastive training. */
import { clipContrastiveLoss, clipLogitsPerImage, clipTextFeatures } from "../../../src/diffusion/clip/clip-model.ts";
import { clipVisionModel } from "../../../src/diffusion/clip/clip-vision-model.ts";
import { endOfTextRows } from "../../../src/diffusion/clip/text-inputs.ts";
import type { ClipConfig } from "../../../src/diffusion/config/clip-config.ts";
import { type ModuleContext, linearLayer } from "../../../src/diffusion/module.ts";
import { type Feeds, input, transpose } from "../../../src/graph/index.ts";
import type { CaseKind } from "../case-kind.ts";
import type { TensorCase } from "../tensor-case.ts";
import { gradientRules, namedGradients, startingValues } from "./gradients.ts";
import { checkPromptIds } from "./prompts.ts";

export const clipForward: CaseKind = {
  description: "CLIP image and text features",
  matches: (test) => test.hasInputs("pixel_values", "input_ids") && !test.hasOutputs("loss"),
  async run(test, tree, checks) {
    if (test.fields.has("prompts")) await checkPromptIds(test, tree, checks, test.fields.strings("prompts"));
    const { config, weights } = await tree.clip(test.fields.string("model"));
    test.compare(checks, await tree.evaluate(trace(test, weights.frozen(), config), feedsOf(test, config)));
  },
};

export const clipTraining: CaseKind = {
  description: "CLIP contrastive training",
  matches: (test) => test.hasInputs("pixel_values", "input_ids") && test.hasOutputs("loss"),
  async run(test, tree, checks) {
    const { config, weights } = await tree.clip(test.fields.string("model"));
    const { context, inputs } = weights.trainable();
    const traced = trace(test, context, config);
    const loss = clipContrastiveLoss(traced.logits_per_image);
    const feeds = { ...feedsOf(test, config), ...(await startingValues(weights, inputs)) };
    const computed = await tree.evaluate({ ...traced, loss, ...namedGradients(loss, inputs) }, feeds);
    test.compare(checks, computed, { rules: gradientRules(test) });
  },
};

function trace(test: TensorCase, context: ModuleContext, config: ClipConfig) {
  const inputIds = input("input_ids", test.shape("input_ids"), "int32");
  const rows = input("end_of_text_rows", [test.shape("input_ids")[0]], "int32");
  const pixelValues = input("pixel_values", test.shape("pixel_values"));
  const { poolerOutput } = clipVisionModel(context, config.visionConfig, pixelValues);
  const imageFeatures = linearLayer(context, "visual_projection", poolerOutput, config.projectionDim, { bias: false });
  const textFeatures = clipTextFeatures(context, config, { inputIds }, rows);
  const logitsPerImage = clipLogitsPerImage(context, imageFeatures, textFeatures);
  return {
    image_features: imageFeatures,
    text_features: textFeatures,
    logits_per_image: logitsPerImage,
    logits_per_text: transpose(logitsPerImage, [1, 0]),
    pooler_output: poolerOutput,
  };
}

function feedsOf(test: TensorCase, config: ClipConfig): Feeds {
  return {
    pixel_values: test.floats("pixel_values"),
    input_ids: test.ints("input_ids"),
    end_of_text_rows: endOfTextRows(test.rows("input_ids"), config.textConfig),
  };
}
