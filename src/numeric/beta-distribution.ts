/** @file The quantiles of the beta distribution, by bisection of its distribution function. */

/** Terms of the continued fraction; it converges in fewer for shapes around 1. */
const MOST_TERMS = 500;
const SMALLEST = 1e-300;

/**
 * The x below which a beta-distributed number stays with this probability (SciPy: `beta.ppf`).
 *
 * @param probability - from 0 to 1
 * @param a - shape, above 0
 * @param b - shape, above 0
 */
export function betaQuantile(probability: number, a: number, b: number): number {
  if (probability <= 0) return 0;
  if (probability >= 1) return 1;
  const mean = (a + 1) / (a + b + 2);
  const total = incompleteBeta(mean, a, b) + incompleteBeta(1 - mean, b, a);
  let low = 0;
  let high = 1;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) return middle;
    // The continued fraction converges fast below the mean, so the part above is taken from its other end.
    const below = middle <= mean ? incompleteBeta(middle, a, b) : total - incompleteBeta(1 - middle, b, a);
    if (below < probability * total) low = middle;
    else high = middle;
  }
}

/** ∫ t^(a-1) (1-t)^(b-1) dt from 0 to x by its continued fraction (DLMF 8.17.22), evaluated by Lentz's method. */
function incompleteBeta(x: number, a: number, b: number): number {
  let numerator = 1;
  let denominator = 1 / nonzero(1 - ((a + b) * x) / (a + 1));
  let fraction = denominator;
  for (let m = 1; m <= MOST_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let factor = 1;
    for (const coefficient of [even, odd]) {
      denominator = 1 / nonzero(1 + coefficient * denominator);
      numerator = nonzero(1 + coefficient / numerator);
      factor = numerator * denominator;
      fraction *= factor;
    }
    if (Math.abs(factor - 1) < Number.EPSILON) break;
  }
  return (x ** a * (1 - x) ** b * fraction) / a;
}

function nonzero(value: number): number {
  return Math.abs(value) < SMALLEST ? SMALLEST : value;
}
