/**
 * @file Keepsake's public interface: teach a Stable Diffusion model one thing after another, and draw them. The graph compiler is published on
 * its own as "keepsake/graph".
 */
export { Lora, createLora, loraDelta, type LoraLayer } from "./adapters/lora.ts";
export type { AdaptedLayer, Adapter, AdapterKind } from "./adapters/adapter.ts";
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
export {
  discoverModules,
  parseTargets as parseLoraTargets,
  type AdaptableModules,
  type AdapterTargets as LoraTargets,
} from "./adapters/modules.ts";
export { createVera, Vera, type VeraLayer, type VeraProjections } from "./adapters/vera.ts";
export { readTokenEmbeddings, writeTokenEmbedding, type TokenEmbedding } from "./adapters/textual-inversion.ts";
export {
  classifyPictures,
  type ClassifiedPicture,
  type ClassifyProgress,
  type ClassifyRequest,
} from "./keepsake/classify.ts";
export type { Answer, Verdict } from "./classifier/picture-answer.ts";
export type { Candidate } from "./classifier/candidate.ts";
export {
  ConceptClassifier,
  type ConceptClassification,
  type ConceptClassifierOptions,
} from "./classifier/concept-classifier.ts";
export { conceptConfidence, type ConceptConfidence, type ConceptPictures } from "./classifier/concept-confidence.ts";
export { DenoisingError, type DenoisingBatch, type DenoisingErrorResult } from "./training/denoising-error.ts";
export { DenoiserPool, type DenoiserPoolOptions } from "./training/denoiser-pool.ts";
export { generatePictures, pictureFiles, type GenerateRequest } from "./keepsake/generate.ts";
export { initLibrary, type InitRequest } from "./keepsake/init.ts";
export { learnConcept, type LearnProgress, type LearnRequest, type LearnResult } from "./keepsake/learn.ts";
export {
  learnAndPreview,
  type LearnAndPreviewProgress,
  type LearnAndPreviewRequest,
  type LearnAndPreviewResult,
} from "./keepsake/learn-and-preview.ts";
export {
  learnAll,
  type LearnAllProgress,
  type LearnAllRequest,
  type SkippedThing,
  type Thing,
} from "./keepsake/learn-all.ts";
export { previewLastLearn, type PreviewReport, type PreviewRequest } from "./keepsake/preview-last-learn.ts";
export {
  drawPreviews,
  type PreviewChange,
  type PreviewOptions,
  type PreviewProgress,
  type Previews,
} from "./keepsake/previews.ts";
export { forgetConcept, type ForgetRequest, type ForgetResult } from "./library/forget.ts";
export {
  keepStates,
  libraryHistory,
  listConcepts,
  type ConceptFacts,
  type ConceptList,
  type KeepRequest,
  type LibraryHistory,
  type StateFacts,
} from "./library/history.ts";
export { Library } from "./library/library.ts";
export type { StrategyMemory, ConceptPlan, Objective, Strategy, StrategyDefinition } from "./training/strategy.ts";
export type { Manifest } from "./library/manifest/manifest.ts";
export {
  describeChange,
  type AdapterEntry,
  type Change,
  type ConceptEntry,
  type LibraryState,
  type StrategyEntry,
} from "./library/manifest/state.ts";
export { redo, undo, type RedoRequest, type UndoRequest, type UndoResult } from "./library/undo.ts";
export type { UnfinishedRun } from "./library/unfinished-run.ts";
export { unlearnConcept, type UnlearnRequest, type UnlearnResult } from "./keepsake/unlearn-concept.ts";
export { unlearn, type Unlearned, type UnlearningOptions, type UnlearningSettings } from "./keepsake/unlearning.ts";
export { verifyLibrary, type Finding, type VerifyReport } from "./keepsake/verify.ts";
export {
  learnSequence,
  type LearnedConcept,
  type SequenceConcept,
  type SequenceRequest,
  type SequenceStep,
} from "./learning/learn-sequence.ts";
export { encodePhotos, encodeTrainingPhotos, loadPhotos, type TrainingPhoto } from "./training/photos.ts";
export { describeRange, type OptionSpec, type OptionValue } from "./training/options.ts";
export { createStrategy, findStrategy, parseStrategyOptions, STRATEGIES } from "./strategies/registry.ts";
export type { PhaseEvaluations, PhaseName, TrainingSettings } from "./training/training-run.ts";
export { openModel, readLearned, type KnownConcept, type Learned } from "./library/library-model.ts";
export { ClipFeatures } from "./diffusion/clip/clip-features.ts";
export { StableDiffusionPipeline, type GeneratedImage, type GenerateOptions } from "./diffusion/pipeline.ts";
export { createScheduler, NoiseSchedule, schedulerNames, type Scheduler } from "./diffusion/schedulers/index.ts";
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
export type { RgbImage } from "./io/images/rgb-image.ts";
