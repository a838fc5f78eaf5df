/**
 * @file Forgetting a concept of a library in the adapter as well: its token goes, as when it is forgotten, and the
 * adapter is trained until it treats that token like the class noun.
 */
import { conceptName } from "../prompts/concept-name.ts";
import { recordedSettings } from "../library/recorded-settings.ts";
import { learnedIn } from "../library/library-model.ts";
import { changeLibrary } from "../library/change.ts";
import { checkWhole, LIMITS } from "../limits.ts";
import { forgetIn, type ForgetRequest, type ForgetResult } from "../library/forget.ts";
import { withAnchorAt } from "../training/strategy.ts";
import { refuseUnfinishedRun } from "../library/run/unfinished-run.ts";
import type { Watched } from "./operation.ts";
import type { Session } from "./session.ts";
import { DEFAULT_UNLEARNING, unlearn, type Unlearned } from "./unlearning.ts";

export interface UnlearnRequest extends Omit<ForgetRequest, "library">, Watched<UnlearnProgress> {
  /** Optimiser steps. Default 100. */
  readonly steps?: number;
  /** Default 0. */
  readonly seed?: number;
  /** When it fires, everything ends with its reason, and the library is as it was. */
  readonly signal?: AbortSignal;
}

/** After each step. */
export interface UnlearnProgress {
  readonly kind: "step";
  /** From 1 to `steps`. */
  readonly step: number;
  readonly steps: number;
}

export interface UnlearnResult extends ForgetResult {
  /**
   * What was measured; absent if there was nothing to unlearn, because the adapter went with the last concept or does
   * not know this one.
   */
  readonly unlearned?: Omit<Unlearned, "adapter"> & { readonly steps: number };
}

/**
 * Forgets a concept as `forgetConcept` does, with an adapter that was trained to treat its token like its class noun,
 * at the learning rate, batch size and resolution with which it was learned. The library changes in one atomic step at
 * the end, and the change can be undone. The drawings that are trained on stay in memory. The same library, steps and
 * seed give the same bytes.
 *
 * @throws KeepsakeError as `forgetConcept`, if the model does not fit, or if the training diverges; the signal's reason
 *   when aborted
 */
export async function unlearnConcept(session: Session, request: UnlearnRequest): Promise<UnlearnResult> {
  const { signal, onProgress } = request;
  const name = conceptName(request.name);
  const { steps = DEFAULT_UNLEARNING.steps, seed = DEFAULT_UNLEARNING.seed } = request;
  checkWhole("The number of steps", steps, LIMITS.steps);
  checkWhole("The seed", seed, LIMITS.trainingSeed);
  return changeLibrary(
    session.folder,
    `unlearning ${name}`,
    async (library) => {
      const concept = library.concepts.find((each) => each.name === name);
      if (concept === undefined || library.concepts.length === 1) return forgetIn(library, { ...request, name });
      await refuseUnfinishedRun(library);
      const { pipeline } = await session.model(library);
      const { learningRate, batchSize, resolution } = recordedSettings(library, concept.training ?? {}, pipeline);
      const settings = { steps, seed, learningRate, batchSize, resolution };
      await session.freePrograms();
      try {
        const { adapter, ...measured } = await unlearn(pipeline, await learnedIn(library, pipeline), name, settings, {
          program: session.program,
          signal,
          onStep: (step) => onProgress?.({ kind: "step", step, steps }),
        });
        // Were it left where it was, the next concept that is learned would bring back the one that was unlearned.
        const shared = await library.writeShared(adapter, withAnchorAt(adapter.parameters, await library.memory()));
        return { ...(await forgetIn(library, { ...request, name }, shared)), unlearned: { ...measured, steps } };
      } finally {
        await session.freePrograms();
      }
    },
    signal && { signal },
  );
}
