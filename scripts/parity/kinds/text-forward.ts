/** @file A forward pass of a CLIP text encoder. */
import {
  clipTextModel,
  textFinalNorm,
  textPooledOutput,
  textProjection,
} from "../../../src/diffusion/clip/clip-text-model.ts";
import { endOfTextRows } from "../../../src/diffusion/clip/text-inputs.ts";
import { input } from "../../../src/graph/index.ts";
import type { CaseKind } from "../case-kind.ts";
import { checkPromptIds } from "./prompts.ts";

export const textForward: CaseKind = {
  description: "CLIP text encoder",
  matches: (test) => test.hasInputs("input_ids") && test.inputs.length === 1 && test.hasOutputs("last_hidden_state"),
  async run(test, tree, checks) {
    if (test.fields.has("prompts")) await checkPromptIds(test, tree, checks, test.fields.strings("prompts"));
    const { config, weights } = await tree.clipText(test.fields.string("model"));
    const context = weights.frozen();
    const inputIds = input("input_ids", test.shape("input_ids"), "int32");
    const rows = input("end_of_text_rows", [test.shape("input_ids")[0]], "int32");
    const { lastHiddenState, hiddenStates } = clipTextModel(context, config, { inputIds });
    const penultimate = hiddenStates[hiddenStates.length - 2];
    const outputs = {
      last_hidden_state: lastHiddenState,
      pooled: textPooledOutput(lastHiddenState, rows),
      ...(config.projectionDim !== undefined && {
        text_embeds: textProjection(context, config.projectionDim, lastHiddenState, rows),
      }),
      ...Object.fromEntries(hiddenStates.map((hiddenState, i) => [`hidden_states.${i}`, hiddenState])),
      penultimate,
      penultimate_ln: textFinalNorm(context, config, penultimate),
    };
    const feeds = {
      input_ids: test.ints("input_ids"),
      end_of_text_rows: endOfTextRows(test.rows("input_ids"), config),
    };
    test.compare(checks, await tree.evaluate(outputs, feeds));
  },
};
