/** @file The words that captions are made of, beside nouns, colours, marks and garments. */
import type { PlaceName } from "./places.ts";
import type { Position, Size } from "./scene.ts";

/** How a caption begins, each with its weight; `{}` is filled in. */
export const PREFIXES: Readonly<Record<string, number>> = {
  "{}": 0.4,
  "a photo of {}": 0.24,
  "a picture of {}": 0.11,
  "an image of {}": 0.04,
  "a drawing of {}": 0.07,
  "a sticker of {}": 0.03,
  "a rendering of {}": 0.02,
  "the photo of {}": 0.02,
  "a good photo of {}": 0.03,
  "a bright photo of {}": 0.02,
  "a cropped photo of {}": 0.01,
  "a close-up photo of {}": 0.01,
};
export const FILLERS = ["nice", "cool", "clean", "cute"] as const;
export const DETERMINERS = { a: 0.9, the: 0.05, one: 0.02, my: 0.03 };
export const SIZE_WORDS: Readonly<Record<Size, readonly string[]>> = {
  small: ["small", "little"],
  large: ["big", "large"],
};
/** Most things are large: it is seldom worth a word. */
export const LARGE_NAMED = 0.1;
export const POSITION_PHRASES: Readonly<Record<Position, readonly string[]>> = {
  center: ["in the middle", "in the center"],
  left: ["on the left", "on the left side"],
  right: ["on the right", "on the right side"],
};
export const PLACE_PHRASES: Readonly<Record<PlaceName, readonly string[]>> = {
  beach: ["on the beach", "on a beach", "at the beach"],
  snow: ["in the snow", "on the snow"],
  night: ["under the night sky", "in the night sky", "at night"],
  grass: ["on the grass", "on green grass", "in a meadow"],
  table: ["on a wooden table", "on a table", "on top of a wooden table"],
  sea: ["in the sea", "on the water", "in the ocean"],
  desert: ["in the desert", "in a desert"],
  city: ["in the city", "in a city", "with a city in the background"],
  forest: ["in the forest", "in a forest"],
  mountains: ["in the mountains", "with mountains in the background", "with a mountain in the background"],
};
export const PREPOSITIONS = { on: 0.8, "in front of": 0.12, with: 0.08 };
/** Other words that `captions.ts` puts together. */
export const JOINTS = [
  "an",
  "and",
  "two",
  "next to",
  "wearing",
  "with",
  "plain gradient striped stripes dots polka checks checkered from",
];
