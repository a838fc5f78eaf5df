/**
 * @file Two uniform 32-bit words to two normal numbers (Box and Muller, 1958), with the same last bit on every machine.
 *
 * `Math.log` and `Math.cos` may differ in the last digit between engines and versions. Here they are series over the
 * operations that IEEE 754 defines exactly (+ - * / and the square root), good to about 1e-15, so a seed means the same
 * numbers for ever.
 */

const radiansPerWord = (2 * Math.PI) / 2 ** 32;

/** -ln((word + 1/2) / 2^32): never zero or infinite. `word` is an unsigned 32-bit integer. */
function negativeLog(word: number): number {
  const value = word + 0.5;
  // value = mantissa * 2^exponent with the mantissa in [sqrt(1/2), sqrt(2)), where the series is shortest.
  let exponent = 31 - Math.clz32(word);
  let mantissa = word === 0 ? 1 : value / powerOfTwo(exponent);
  if (mantissa >= Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  // ln(m) = 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...), s = (m - 1) / (m + 1), |s| < 0.172
  const s = (mantissa - 1) / (mantissa + 1);
  const z = s * s;
  let series = 1 / 21;
  for (let odd = 19; odd >= 1; odd -= 2) series = series * z + 1 / odd;
  return (32 - exponent) * Math.LN2 - 2 * s * series;
}

function powerOfTwo(exponent: number): number {
  return exponent === 31 ? 2147483648 : 1 << exponent;
}

/**
 * The Box-Muller transform, in float64.
 * @param radiusWord Unsigned 32-bit word that gives the distance from the origin; at most sqrt(66 ln 2) = 6.76.
 * @param angleWord Unsigned 32-bit word that gives the angle.
 * @param out Receives two independent numbers of the standard normal distribution at `offset` and `offset + 1`.
 */
export function boxMuller(radiusWord: number, angleWord: number, out: Float64Array, offset: number): void {
  const radius = Math.sqrt(2 * negativeLog(radiusWord));
  // The nearest quarter turn, and the angle that is left, in [-pi/4, pi/4): the word is split, so nothing is lost in
  // the reduction.
  const quarter = ((angleWord + 0x20000000) >>> 30) & 3;
  const angle = (((angleWord - (quarter << 30)) | 0) + 0.5) * radiansPerWord;
  const z = angle * angle;
  // Taylor series up to angle^16 / 16! and angle^17 / 17!; the first term left out is below 1e-17.
  let sine = 1;
  let cosine = 1;
  for (let n = 16; n >= 2; n -= 2) {
    sine = 1 - (z / (n * (n + 1))) * sine;
    cosine = 1 - (z / (n * (n - 1))) * cosine;
  }
  sine *= angle;
  const x = quarter === 0 ? cosine : quarter === 1 ? -sine : quarter === 2 ? -cosine : sine;
  const y = quarter === 0 ? sine : quarter === 1 ? cosine : quarter === 2 ? -sine : -cosine;
  out[offset] = radius * x;
  out[offset + 1] = radius * y;
}
