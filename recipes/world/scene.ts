/** @file A picture of the world as data, and how it is painted. */
import { backgroundKey, paintBackground, type Background } from "./backgrounds.ts";
import { levelFor, type Sprite } from "./bitmap.ts";
import { Canvas, type Placement } from "./canvas.ts";
import type { ColorName } from "./color.ts";
import { RandomStream } from "../../src/random/random.ts";
import type { Figure } from "../figures/figures.ts";

export const SIZES = ["small", "large"] as const;
export type Size = (typeof SIZES)[number];
export const POSITIONS = ["center", "left", "right"] as const;
export type Position = (typeof POSITIONS)[number];

/** What the words of a caption say about where things are. */
export type Layout =
  /** Large things are in the middle. */
  | { readonly kind: "single"; readonly size: Size; readonly position: Position }
  /** The same thing twice. */
  | { readonly kind: "two" }
  /** Two different things, side by side. */
  | { readonly kind: "pair" };

/** One thing in the picture. */
export interface Subject extends Placement {
  readonly figure: Figure;
}

export interface Scene {
  readonly background: Background;
  readonly layout: Layout;
  /** Painted in this order. */
  readonly subjects: readonly Subject[];
}

/** One in this many combinations is never trained on. */
const heldOutOneIn = 12;
const heldOutByKey = new Map<string, boolean>();

/**
 * Whether the picture shows a combination of noun, background and colour that is kept for evaluation. It depends on the
 * words alone, so it is the same for every seed and every version of the sampler.
 */
export function isHeldOut({ background, subjects }: Scene): boolean {
  const key = backgroundKey(background);
  return subjects.some(({ figure: { noun, colors } }) => isHeldOutCombination(noun, key, colors[0]));
}

/** @param background As `backgroundKey` gives it. */
export function isHeldOutCombination(noun: string, background: string, color: ColorName): boolean {
  const key = `${noun}|${background}|${color}`;
  let heldOut = heldOutByKey.get(key);
  if (heldOut === undefined) {
    heldOut = new RandomStream(0, "held out", key).integer(heldOutOneIn) === 0;
    heldOutByKey.set(key, heldOut);
  }
  return heldOut;
}

/**
 * Paints a scene on a square canvas of `size` pixels.
 * @param sprites - of its subjects
 */
export function paintScene({ background, subjects }: Scene, size: number, sprites: readonly Sprite[]): Canvas {
  const canvas = new Canvas(size);
  paintBackground(canvas, background);
  subjects.forEach((subject, i) => {
    canvas.sprite(levelFor(sprites[i], subject.scale * size), subject);
  });
  return canvas;
}
