/**
 * @file Learns concepts one after another in memory, without a library: for benchmarks and experiments. Every strategy
 * works here, the yardsticks that no library can be learned with included.
 */
import type { Adapter } from "../adapters/adapter.ts";
import { trainedIndices } from "../adapters/stacked-lora.ts";
import type { TokenEmbedding } from "../adapters/textual-inversion.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import { conceptName } from "../prompts/concept-name.ts";
import { createRun, planOf, prepareRun, type Known } from "./concept-run.ts";
import { DenoiserPool } from "../training/denoiser-pool.ts";
import { trainingSettings, type AskedAdapter } from "./learn-settings.ts";
import type { AdapterSettings } from "../adapters/new-adapter.ts";
import { checkLossOptions, type LossOptions } from "../training/loss-options.ts";
import type { StrategyMemory, Strategy } from "../training/strategy.ts";
import { drawReplayedPictures, replayEvaluations } from "./replayed-pictures.ts";
import { learnedTokens, type RunConcept } from "./new-tokens.ts";
import type { TrainingPhoto } from "../training/photos/encode-photos.ts";
import type { TrainingSettings } from "../training/training-settings.ts";
import type { PhaseEvaluations, PhaseName } from "../training/training-state.ts";

/** A concept and its photos, encoded by `encodeTrainingPhotos` at the resolution of the training. */
export interface SequenceConcept extends RunConcept {
  readonly photos: readonly TrainingPhoto[];
}

export interface SequenceRequest {
  readonly pipeline: StableDiffusionPipeline;
  /** In the order in which they are learned. */
  readonly concepts: readonly SequenceConcept[];
  /** As `createStrategy` makes it. */
  readonly strategy: Strategy;
  readonly adapter?: AskedAdapter;
  readonly training?: Partial<TrainingSettings>;
  /** Weights and noise of the loss. Default: the plain denoising loss. */
  readonly loss?: LossOptions;
  /**
   * Programs to share with other sequences on the same model. Default: a pool of its own, which is disposed at the end.
   */
  readonly pool?: DenoiserPool;
  /**
   * Rows of learned embeddings in the programs: sequences share programs if they agree in it. Default: those of all
   * concepts.
   */
  readonly learnedRows?: number;
  readonly onStep?: (step: SequenceStep) => void;
  /** When it fires, the sequence ends before the next step. What was yielded before stays true. */
  readonly signal?: AbortSignal;
}

export interface SequenceStep {
  readonly concept: string;
  readonly phase: PhaseName;
  /** From 1 to `steps`, over all phases of the concept. */
  readonly step: number;
  readonly steps: number;
  /** Denoising error of the new concept. */
  readonly loss: number;
}

/** What there is after a concept has been learned. */
export interface LearnedConcept {
  /** Learned since the last one: one, or all of a joint training. */
  readonly names: readonly string[];
  /** With which everything learned so far is drawn; of a `separate` strategy: this concept alone. */
  readonly adapter: Adapter;
  readonly adapterSettings: AdapterSettings;
  /** Of all concepts so far. */
  readonly embeddings: readonly TokenEmbedding[];
  /** What the strategy kept. */
  readonly memory: StrategyMemory;
  /** Denoising error of each step, over all phases. */
  readonly losses: readonly number[];
  /** UNet evaluations of the training. */
  readonly evaluations: PhaseEvaluations;
  /** UNet evaluations with which pictures were drawn before it, to be replayed. */
  readonly drawingEvaluations: number;
  /** Numbers that were trained, the new tokens' included. */
  readonly trainedParameters: number;
  /** Bytes that are kept between concepts: adapter (all of them, if they are separate), embeddings and memory. */
  readonly keptBytes: number;
}

/**
 * Learns a sequence of concepts; yields after each (a joint training: once). The same request gives the same numbers.
 *
 * @example
 * ```ts
 * import { StableDiffusionPipeline } from "keepsake/diffusion";
 * import { encodeTrainingPhotos, learnSequence, loadPhotos } from "keepsake/evaluation";
 * import { createStrategy } from "keepsake/strategies";
 *
 * const pipeline = await StableDiffusionPipeline.load("./stable-diffusion-v1-5");
 * const photos = await encodeTrainingPhotos(pipeline.vae, await loadPhotos(["./photos/mochi"], 512), 512, {});
 * const concepts = [{ name: "mochi", classNoun: "cat", photos }];
 * for await (const { names, losses } of learnSequence({ pipeline, concepts, strategy: createStrategy("ewc-dc") })) {
 *   console.log(names, losses.at(-1));
 * }
 * ```
 * @throws KeepsakeError if concepts, settings and strategy do not go together, or a training diverges
 */
