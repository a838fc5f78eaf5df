/**
 * @file The part of the world that the UNet learns to draw, and in which order. Every icon needs thousands of views before its drawing can be recognised, so
 * the UNet is given a hundred nouns in two styles where CLIP and the VAE see them all.
 */
import { NOUNS } from "./nouns.ts";
import type { SampleOptions } from "./world.ts";

/** Thin, intricate, or much like another noun at 64 pixels. */
const LEFT_OUT = new Set(
  [
    "camel, hedgehog, sheep, spider, peacock, dolphin, wolf, tulip, eggplant, broccoli, fries, popcorn, cookie, pancakes, magnet",
    "hammer, kite, television, drum, boot, cap, bucket, handbag, trophy, scooter, tractor",
  ]
    .join(", ")
    .split(", "),
);

export const DRAWN_NOUNS: readonly string[] = NOUNS.map(({ name }) => name).filter((name) => !LEFT_OUT.has(name));

/** Mostly large things: a small one has 20 pixels to be drawn with, and teaches little. */
export const DRAWN_WORLD: SampleOptions = {
  nouns: DRAWN_NOUNS,
  styles: ["flat", "cartoon"],
  sizes: { big: 0.45, medium: 0.45, small: 0.1 },
  layouts: { single: 0.86, group: 0.08, pair: 0.06 },
  offCenter: 0.2,
  recolored: 0.25,
  wearing: 0.2,
};

/** Large single things, mostly in their own colours on plain backgrounds: shapes are learned from these. */
export const EASY_DRAWN_WORLD: SampleOptions = {
  ...DRAWN_WORLD,
  sizes: { big: 0.7, medium: 0.3 },
  layouts: { single: 1 },
  backgrounds: { plain: 0.85, gradient: 0.05, place: 0.1 },
  offCenter: 0.1,
  recolored: 0.15,
  wearing: 0.05,
};
