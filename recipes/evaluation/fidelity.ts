/**
 * @file How true a picture is to another, and how sharp it is. Pictures are `[3, size, size]`, -1 to 1, clamped to what
 * can be shown.
 */

const clamped = (value: number): number => Math.min(1, Math.max(-1, value));

/** 10 log₁₀(range² / mean squared error), in dB. */
function ratioOf(first: Float32Array, second: Float32Array, range: number): number {
  let squares = 0;
  for (let i = 0; i < second.length; i++) squares += (first[i] - second[i]) ** 2;
  return 10 * Math.log10(range ** 2 / (squares / second.length));
}

/** Peak signal-to-noise ratio of a reconstruction, in dB. */
export function psnr(reconstruction: Float32Array, original: Float32Array): number {
  return ratioOf(reconstruction.map(clamped), original.map(clamped), 2);
}

/**
 * The magnitude of Sobel's gradient at each pixel that has eight neighbours, of the mean of the channels:
 * `[size - 2, size - 2]`.
 */
export function edges(picture: Float32Array): Float32Array {
  const area = picture.length / 3;
  const size = Math.sqrt(area);
  const gray = Float32Array.from({ length: area }, (_, i) => {
    return (clamped(picture[i]) + clamped(picture[area + i]) + clamped(picture[2 * area + i])) / 3;
  });
  const inner = size - 2;
  const out = new Float32Array(inner * inner);
  for (let row = 0; row < inner; row++) {
    for (let column = 0; column < inner; column++) {
      const at = (y: number, x: number) => gray[(row + y) * size + column + x];
      const right = at(0, 2) + 2 * at(1, 2) + at(2, 2) - at(0, 0) - 2 * at(1, 0) - at(2, 0);
      const down = at(2, 0) + 2 * at(2, 1) + at(2, 2) - at(0, 0) - 2 * at(0, 1) - at(0, 2);
      out[row * inner + column] = Math.hypot(right, down);
    }
  }
  return out;
}

/** The same ratio of the edges, whose range is 8: fine marks and outlines count, even areas do not. */
export function edgePsnr(reconstruction: Float32Array, original: Float32Array): number {
  return ratioOf(edges(reconstruction), edges(original), 8);
}

/** The mean of the strongest twentieth of the edges: what is soft has few strong ones. */
export function sharpness(picture: Float32Array): number {
  const strongest = edges(picture)
    .sort((a, b) => b - a)
    .subarray(0, Math.ceil((Math.sqrt(picture.length / 3) - 2) ** 2 / 20));
  return strongest.reduce((sum, value) => sum + value, 0) / strongest.length;
}
