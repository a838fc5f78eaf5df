/**
 * @file Antialiased scaling of 8-bit pictures, equal to Pillow's to the last bit: weights in fixed point, one pass per
 * axis, rounding to 8 bits after each. Bicubic is what CLIP was trained with; Lanczos keeps the most detail of a photo.
 *
 * Source: Pillow: src/libImaging/Resample.c (`precompute_coeffs`, `normalize_coeffs_8bpc`, `ImagingResampleInner`).
 */
import type { RgbImage } from "./rgb-image.ts";

/** A kernel, and the distance from its centre at which it becomes zero. */
interface ResampleKernel {
  readonly support: number;
  readonly weight: (distance: number) => number;
}

const kernels = {
  /** Keys' cubic convolution with a = -1/2 (Keys 1981). */
  bicubic: { support: 2, weight: cubic },
  /** The sinc function in a window of three lobes (Duchon 1979). */
  lanczos: { support: 3, weight: (distance) => (Math.abs(distance) < 3 ? sinc(distance) * sinc(distance / 3) : 0) },
} satisfies Record<string, ResampleKernel>;

/** The kernels that a picture can be scaled with. */
export type ResampleFilter = keyof typeof kernels;

function cubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Fractional bits of a weight: with 8 bits of a pixel and 2 for what overshoots, a sum fits into 32. */
const precisionBits = 32 - 8 - 2;

/** The part of a scaled axis that is kept: `length` pixels from `start`. */
export interface AxisWindow {
  readonly start: number;
  readonly length: number;
}

/** A picture's size after scaling, and what is kept of it. */
export interface ScaledWindow {
  readonly width: number;
  readonly height: number;
  readonly columns: AxisWindow;
  readonly rows: AxisWindow;
}

/** Which input pixels make up each kept pixel of an axis, and how much of each. */
interface AxisWeights {
  /** `[length]`: the first input pixel. */
  readonly first: Int32Array;
  /** `[length]`: how many input pixels. */
  readonly count: Int32Array;
  /** `[length, taps]`, in units of 2^-22. */
  readonly weights: Int32Array;
  readonly taps: number;
}

