/**
 * @file Turns a picture into the input of CLIP's vision model (transformers: models/clip/image_processing_clip.py):
 * short side scaled with Pillow's antialiased bicubic filter, centre cropped, normalised.
 */
import type { RgbImage } from "../../io/images/rgb-image.ts";
import { resampleWindow } from "../../io/images/resample.ts";
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

/**
 * Parses preprocessor_config.json. @throws KeepsakeError naming file, option and value for anything malformed,
 * unsupported or unknown.
 */
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
  const short = Math.min(image.width, image.height);
  const newLength = (length: number): number => Math.trunc((config.shortestEdge * length) / short);
  const [width, height] = [newLength(image.width), newLength(image.height)];
  const middle = (length: number) => ({ start: Math.floor((length - cropSize) / 2), length: cropSize });
  const window = { width, height, columns: middle(width), rows: middle(height) };
  const { data } = resampleWindow(image, window, "bicubic");
  const pixelValues = new Float32Array(3 * cropSize * cropSize);
  let index = 0;
  for (let channel = 0; channel < 3; channel++) {
    for (let i = channel; i < data.length; i += 3) {
      pixelValues[index++] = (data[i] / 255 - mean[channel]) / std[channel];
    }
  }
  return pixelValues;
}

/** `size: 224`, `size: {shortest_edge: 224}` and `crop_size: {height: 224, width: 224}` say the same. */
function flattenSizes(json: Record<string, unknown>): Record<string, unknown> {
  const flat: Record<string, unknown> = {};
  if (isObject(json.size) && Object.keys(json.size).join() === "shortest_edge") flat.size = json.size.shortest_edge;
  const crop = json.crop_size;
  if (isObject(crop) && Object.keys(crop).length === 2 && crop.height === crop.width) flat.crop_size = crop.height;
  return flat;
}