export async function* learnSequence(request: SequenceRequest): AsyncGenerator<LearnedConcept, void, undefined> {
  const { pipeline, strategy, signal, loss } = request;
  if (loss !== undefined) checkLossOptions(loss);
  const concepts = checkedConcepts(request.concepts);
  const settings = trainingSettings(request.training ?? {}, pipeline);
  if (settings.priorWeight !== undefined) {
    throw new KeepsakeError("usage", "A sequence in memory draws no class pictures; leave priorWeight out.");
  }
  const learnedRows = request.learnedRows ?? concepts.reduce((sum, { vectors = 1 }) => sum + vectors, 0);
  const pool = request.pool ?? new DenoiserPool(pipeline);
  const together = strategy.order === "together";
  const rounds = together ? [concepts] : concepts.map((concept) => [concept]);
  let known: Known = { concepts: [], memory: new Map(), owner: "this sequence" };
  let separateBytes = 0;
  try {
    for (const round of rounds) {
      const steps = settings.steps * (together ? concepts.length : 1);
      const prepared = await prepareRun(pipeline, {
        ...{ strategy, settings: { ...settings, steps }, concepts: round, asked: request.adapter ?? {} },
        known: strategy.order === "separate" ? { ...known, made: undefined } : known,
      });
      const photos = round.map((concept) => concept.photos);
      const plan = await planOf(pipeline, pool, prepared);
      const replayedPictures = await drawReplayedPictures(pipeline, prepared, plan, { signal });
      const run = await createRun(pipeline, pool, prepared, photos, { learnedRows, loss, plan, replayedPictures });
      const losses: number[] = [];
      while (!run.isFinished) {
        if (signal?.aborted) return;
        const { phase } = run;
        const loss = await run.advance();
        losses.push(loss);
        const concept = round.map(({ name }) => name).join(" ");
        request.onStep?.({ concept, phase, step: run.step, steps: run.steps, loss });
      }
      const { adapter } = run;
      const memory = run.memory();
      const learned = learnedTokens(prepared.tokens, run.embedding);
      const added = round.map(({ classNoun }, i) => ({ classNoun, embedding: learned[i] }));
      const { settings: adapterSettings } = prepared.made;
      known = {
        concepts: [...known.concepts, ...added],
        made: { adapter, settings: adapterSettings },
        memory,
        owner: known.owner,
      };
      const embeddings = known.concepts.map(({ embedding }) => embedding);
      separateBytes = strategy.order === "separate" ? separateBytes + adapter.parameters.byteLength : 0;
      yield {
        names: round.map(({ name }) => name),
        adapter,
        adapterSettings,
        embeddings,
        memory,
        losses,
        evaluations: run.evaluations,
        drawingEvaluations: replayEvaluations(pipeline, plan),
        trainedParameters:
          (trainedIndices(adapter, strategy.form)?.length ?? adapter.parameters.length) + run.embedding.length,
        keptBytes:
          (separateBytes || adapter.parameters.byteLength) +
          embeddings.reduce((sum, { vectors }) => sum + vectors.byteLength, 0) +
          [...memory.values()].reduce((sum, { data }) => sum + data.byteLength, 0),
      };
    }
  } finally {
    if (request.pool === undefined) await pool.dispose();
  }
}

/** Concepts with their names as they are recorded. @throws KeepsakeError ("usage") */
function checkedConcepts(asked: readonly SequenceConcept[]): SequenceConcept[] {
  const concepts = asked.map((concept) => ({ ...concept, name: conceptName(concept.name) }));
  if (concepts.length === 0) throw new KeepsakeError("usage", "There is no concept to learn; name at least one.");
  for (const { name, photos } of concepts) {
    if (photos.length === 0) throw new KeepsakeError("usage", `There is no photo of "${name}"; give at least one.`);
  }
  const twice = concepts.find(({ name }, i) => concepts.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw new KeepsakeError("usage", `"${twice.name}" comes twice; choose another name.`);
  return concepts;
}
