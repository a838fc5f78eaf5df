/**
 * @file From the pictures of a run to its measures, and from several runs to mean ± standard error.
 */
import type { ConceptConfidence } from "../classifier/concept-confidence.ts";
import type { ClipFeatures } from "../diffusion/clip/clip-features.ts";
import type { RgbImage } from "../io/images/rgb-image.ts";
import { meanAndStandardError, type Estimate } from "./estimate.ts";
import type { Kernel } from "./kernels.ts";
import { checkTriangle, type SequenceMatrix } from "./score-matrix.ts";
import { sequenceMetrics, type SequenceMetrics } from "./sequence-metrics.ts";

/** The pictures of one run. Concepts stand in the order in which they were learned. */
export interface SequencePictures {
  /** `heldOut[j]`: real pictures of concept j that it was not learned from, at least 2. */
  readonly heldOut: readonly (readonly RgbImage[])[];
  /** `generated[n][j]`: pictures of concept j, drawn after concept n was learned; at least 2. */
  readonly generated: SequenceMatrix<readonly RgbImage[]>;
  /**
   * `prompts[j][i]`: what picture i in every `generated[n][j]` shows, in words that CLIP knows: the class noun, not the
   * token.
   */
  readonly prompts: readonly (readonly string[])[];
}

export interface MeasureOptions {
  /** Of every MMD but KID's. Default `DEFAULT_KERNEL`. */
  readonly kernel?: Kernel;
  /** What the model's own classifier says at the end about held-out pictures, for the DC accuracy. */
  readonly confidence?: readonly ConceptConfidence[];
}

/** The measures of a run. */
export interface RunMetrics extends SequenceMetrics {
  /** Higher is better. Absent if the classifier was not asked. */
  readonly dcAccuracy?: number;
}

/**
 * Measures a run with a CLIP model's features.
 *
 * @throws RangeError for too few pictures, an incomplete matrix, or not as many concepts everywhere
 */
export async function measureRun(
  clip: ClipFeatures,
  { heldOut, generated, prompts }: SequencePictures,
  { kernel, confidence }: MeasureOptions = {},
): Promise<RunMetrics> {
  checkTriangle(generated);
  const features = {
    real: await each(heldOut, (images) => clip.ofImages(images)),
    generated: await each(generated, (row) => each(row, (images) => clip.ofImages(images))),
    prompts: await each(prompts, (texts) => clip.ofTexts(texts)),
  };
  return {
    ...sequenceMetrics(features, kernel),
    ...(confidence !== undefined && { dcAccuracy: dcAccuracy(confidence) }),
  };
}

/**
 * DC accuracy: the part of all held-out pictures for which the diffusion classifier finds the right concept (Jha et al.
 * 2025, section 5).
 *
 * @throws RangeError for no pictures
 */
export function dcAccuracy(confidence: readonly Pick<ConceptConfidence, "pictures" | "right">[]): number {
  const pictures = confidence.reduce((sum, concept) => sum + concept.pictures, 0);
  if (pictures === 0) throw new RangeError("no pictures were classified");
  return confidence.reduce((sum, concept) => sum + concept.right, 0) / pictures;
}

/** Measures of a run that are one number each. */
export type Measure = Exclude<keyof RunMetrics, "fidelity">;

const MEASURES: readonly Measure[] = [
  ...(["aMmd", "fMmd", "kid", "clipI", "clipT", "plasticity", "backwardTransfer", "dcAccuracy"] as const),
];

/**
 * Mean ± standard error of each measure over runs that differ in seed and order of the concepts. A measure that a run
 * lacks is left out. KID's is the error over runs too, not that of the single runs.
 *
 * @throws RangeError for no runs
 */
export function summarizeRuns(runs: readonly RunMetrics[]): Partial<Record<Measure, Estimate>> {
  if (runs.length === 0) throw new RangeError("there are no runs to summarize");
  const summary: Partial<Record<Measure, Estimate>> = {};
  for (const measure of MEASURES) {
    const values = runs.map((run) => valueOf(run[measure])).filter((value) => value !== undefined);
    if (values.length === runs.length) summary[measure] = meanAndStandardError(values);
  }
  return summary;
}

function valueOf(measured: number | Estimate | undefined): number | undefined {
  return typeof measured === "object" ? measured.value : measured;
}

/** One after another: they share a program. */
async function each<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await map(item));
  return results;
}