/** Of an axis that keeps its size, every pixel is itself: it is not filtered. */
function axisWeights(inputSize: number, size: number, kept: AxisWindow, kernel: ResampleKernel): AxisWeights {
  const { start, length } = kept;
  if (inputSize === size) {
    return {
      first: Int32Array.from({ length }, (_, i) => start + i),
      count: new Int32Array(length).fill(1),
      weights: new Int32Array(length).fill(2 ** precisionBits),
      taps: 1,
    };
  }
  const scale = inputSize / size;
  // When scaling down, the kernel is stretched over all the input pixels that one output pixel stands for.
  const stretch = Math.max(scale, 1);
  const support = kernel.support * stretch;
  const taps = Math.ceil(support) * 2 + 1;
  const [first, count] = [new Int32Array(length), new Int32Array(length)];
  const weights = new Int32Array(length * taps);
  for (let i = 0; i < length; i += 1) {
    const center = (start + i + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(inputSize, Math.trunc(center + support + 0.5));
    const exact = Array.from({ length: end - begin }, (_, j) =>
      kernel.weight((j + begin - center + 0.5) * (1 / stretch)),
    );
    const total = exact.reduce((sum, weight) => sum + weight, 0);
    for (const [j, weight] of exact.entries()) {
      const fixed = (weight / total) * 2 ** precisionBits;
      weights[i * taps + j] = Math.trunc(fixed + (fixed < 0 ? -0.5 : 0.5));
    }
    first[i] = begin;
    count[i] = end - begin;
  }
  return { first, count, weights, taps };
}

/**
 * Scales a picture to exactly `width` x `height` pixels. A size that does not change is not filtered.
 * @throws RangeError if a size is not a positive integer.
 */
export function resample(image: RgbImage, width: number, height: number, filter: ResampleFilter): RgbImage {
  for (const size of [width, height]) {
    if (!Number.isSafeInteger(size) || size < 1)
      throw new RangeError(`A picture cannot be scaled to ${width} x ${height}.`);
  }
  const [columns, rows] = [width, height].map((length) => ({ start: 0, length }));
  return resampleWindow(image, { width, height, columns, rows }, filter);
}

/**
 * A window of the picture scaled to `width` x `height`. Nothing else of the scaled picture is computed, which may be
 * thousands of times as large as the window.
 */
export function resampleWindow(
  image: RgbImage,
  { width, height, columns, rows }: ScaledWindow,
  filter: ResampleFilter,
): RgbImage {
  const kernel = kernels[filter];
  const across = axisWeights(image.width, width, columns, kernel);
  const down = axisWeights(image.height, height, rows, kernel);
  // The input rows that the kept rows are made of; `first` never falls.
  const last = rows.length - 1;
  const needed = { start: down.first[0], end: down.first[last] + down.count[last] };
  return scaleColumns(scaleRows(image, across, needed), down, needed.start);
}

/** {@link resample} with the bicubic kernel: Pillow's `Image.resize((width, height), Image.BICUBIC)`. */
export function resizeBicubicPil(image: RgbImage, width: number, height: number): RgbImage {
  return resample(image, width, height, "bicubic");
}

function toByte(sum: number): number {
  const value = sum >> precisionBits;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

const half = 1 << (precisionBits - 1);

/** The rows from `start` to `end`, each scaled. */
function scaleRows(
  { data, width: inputWidth }: RgbImage,
  { first, count, weights, taps }: AxisWeights,
  { start, end }: { readonly start: number; readonly end: number },
): RgbImage {
  const [width, height] = [first.length, end - start];
  const out = new Uint8Array(width * height * 3);
  for (let y = start, to = 0; y < end; y += 1) {
    const row = y * inputWidth * 3;
    for (let x = 0; x < width; x += 1, to += 3) {
      let [red, green, blue] = [half, half, half];
      for (let j = 0, from = row + first[x] * 3; j < count[x]; j += 1, from += 3) {
        const weight = weights[x * taps + j];
        red = (red + Math.imul(data[from], weight)) | 0;
        green = (green + Math.imul(data[from + 1], weight)) | 0;
        blue = (blue + Math.imul(data[from + 2], weight)) | 0;
      }
      out[to] = toByte(red);
      out[to + 1] = toByte(green);
      out[to + 2] = toByte(blue);
    }
  }
  return { width, height, data: out };
}

/** @param start Which row of the picture the first row of `data` is. */
function scaleColumns({ data, width }: RgbImage, axis: AxisWeights, start: number): RgbImage {
  const { first, count, weights, taps } = axis;
  const height = first.length;
  const stride = width * 3;
  const out = new Uint8Array(stride * height);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y += 1) {
    // Whole input rows one after the other: they lie in memory in this order.
    sums.fill(half);
    for (let j = 0; j < count[y]; j += 1) {
      const weight = weights[y * taps + j];
      const row = (first[y] - start + j) * stride;
      for (let x = 0; x < stride; x += 1) sums[x] += Math.imul(data[row + x], weight);
    }
    for (let x = 0; x < stride; x += 1) out[y * stride + x] = toByte(sums[x]);
  }
  return { width, height, data: out };
}

/**
 * Scales a picture until it just covers `width` x `height`, keeping its proportions, and cuts the middle out. For a
 * square this is torchvision's `Resize(size)` and `CenterCrop(size)`: the long side is rounded down, the margin to the
 * nearest even number when it is half a pixel.
 */
export function resizeToCover(image: RgbImage, width: number, height: number, filter: ResampleFilter): RgbImage {
  return resampleWindow(image, coveringWindow(image, width, height), filter);
}

/** What {@link resizeToCover} cuts out, and of which scaled size. */
export function coveringWindow(image: Pick<RgbImage, "width" | "height">, width: number, height: number): ScaledWindow {
  const wide = image.width * height > image.height * width;
  const scaledWidth = wide ? Math.max(width, Math.trunc((height * image.width) / image.height)) : width;
  const scaledHeight = wide ? height : Math.max(height, Math.trunc((width * image.height) / image.width));
  const columns = { start: halfToEven(scaledWidth - width), length: width };
  const rows = { start: halfToEven(scaledHeight - height), length: height };
  return { width: scaledWidth, height: scaledHeight, columns, rows };
}

/** Half of a non-negative integer, rounded to the nearest integer, ties to even, as Python's `round`. */
function halfToEven(value: number): number {
  const low = Math.floor(value / 2);
  return value % 2 === 0 ? low : low + (low % 2);
}
