/** @file Arithmetic on whole samples: sums with coefficients, computed in float64 and stored in float32. */

/**
 * Σ coefficient · values, element by element.
 * @throws RangeError if the arrays differ in length.
 */
export function linearCombination(
  ...terms: readonly (readonly [coefficient: number, values: Float32Array])[]
): Float32Array {
  const length = terms[0]?.[1].length ?? 0;
  const sum = new Float64Array(length);
  for (const [coefficient, values] of terms) {
    if (values.length !== length) throw new RangeError(`arrays of ${length} and ${values.length} values do not add up`);
    for (let i = 0; i < length; i++) sum[i] += coefficient * values[i];
  }
  return Float32Array.from(sum);
}

/** Values limited to [-limit, limit]. */
export function clamp(values: Float32Array, limit: number): Float32Array {
  return values.map((value) => Math.min(Math.max(value, -limit), limit));
}

/**
 * signal · original + scale · noise, with coefficients for each batch item.
 * @param coefficients One pair for each of the equally large items that the arrays consist of.
 * @throws RangeError if the arrays differ in length or do not divide into that many items.
 */
export function mixNoise(
  original: Float32Array,
  noise: Float32Array,
  coefficients: readonly (readonly [signal: number, scale: number])[],
): Float32Array {
  const perItem = original.length / coefficients.length;
  if (noise.length !== original.length || !Number.isInteger(perItem)) {
    throw new RangeError(
      `${original.length} values with ${noise.length} of noise do not divide into ${coefficients.length} items`,
    );
  }
  const result = new Float32Array(original.length);
  for (const [item, [signal, scale]] of coefficients.entries()) {
    for (let i = item * perItem; i < (item + 1) * perItem; i++) {
      result[i] = signal * original[i] + scale * noise[i];
    }
  }
  return result;
}
