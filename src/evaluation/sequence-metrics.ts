/**
 * @file The paper's measures of one run: features of held-out and of generated pictures go in, numbers come out.
 */
import { clipI, clipT } from "./clip-scores.ts";
import { meanOf, type Estimate } from "./estimate.ts";
import type { Features, Kernel } from "./kernels.ts";
import { DEFAULT_KERNEL, kid, squaredMmd } from "./mmd.ts";
import {
  backwardTransfer,
  checkTriangle,
  finalMean,
  plasticity,
  scoresOf,
  type SequenceMatrix,
} from "./score-matrix.ts";

/** Features of one run, of length 1. Concepts stand in the order in which they were learned. */
export interface SequenceFeatures {
  /** `real[j]`: held-out pictures of concept j, at least 2. */
  readonly real: readonly Features[];
  /** `generated[n][j]`: pictures of concept j, drawn after concept n was learned; at least 2. */
  readonly generated: SequenceMatrix<Features>;
  /** `prompts[j][i]`: the prompt of picture i in every `generated[n][j]`. */
  readonly prompts: readonly Features[];
}

/** One run in numbers. MMD² of one kernel throughout. */
export interface SequenceMetrics {
  /** Lower is better: how far from the held-out pictures, at the end. */
  readonly aMmd: number;
  /** Lower is better: how far what is drawn has drifted. Absent for one concept. */
  readonly fMmd?: number;
  /** Lower is better: all pictures drawn at the end against all held-out ones. */
  readonly kid: Estimate;
  /** Higher is better, at the end; mean over the concepts. */
  readonly clipI: number;
  /** Higher is better, at the end; mean over the concepts. */
  readonly clipT: number;
  /** Lower is better: MMD² to the held-out pictures right after learning. */
  readonly plasticity: number;
  /** Of that MMD²; negative: forgetting. Absent for one concept. */
  readonly backwardTransfer?: number;
  /** `fidelity[n][j]`: MMD² to the held-out pictures of concept j after concept n was learned. */
  readonly fidelity: SequenceMatrix<number>;
}

/**
 * A_MMD = mean_j MMD²(X_j, Y_{N,j}) (Smith et al., "Continual Diffusion: Continual Customization of Text-to-Image
 * Diffusion with C-LoRA", section 4), where X_j are held-out pictures.
 *
 * @throws RangeError for too few pictures or an incomplete matrix
 */
export function aMmd({ real, generated }: Omit<SequenceFeatures, "prompts">, kernel: Kernel = DEFAULT_KERNEL): number {
  checkTriangle(generated);
  return meanOf(generated[generated.length - 1].map((drawn, j) => squaredMmd(real[j], drawn, kernel)));
}

/**
 * F_MMD = mean_{j<N} MMD²(Y_{j,j}, Y_{N,j}): the drift between what was drawn right after learning and what is drawn at
 * the end (as {@link aMmd}). Where the same seeds drew both, the pictures are paired and an unchanged concept has a
 * value slightly below 0. Undefined for one concept.
 *
 * @throws RangeError for too few pictures or an incomplete matrix
 */
export function fMmd(generated: SequenceMatrix<Features>, kernel: Kernel = DEFAULT_KERNEL): number | undefined {
  checkTriangle(generated);
  const last = generated[generated.length - 1].slice(0, -1);
  if (last.length === 0) return undefined;
  return meanOf(last.map((drawn, j) => squaredMmd(generated[j][j], drawn, kernel)));
}

/**
 * All measures of a run.
 *
 * @throws RangeError for too few pictures, an incomplete matrix, or not as many concepts everywhere
 */
export function sequenceMetrics(features: SequenceFeatures, kernel: Kernel = DEFAULT_KERNEL): SequenceMetrics {
  const { real, generated, prompts } = features;
  checkTriangle(generated);
  if (real.length !== generated.length || prompts.length !== generated.length) {
    throw new RangeError(
      `${generated.length} concepts were drawn, ${real.length} have pictures, ${prompts.length} prompts`,
    );
  }
  const atEnd = generated[generated.length - 1];
  const fidelity = scoresOf(generated, (drawn, j) => squaredMmd(real[j], drawn, kernel));
  const drift = fMmd(generated, kernel);
  const transfer = backwardTransfer(fidelity, "lower");
  return {
    aMmd: finalMean(fidelity),
    ...(drift !== undefined && { fMmd: drift }),
    kid: kid(real.flat(), atEnd.flat()),
    clipI: meanOf(atEnd.map((drawn, j) => clipI(drawn, real[j]))),
    clipT: meanOf(atEnd.map((drawn, j) => clipT(drawn, prompts[j]))),
    plasticity: plasticity(fidelity),
    ...(transfer !== undefined && { backwardTransfer: transfer }),
    fidelity,
  };
}
