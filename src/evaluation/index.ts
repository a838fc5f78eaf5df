/**
 * @file How well concepts were learned and kept: sequences in memory, the diffusion classifier, distances between sets
 * of pictures, CLIP scores.
 */
export type { Candidate } from "../classifier/candidate.ts";
export {
  ConceptClassifier,
  type ConceptClassification,
  type ConceptClassifierOptions,
} from "../classifier/concept-classifier.ts";
export { conceptConfidence, type ConceptConfidence, type ConceptPictures } from "../classifier/concept-confidence.ts";
export type { Answer, Verdict } from "../classifier/picture-answer.ts";
export { drawPreviews, type PreviewChange, type PreviewOptions, type Previews } from "../keepsake/previews/previews.ts";
export {
  learnSequence,
  type LearnedConcept,
  type SequenceConcept,
  type SequenceRequest,
  type SequenceStep,
} from "../learning/learn-sequence.ts";
export { learnedIn, openModel, readLearned, type Learned } from "../library/library-model.ts";
export type { Concept } from "../prompts/concept.ts";
export { Library } from "../library/library.ts";
export { encodePhotos, encodeTrainingPhotos, type TrainingPhoto } from "../training/photos/encode-photos.ts";
export { loadPhotos } from "../training/photos/photos.ts";
export { clipI, clipT } from "./clip-scores.ts";
export { meanAndStandardError, type Estimate } from "./estimate.ts";
export { gaussianKernel, medianDistance, polynomialKernel, type Features, type Kernel } from "./kernels.ts";
export { kid, squaredMmd } from "./mmd.ts";
export { dcAccuracy, measureRun, summarizeRuns, type RunMetrics, type SequencePictures } from "./run-report.ts";
export { backwardTransfer, finalMean, plasticity, type SequenceMatrix } from "./score-matrix.ts";
export { aMmd, fMmd, sequenceMetrics, type SequenceFeatures, type SequenceMetrics } from "./sequence-metrics.ts";
