/**
 * @file Keepsake's public interface: teach a Stable Diffusion model one thing after another, and draw them. The graph compiler is published on
 * its own as "keepsake/graph".
 */
export { Lora, createLora, loraDelta, type LoraLayer } from "./adapters/lora.ts";
export type { AdaptedLayer, Adapter, AdapterKind, AdapterKindName } from "./adapters/adapter.ts";
export { BoundAdapter } from "./adapters/bound-adapter.ts";
export { createDora, Dora, type DoraLayer } from "./adapters/dora.ts";
export {
  readAdapter,
  readLora,
  writeDiffusersLora,
  writeKohyaLora,
  writePeftLora,
  writePeftVera,
} from "./adapters/formats/index.ts";
export { ADAPTER_KINDS } from "./adapters/kinds.ts";
export { discoverModules, parseLoraTargets, type AdaptableModules, type LoraTargets } from "./adapters/modules.ts";
export { createVera, Vera, type VeraLayer, type VeraProjections } from "./adapters/vera.ts";
export { readTokenEmbeddings, writeTokenEmbedding, type TokenEmbedding } from "./adapters/textual-inversion.ts";
export {
  classifyPictures,
  type ClassifiedPicture,
  type ClassifyProgress,
  type ClassifyRequest,
} from "./continual/classify.ts";
export type { Answer, Verdict } from "./continual/picture-answer.ts";
export type { Candidate } from "./continual/candidate.ts";
export {
  ConceptClassifier,
  type ConceptClassification,
  type ConceptClassifierOptions,
} from "./continual/concept-classifier.ts";
export { conceptConfidence, type ConceptConfidence, type ConceptPictures } from "./continual/concept-confidence.ts";
export { DenoisingError, type DenoisingBatch, type DenoisingErrorResult } from "./continual/denoising-error.ts";
export { DenoiserPool, type DenoiserPoolOptions } from "./continual/denoiser-pool.ts";
export { generatePictures, pictureFiles, type GenerateRequest } from "./continual/generate.ts";
export { initLibrary, type InitRequest } from "./continual/init.ts";
export { learnConcept, type LearnProgress, type LearnRequest, type LearnResult } from "./continual/learn.ts";
export {
  learnAndPreview,
  type LearnAndPreviewProgress,
  type LearnAndPreviewRequest,
  type LearnAndPreviewResult,
} from "./continual/learn-and-preview.ts";
export {
  learnAll,
  type LearnAllProgress,
  type LearnAllRequest,
  type SkippedThing,
  type Thing,
} from "./continual/learn-all.ts";
export { previewLastLearn, type PreviewReport, type PreviewRequest } from "./continual/preview-last-learn.ts";
export {
  drawPreviews,
  type PreviewChange,
  type PreviewOptions,
  type PreviewProgress,
  type Previews,
} from "./continual/previews.ts";
export { forgetConcept, type ForgetRequest, type ForgetResult } from "./continual/library/forget.ts";
export {
  keepStates,
  libraryHistory,
  listConcepts,
  type ConceptFacts,
  type ConceptList,
  type KeepRequest,
  type LibraryHistory,
  type StateFacts,
} from "./continual/library/history.ts";
export { Library, type StrategyMemory } from "./continual/library/library.ts";
export type { Manifest } from "./continual/library/manifest.ts";
export {
  describeChange,
  type AdapterEntry,
  type Change,
  type ConceptEntry,
  type LibraryState,
  type StrategyEntry,
} from "./continual/library/state.ts";
export { redo, undo, type RedoRequest, type UndoRequest, type UndoResult } from "./continual/library/undo.ts";
export type { UnfinishedRun } from "./continual/library/unfinished-run.ts";
export { unlearnConcept, type UnlearnRequest, type UnlearnResult } from "./continual/unlearn-concept.ts";
export { unlearn, type Unlearned, type UnlearningOptions, type UnlearningSettings } from "./continual/unlearning.ts";
export { verifyLibrary, type Finding, type VerifyReport } from "./continual/verify.ts";
export {
  learnSequence,
  type LearnedConcept,
  type SequenceConcept,
  type SequenceRequest,
  type SequenceStep,
} from "./continual/learn-sequence.ts";
export { encodePhotos, encodeTrainingPhotos, loadPhotos, type TrainingPhoto } from "./continual/photos.ts";
export { describeRange, type OptionSpec, type OptionValue } from "./continual/strategies/options.ts";
export { createStrategy, findStrategy, parseStrategyOptions, STRATEGIES } from "./continual/strategies/registry.ts";
export type { ConceptPlan, Objective, Strategy, StrategyDefinition } from "./continual/strategies/strategy.ts";
export type { PhaseEvaluations, PhaseName, TrainingSettings } from "./continual/training.ts";
export { openModel, readLearned, type KnownConcept, type Learned } from "./continual/library-model.ts";
export { ClipFeatures } from "./diffusion/clip/clip-features.ts";
export { StableDiffusionPipeline, type GeneratedImage, type GenerateOptions } from "./diffusion/pipeline.ts";
export { createScheduler, NoiseSchedule, SCHEDULERS, type Scheduler } from "./diffusion/schedulers/index.ts";
export { ClipTokenizer } from "./diffusion/tokenizer/index.ts";
export { clipI, clipT } from "./evaluation/clip-scores.ts";
export { meanAndStandardError, type Estimate } from "./evaluation/estimate.ts";
export { gaussianKernel, medianDistance, polynomialKernel, type Features, type Kernel } from "./evaluation/kernels.ts";
export { kid, squaredMmd } from "./evaluation/mmd.ts";
export {
  dcAccuracy,
  measureRun,
  summarizeRuns,
  type RunMetrics,
  type SequencePictures,
} from "./evaluation/run-report.ts";
export { backwardTransfer, finalMean, plasticity, type SequenceMatrix } from "./evaluation/score-matrix.ts";
export {
  aMmd,
  fMmd,
  sequenceMetrics,
  type SequenceFeatures,
  type SequenceMetrics,
} from "./evaluation/sequence-metrics.ts";
export { KeepsakeError, type ErrorKind } from "./errors.ts";
export { PROVIDERS, type ProgramOptions, type Provider } from "./graph/index.ts";
export type { RgbImage } from "./io/image.ts";
