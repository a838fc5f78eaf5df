/** @file A diffusion classifier with a LoRA (Li et al. 2023): errors, posterior, and gradients of A and B. */
import type { CaseKind } from "../case-kind.ts";
import type { Rule } from "../checks.ts";
import type { TensorCase } from "../tensor-case.ts";
import { withDenoisingError } from "./denoising.ts";
import { adaptableModules, initialLora, slotsByFixtureName } from "./lora.ts";
import { checkNoisy, noiseSchedule } from "./noise.ts";
import { checkPromptIds } from "./prompts.ts";

/** Gradients are differences of nearly equal terms (`comparison_note` of the case). */
const gradientTolerance = 1e-3;

export const diffusionClassifier: CaseKind = {
  description: "diffusion classifier",
  matches: (test) =>
    test.hasInputs("latent", "noise", "noisy", "timesteps", "input_ids") &&
    test.hasOutputs("pair_errors", "errors", "posterior"),
  async run(test, tree, checks) {
    if (test.fields.has("prompts")) await checkPromptIds(test, tree, checks, test.fields.strings("prompts"));
    const prompts = test.rows("input_ids");
    const timesteps = [...test.floats("timesteps")];
    const pairs = timesteps.length;
    const schedule = await noiseSchedule(test, tree);
    const latents = repeated(test.floats("latent"), pairs);
    checkNoisy(test, schedule, latents, checks);
    const target = schedule.trainingTarget(latents, test.floats("noise"), timesteps);

    // Every pair of a prompt with a noise is an item of the batch, prompt by prompt.
    const batchSize = prompts.length * pairs;
    const batch = {
      noisyLatents: repeated(test.floats("noisy"), prompts.length),
      timesteps: prompts.flatMap(() => timesteps),
      tokenIds: prompts.flatMap((ids) => timesteps.map(() => ids)),
      target: repeated(target, prompts.length),
    };
    const lora = initialLora(test, await adaptableModules(tree, test.fields.string("model")));
    await withDenoisingError(test, tree, { lora, batchSize, learnedRows: 0 }, async (denoisingError) => {
      const run = (weights?: readonly number[]) =>
        denoisingError.run(
          { ...batch, ...(weights && { weights }) },
          { adapter: lora, embeddings: new Float32Array() },
        );
      const pairErrors = (await run()).errors;
      const errors = prompts.map((_, i) => meanOf(pairErrors.subarray(i * pairs, (i + 1) * pairs)));
      const computed: Record<string, ArrayLike<number>> = { pair_errors: pairErrors, errors };
      for (const [suffix, scale] of scalesOf(test)) {
        const { posterior, loss, errorGradient } = classify(errors, scale, test.fields.number("true_class"));
        const weights = errorGradient.flatMap((gradient) => timesteps.map(() => gradient / pairs));
        const { adapterGradient } = await run(weights);
        computed[`posterior${suffix}`] = posterior;
        computed[`loss${suffix}`] = [loss];
        Object.assign(computed, slotsByFixtureName(lora, adapterGradient, `grad${suffix}.`));
      }
      test.compare(checks, computed, { rules: classifierRules(test) });
    });
  },
};

/** What is put behind the names of outputs, and the scale of the errors that they are for. */
function scalesOf(test: TensorCase): (readonly [suffix: string, scale: number])[] {
  const plain = ["", 1] as const;
  return test.fields.has("scaled_scale") ? [plain, ["_scaled", test.fields.number("scaled_scale")]] : [plain];
}

/** posterior = softmax(-scale * errors), loss = -log posterior[trueClass], and d loss / d errors. */
function classify(errors: readonly number[], scale: number, trueClass: number) {
  const least = Math.min(...errors);
  const likelihoods = errors.map((error) => Math.exp(-scale * (error - least)));
  const total = likelihoods.reduce((sum, value) => sum + value, 0);
  const posterior = likelihoods.map((value) => value / total);
  const errorGradient = posterior.map((probability, i) => scale * ((i === trueClass ? 1 : 0) - probability));
  return { posterior, loss: -Math.log(posterior[trueClass]), errorGradient };
}

function classifierRules(test: TensorCase): (name: string) => Rule {
  const gradients = { tolerance: Math.max(test.tolerance, gradientTolerance) };
  return (name) => (name.startsWith("grad") ? gradients : test.rule);
}

function meanOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The whole array, `times` over. */
function repeated(values: Float32Array, times: number): Float32Array {
  const result = new Float32Array(values.length * times);
  for (let i = 0; i < times; i++) result.set(values, i * values.length);
  return result;
}
