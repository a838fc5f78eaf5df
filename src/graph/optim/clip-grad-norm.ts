/** @file Gradient clipping by the global norm, as torch.nn.utils.clip_grad_norm_. */

/**
 * Scales all gradients, in place, by `min(1, maxNorm / (norm + 1e-6))`, where `norm` is the l2 norm of all of them
 * together. A norm that is not finite makes the gradients so too, as in torch: look at the result before stepping.
 *
 * @param maxNorm larger than 0; Infinity only measures.
 * @returns the norm before clipping (accumulated in float64).
 */
export function clipGradNorm(gradients: readonly Float32Array[], maxNorm: number): number {
  if (!(maxNorm > 0)) throw new RangeError(`clipGradNorm: maxNorm must be larger than 0, got ${maxNorm}`);
  let sumOfSquares = 0;
  for (const gradient of gradients) {
    for (const g of gradient) sumOfSquares += g * g;
  }
  const norm = Math.sqrt(sumOfSquares);
  const coefficient = Math.fround(maxNorm / (norm + 1e-6));
  // Not "< 1": a norm of NaN must reach the gradients.
  if (!(coefficient >= 1)) {
    for (const gradient of gradients) {
      for (let i = 0; i < gradient.length; i++) gradient[i] *= coefficient;
    }
  }
  return norm;
}
