/**
 * @file Philox4x32-10: a counter-based generator. A block of four random words is a pure function of a 128-bit counter
 * and a 64-bit key, so any block can be computed at any time, in any order, in any process.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011), section 4.3 and table 2.
 */

const rounds = 10;
/** The two multipliers of Philox4x32. */
const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;
/**
 * Added to the key from round to round: the golden ratio and the square root of three, minus one, as fractions of 2^32.
 */
const keyStep0 = 0x9e3779b9;
const keyStep1 = 0xbb67ae85;

/** The high 32 bits of the 64-bit product of two unsigned 32-bit words. `Math.imul` gives the low ones. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = Math.imul(aLow, bLow) >>> 16;
  // Neither sum can pass 2^32: 0xffff * 0xffff + 0xffff = 0xffff0000.
  const middle1 = (Math.imul(aHigh, bLow) >>> 0) + low;
  const middle2 = (Math.imul(aLow, bHigh) >>> 0) + (middle1 & 0xffff);
  return (Math.imul(aHigh, bHigh) + (middle1 >>> 16) + (middle2 >>> 16)) | 0;
}

/**
 * Computes one block of Philox4x32-10.
 * @param counter Four 32-bit words, lowest first.
 * @param key Two 32-bit words, lowest first.
 * @param block Receives the four random words. May be the same array as `counter`.
 */
export function philox4x32(counter: Uint32Array, key: Uint32Array, block: Uint32Array): void {
  let [x0, x1, x2, x3] = [counter[0], counter[1], counter[2], counter[3]];
  let [key0, key1] = [key[0], key[1]];
  for (let round = 0; round < rounds; round += 1) {
    const high0 = multiplyHigh(multiplier0, x0);
    const low0 = Math.imul(multiplier0, x0);
    const high1 = multiplyHigh(multiplier1, x2);
    const low1 = Math.imul(multiplier1, x2);
    x0 = high1 ^ x1 ^ key0;
    x1 = low1;
    x2 = high0 ^ x3 ^ key1;
    x3 = low0;
    key0 = (key0 + keyStep0) | 0;
    key1 = (key1 + keyStep1) | 0;
  }
  block[0] = x0;
  block[1] = x1;
  block[2] = x2;
  block[3] = x3;
}
