/**
 * @file Forgetting a concept of a library in the adapter as well: its token goes, as when it is forgotten, and the adapter is trained until it treats that token
 * like the class noun.
 */
import type { ProgramOptions } from "../graph/index.ts";
import { conceptName } from "../prompts/concept-name.ts";
import { recordedSettings } from "../library/recorded-settings.ts";
import { profileOf } from "../library/model-profile.ts";
import { learnedIn, openModel } from "../library/library-model.ts";
import { changeLibrary } from "../library/change.ts";
import { forgetIn, type ForgetRequest, type ForgetResult } from "../library/forget.ts";
import type { StrategyMemory } from "../training/strategy.ts";
import { refuseUnfinishedRun } from "../library/unfinished-run.ts";
import { chosenModel } from "../library/model-folder.ts";
import { unlearn, type Unlearned } from "./unlearning.ts";

export const DEFAULT_UNLEARNING = { steps: 100, seed: 0 } as const;

export interface UnlearnRequest extends ForgetRequest {
  /** Folder of the library's model, if it has moved. */
  readonly model?: string;
  /** Optimiser steps. Default 100. */
  readonly steps?: number;
  /** Default 0. */
  readonly seed?: number;
  readonly program?: ProgramOptions;
  /** When it fires, everything ends with its reason, and the library is as it was. */
  readonly signal?: AbortSignal;
  /** After each step, from 1 to `steps`. */
  readonly onStep?: (step: number, steps: number) => void;
}

export interface UnlearnResult extends ForgetResult {
  /** What was measured; absent if there was nothing to unlearn, because the adapter went with the last concept or does not know this one. */
  readonly unlearned?: Omit<Unlearned, "lora"> & { readonly steps: number };
}

/**
 * Forgets a concept as `forgetConcept` does, with an adapter that was trained to treat its token like its class noun, at the learning rate, batch size and
 * resolution with which it was learned. The library changes in one atomic step at the end, and the change can be undone. Of the drawings that the training
 * needs nothing is stored. The same library, steps and seed give the same bytes.
 *
 * @throws KeepsakeError as `forgetConcept`, if the model does not fit, or if the training diverges; the signal's reason when aborted
 */
export async function unlearnConcept(request: UnlearnRequest): Promise<UnlearnResult> {
  const { library: folder, model, program = {}, signal, onStep } = request;
  const name = conceptName(request.name);
  const { steps = DEFAULT_UNLEARNING.steps, seed = DEFAULT_UNLEARNING.seed } = request;
  return changeLibrary(
    folder,
    `unlearning ${name}`,
    async (library) => {
      const concept = library.concepts.find((each) => each.name === name);
      if (concept === undefined || library.concepts.length === 1) return forgetIn(library, { ...request, name });
      await refuseUnfinishedRun(library);
      const pipeline = await openModel(model, library, program);
      try {
        const { learningRate, batchSize, resolution } = recordedSettings(library, concept.training, pipeline);
        const guidanceScale = profileOf(chosenModel(model, library)).guidanceScale;
        const settings = { steps, seed, learningRate, batchSize, resolution, guidanceScale };
        const options = { program, ...(signal && { signal }), ...(onStep && { onStep }) };
        const { lora, ...measured } = await unlearn(
          pipeline,
          await learnedIn(library, pipeline),
          name,
          settings,
          options,
        );
        const shared = await library.writeShared(lora, movedAnchor(await library.memory(), lora.parameters));
        return { ...(await forgetIn(library, { ...request, name }, shared)), unlearned: { ...measured, steps } };
      } finally {
        await pipeline.dispose();
      }
    },
    signal && { signal },
  );
}

/** The penalty of EWC pulls back to θ*: were it left where it was, the next concept that is learned would bring back the one that was unlearned. */
function movedAnchor(memory: StrategyMemory, parameters: Float32Array): StrategyMemory {
  const anchor = memory.get("anchor");
  return anchor === undefined ? memory : new Map([...memory, ["anchor", { ...anchor, data: parameters }]]);
}
