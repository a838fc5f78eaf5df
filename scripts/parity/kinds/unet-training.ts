/** @file Gradients of every parameter of a UNet, whole or in summary, and steps of AdamW over them. */
import { unet2DConditionModel } from "../../../src/diffusion/models/unet-2d-condition-model.ts";
import { type Tensor, input } from "../../../src/graph/index.ts";
import type { CaseKind } from "../case-kind.ts";
import type { Computed } from "../tensor-case.ts";
import { gradientRules, meanSquaredError, namedGradients, startingValues, trainWithAdamW } from "./gradients.ts";
import { unetInputs } from "./unet-inputs.ts";

/** Elements of each gradient that a summary shows. */
const headLength = 8;

export const unetTraining: CaseKind = {
  description: "UNet training, all parameters",
  matches: (test) => test.hasInputs("noisy", "target", "timesteps", "encoder_hidden_states") && test.hasOutputs("loss"),
  async run(test, tree, checks) {
    const { config, weights } = await tree.unet(test.fields.string("model"));
    const { context, inputs: parameters } = weights.trainable();
    const { inputs, feeds } = unetInputs(test, config, "noisy", "timesteps");
    const sampleOut = unet2DConditionModel(context, config, inputs);
    const loss = meanSquaredError(sampleOut, input("target", test.shape("target")));
    const wanted = new Map<string, Tensor>([
      ...parameters,
      ["sample", inputs.sample],
      ["encoder_hidden_states", inputs.encoderHiddenStates],
    ]);
    const values = await startingValues(weights, parameters);
    const allFeeds = { ...feeds, target: test.floats("target"), ...values };
    await tree.withProgram({ loss, sample_out: sampleOut, ...namedGradients(loss, wanted) }, async (run) => {
      const first = await run(allFeeds);
      let computed: Computed = first;
      if (test.hasOutputs("losses")) {
        const steps = test.floats("losses").length - 1;
        const losses = await trainWithAdamW(test.fields, steps, {
          parameters: Object.values(values),
          run: async () => {
            const now = await run(allFeeds);
            return { loss: now.loss[0], gradients: Object.keys(values).map((name) => now[`grad.${name}`]) };
          },
        });
        computed = { ...computed, losses };
      }
      if (test.fields.has("parameter_names")) {
        const names = test.fields.strings("parameter_names");
        const summary = gradientSummary(names, first);
        computed = { ...computed, ...summary };
        // Each parameter on the scale of its own gradient: in the table as a whole the small ones would not count.
        const norms = test.floats("grad_l2");
        const rule = gradientRules(test)("grad_l2");
        names.forEach((name, i) => {
          checks.close(`grad_l2 of ${name}`, [summary.grad_l2[i]], [norms[i]], rule);
        });
      }
      test.compare(checks, computed, { rules: gradientRules(test) });
    });
  },
};

/** l2 norm, sum and first elements of the gradient of each parameter. */
function gradientSummary(names: readonly string[], computed: Readonly<Record<string, Float32Array>>) {
  const gradients = names.map((name) => {
    if (!Object.hasOwn(computed, `grad.${name}`)) throw new Error(`the model has no parameter "${name}"`);
    return computed[`grad.${name}`];
  });
  return {
    grad_l2: gradients.map((gradient) => Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0))),
    grad_sum: gradients.map((gradient) => gradient.reduce((sum, value) => sum + value, 0)),
    grad_head: gradients.flatMap((gradient) => Array.from({ length: headLength }, (_, i) => gradient[i] ?? 0)),
  };
}
