/**
 * @file LoRA training: gradients of A and B, of the text encoder's output and of token embeddings, and steps of AdamW
 * over A and B.
 */
import { BoundAdapter } from "../../../src/adapters/bound-adapter.ts";
import type { Lora } from "../../../src/adapters/lora.ts";
import { unet2DConditionModel } from "../../../src/diffusion/models/unet-2d-condition-model.ts";
import { withAdapter } from "../../../src/diffusion/module.ts";
import { input } from "../../../src/graph/index.ts";
import type { CaseKind } from "../case-kind.ts";
import type { Checks } from "../checks.ts";
import type { TensorCase } from "../tensor-case.ts";
import type { Tree } from "../tree.ts";
import { learnedPrompts, timeIdsOfCase, withDenoisingError, type LearnedPrompts } from "./denoising.ts";
import { gradientRules, meanSquaredError, namedGradients, trainWithAdamW } from "./gradients.ts";
import { adaptableModules, initialLora, slotsByFixtureName } from "./lora.ts";
import { checkNoisy, noiseSchedule } from "./noise.ts";
import { checkPromptIds } from "./prompts.ts";
import { tokenTableGradients } from "./token-table-gradients.ts";
import { unetInputs } from "./unet-inputs.ts";

export const loraTraining: CaseKind = {
  description: "LoRA training",
  matches: (test) =>
    test.hasInputs("latents", "noise", "noisy", "timesteps", "input_ids", "encoder_hidden_states") &&
    test.hasOutputs("loss") &&
    test.withPrefix("init.").size > 0,
  async run(test, tree, checks) {
    if (test.fields.has("prompts")) await checkPromptIds(test, tree, checks, test.fields.strings("prompts"));
    const schedule = await noiseSchedule(test, tree);
    checkNoisy(test, schedule, test.floats("latents"), checks);
    const timesteps = [...test.floats("timesteps")];
    const target = schedule.trainingTarget(test.floats("latents"), test.floats("noise"), timesteps);
    const lora = initialLora(test, await adaptableModules(tree, test.fields.string("model")));
    const context = await contextGradient(test, tree, lora, target);
    const computed: Record<string, ArrayLike<number>> = { ...context };

    const prompts = await learnedPrompts(test, tree);
    const { embeddings, tokenIds } = prompts;
    const batch = { noisyLatents: test.floats("noisy"), timesteps, tokenIds, target, ...timeIdsOfCase(test) };
    const settings = { lora, batchSize: timesteps.length, learnedRows: prompts.ids.length };
    await withDenoisingError(test, tree, settings, async (denoisingError) => {
      const run = () => denoisingError.run(batch, { adapter: lora, embeddings });
      const first = await run();
      computed.eps_pred = first.prediction;
      computed.loss = [meanOf(first.errors)];
      Object.assign(computed, slotsByFixtureName(lora, first.adapterGradient, "grad."));
      const learned = learnedRows(prompts, first.embeddingsGradient);
      if (!test.hasInputs("input_ids_2")) Object.assign(computed, tokenGradients(test, "", learned[0]));
      else {
        // The end of the text, where something is pooled, cannot be a learned token: its row comes from the tables.
        const [states, pooled] = ["grad.encoder_hidden_states", "grad.text_embeds"].map((name) => context[name]);
        const upstream = { encoder_hidden_states: states, text_embeds: pooled };
        const tables = await tokenTableGradients(test, tree, upstream);
        for (const [i, table] of tables.entries()) {
          const width = prompts.widths[i];
          const suffix = i === 0 ? "" : "_2";
          Object.assign(
            computed,
            tokenGradients(test, suffix, (id) => [...table.subarray(id * width, (id + 1) * width)]),
          );
          checkLearnedRows(test, suffix, prompts, learned[i], checks);
        }
      }
      if (!test.hasOutputs("losses")) return;
      const steps = test.floats("losses").length - 1;
      computed.losses = await trainWithAdamW(test.fields, steps, {
        parameters: [lora.parameters],
        run: async () => {
          const { errors, adapterGradient } = await run();
          return { loss: meanOf(errors), gradients: [adapterGradient] };
        },
        afterStep: (step) => {
          if (step === 1) checkParameters(test, "step1.", lora, checks);
          if (step === steps) checkParameters(test, "final.", lora, checks);
        },
      });
    });
    const isStep = (name: string): boolean => name.startsWith("step1.") || name.startsWith("final.");
    test.compare(checks, computed, { rules: gradientRules(test), skip: isStep });
  },
};

