/**
 * @file Turns a picture into the input of CLIP's vision model (transformers: models/clip/image_processing_clip.py): short side scaled with an
 * antialiased bicubic filter, centre cropped, normalised. The filter is Pillow's (src/libImaging/Resample.c) to the bit, fixed-point
 * arithmetic included, because CLIP scores shift measurably with the resampler (Parmar et al. 2022).
 */
import type { RgbImage } from "../../io/image.ts";
import { ConfigReader, isObject } from "../config/config-reader.ts";

export interface ClipImageProcessorConfig {
  /** Length of the short side after scaling, in pixels. */
  readonly shortestEdge: number;
  /** Side of the square that is cut from the middle. */
  readonly cropSize: number;
  /** Per channel, of values in [0, 1]. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Parses preprocessor_config.json. @throws KeepsakeError naming file, option and value for anything malformed, unsupported or unknown. */
export function parseClipImageProcessorConfig(file: string, json: unknown): ClipImageProcessorConfig {
  // Sizes are either a number or an object with one meaning for each option.
  const flat = isObject(json) ? { ...json, ...flattenSizes(json) } : json;
  const reader = new ConfigReader(file, flat);
  for (const step of ["do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"])
    reader.only(step, true);
  reader.only("resample", 3);
  reader.only("rescale_factor", 1 / 255);
  reader.harmless("feature_extractor_type", "image_processor_type", "processor_class");
  const config: ClipImageProcessorConfig = {
    shortestEdge: reader.integer("size", 224),
    cropSize: reader.integer("crop_size", 224),
    mean: reader.triple("image_mean", [0.48145466, 0.4578275, 0.40821073]),
    std: reader.triple("image_std", [0.26862954, 0.26130258, 0.27577711]),
  };
  if (config.cropSize > config.shortestEdge) {
    throw reader.error("crop_size", `at most the length of the short side (size), which is ${config.shortestEdge}`);
  }
  reader.end();
  return config;
}

/** `[3, cropSize, cropSize]`, normalised. */
export function clipImageProcessor(image: RgbImage, config: ClipImageProcessorConfig): Float32Array {
  const { cropSize, mean, std } = config;
  const scaled = resizeShortestEdge(image, config.shortestEdge);
  const top = Math.floor((scaled.height - cropSize) / 2);
  const left = Math.floor((scaled.width - cropSize) / 2);
  const pixelValues = new Float32Array(3 * cropSize * cropSize);
  let index = 0;
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < cropSize; y++) {
      for (let x = 0; x < cropSize; x++) {
        const value = scaled.data[3 * ((top + y) * scaled.width + left + x) + channel] ?? 0;
        pixelValues[index++] = (value / 255 - (mean[channel] ?? 0)) / (std[channel] ?? 1);
      }
    }
  }
  return pixelValues;
}

function resizeShortestEdge({ data, width, height }: RgbImage, edge: number): RgbImage {
  const short = Math.min(width, height);
  const newWidth = Math.trunc((edge * width) / short);
  const newHeight = Math.trunc((edge * height) / short);
  const row = 3 * newWidth;
  // Pillow rounds to 8 bits after each of the two passes.
  const narrowed = resample(data, newWidth, {
    length: width,
    stride: 3,
    lines: height,
    lineStride: 3 * width,
    newLineStride: row,
  });
  const resized = resample(narrowed, newHeight, {
    length: height,
    stride: row,
    lines: newWidth,
    lineStride: 3,
    newLineStride: 3,
  });
  return { data: resized, width: newWidth, height: newHeight };
}

/** Where the pixels of one axis lie in an interleaved RGB array: `lines` lines of `length` pixels, `stride` bytes apart. */
interface Axis {
  readonly length: number;
  readonly stride: number;
  readonly lines: number;
  readonly lineStride: number;
  readonly newLineStride: number;
}

/** Fractional bits of the filter's weights. */
const precisionBits = 22;

function resample(source: Uint8Array, newLength: number, axis: Axis): Uint8Array {
  const { length, stride, lines, lineStride, newLineStride } = axis;
  if (newLength === length) return source;
  const result = new Uint8Array(newLength * lines * 3);
  for (let position = 0; position < newLength; position++) {
    const { first, weights } = filterWeights(position, length, newLength);
    for (let line = 0; line < lines; line++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 1 << (precisionBits - 1);
        for (const [i, weight] of weights.entries()) {
          sum += weight * (source[line * lineStride + (first + i) * stride + channel] ?? 0);
        }
        const value = Math.min(255, Math.max(0, sum >> precisionBits));
        result[line * newLineStride + position * stride + channel] = value;
      }
    }
  }
  return result;
}

/** The weights, in fixed point, of the source pixels from `first` on that make up one pixel of the result. */
function filterWeights(position: number, length: number, newLength: number): { first: number; weights: number[] } {
  const scale = length / newLength;
  const filterScale = Math.max(scale, 1);
  const support = 2 * filterScale;
  const center = (position + 0.5) * scale;
  const first = Math.max(0, Math.trunc(center - support + 0.5));
  const last = Math.min(length, Math.trunc(center + support + 0.5));
  const raw = Array.from({ length: last - first }, (_, i) => bicubic((first + i - center + 0.5) / filterScale));
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  const weights = raw.map((weight) => {
    const scaled = (weight / total) * 2 ** precisionBits;
    return Math.trunc(scaled + (scaled < 0 ? -0.5 : 0.5));
  });
  return { first, weights };
}

/** Keys' cubic convolution kernel with a = -1/2 (Keys 1981). */
function bicubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

/** `size: 224`, `size: {shortest_edge: 224}` and `crop_size: {height: 224, width: 224}` say the same. */
function flattenSizes(json: Record<string, unknown>): Record<string, unknown> {
  const flat: Record<string, unknown> = {};
  if (isObject(json.size) && Object.keys(json.size).join() === "shortest_edge") flat.size = json.size.shortest_edge;
  const crop = json.crop_size;
  if (isObject(crop) && Object.keys(crop).length === 2 && crop.height === crop.width) flat.crop_size = crop.height;
  return flat;
}
