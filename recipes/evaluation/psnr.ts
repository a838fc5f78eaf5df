/**
 * @file Peak signal-to-noise ratio of pictures in [-1, 1].
 */

/** Of one reconstruction, clamped to what a picture can show, in dB. */
export function psnr(reconstruction: Float32Array, original: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < original.length; i++) {
    squares += (Math.min(1, Math.max(-1, reconstruction[i])) - original[i]) ** 2;
  }
  return 10 * Math.log10(4 / (squares / original.length));
}