/** d loss / d encoder_hidden_states, and d loss / d text_embeds where the UNet has them. */
async function contextGradient(
  test: TensorCase,
  tree: Tree,
  lora: Lora,
  target: Float32Array,
): Promise<Record<string, Float32Array>> {
  const { config, weights } = await tree.unet(test.fields.string("model"));
  const binding = new BoundAdapter(lora);
  const { inputs, feeds } = unetInputs(test, config, "noisy", "timesteps");
  const prediction = unet2DConditionModel(withAdapter(weights.frozen(), "unet", binding), config, inputs);
  const loss = meanSquaredError(prediction, input("target", test.shape("noise")));
  const wanted = new Map([["encoder_hidden_states", inputs.encoderHiddenStates]]);
  if (inputs.textEmbeds !== undefined) wanted.set("text_embeds", inputs.textEmbeds);
  return tree.evaluate(namedGradients(loss, wanted), { ...feeds, target, ...binding.feeds() });
}

/** A row of a gradient, by the id of its token. */
type RowOf = (id: number) => number[];

/** The rows of the learned embeddings' gradient, for each text encoder. */
function learnedRows({ ids, widths }: LearnedPrompts, gradient: Float32Array): RowOf[] {
  const width = widths.reduce((sum, own) => sum + own, 0);
  return widths.map((own, i) => {
    const from = widths.slice(0, i).reduce((sum, each) => sum + each, 0);
    return (id) => {
      const row = ids.indexOf(id);
      if (row < 0) throw new Error(`token ${id} is no learned one of the prompts`);
      return [...gradient.subarray(row * width + from, row * width + from + own)];
    };
  });
}

/** The rows of the token embeddings' gradient for which the case has references. */
function tokenGradients(test: TensorCase, suffix: string, rowOf: RowOf): Record<string, number[]> {
  const rows: Record<string, number[]> = {};
  if (test.fields.has("token_id")) {
    rows[`grad.token_embedding_row${suffix}`] = rowOf(test.fields.number("token_id"));
  }
  if (test.hasInputs(`token_embedding_row_ids${suffix}`)) {
    const ids = [...test.ints(`token_embedding_row_ids${suffix}`)];
    rows[`grad.token_embedding_rows${suffix}`] = ids.flatMap(rowOf);
  }
  return rows;
}

/** Compares the rows of learned tokens, as training gets them. */
function checkLearnedRows(
  test: TensorCase,
  suffix: string,
  { ids }: LearnedPrompts,
  rowOf: RowOf,
  checks: Checks,
): void {
  const all = [...test.ints(`token_embedding_row_ids${suffix}`)];
  const reference = test.floats(`grad.token_embedding_rows${suffix}`);
  const width = reference.length / all.length;
  const learned = all.filter((id) => ids.includes(id));
  const rows = learned.flatMap((id) => [...reference.subarray(all.indexOf(id) * width, (all.indexOf(id) + 1) * width)]);
  checks.close(`grad.token_embedding_rows${suffix} (learned tokens)`, learned.flatMap(rowOf), rows, test.rule);
}

/** Compares A and B after a number of steps with the tensors that begin with `prefix`. */
function checkParameters(test: TensorCase, prefix: string, lora: Lora, checks: Checks): void {
  const values = slotsByFixtureName(lora, lora.parameters, prefix);
  const pairs = [...test.withPrefix(prefix).values()].map(({ name }) => {
    if (!Object.hasOwn(values, name)) throw new Error(`"${name}" has no counterpart among the init tensors`);
    return [values[name], test.floats(name)] as const;
  });
  if (pairs.length > 0) checks.adam(`${prefix}*`, pairs);
}

function meanOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
