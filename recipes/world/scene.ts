/** @file A picture of the world as data, and how it is painted. */
import { backgroundKey, paintBackground, type Background } from "./backgrounds.ts";
import { Canvas, type Placement } from "./canvas.ts";
import type { ColorName } from "./color.ts";
import { levelFor, type Icons } from "./icons.ts";
import type { StyleName } from "./nouns.ts";
import { RandomStream } from "../../src/random/random.ts";
import { fit, type Garment, type Wardrobe } from "./wearing.ts";

export const SIZES = ["small", "medium", "big"] as const;
export type Size = (typeof SIZES)[number];
export const POSITIONS = ["center", "left", "right", "top", "bottom"] as const;
export type Position = (typeof POSITIONS)[number];

/** What the words of a caption say about where things are. */
export type Layout =
  | { readonly kind: "single"; readonly size: Size; readonly position: Position }
  | { readonly kind: "group"; readonly count: 2 | 3 } // of the same thing
  | { readonly kind: "pair"; readonly relation: "next to" | "above" }; // the first subject is above the second

/** One thing in the picture. */
export interface Subject extends Placement {
  readonly noun: string;
  readonly style: StyleName;
  /** The colour it was turned into; undefined for its own. */
  readonly color: ColorName | undefined;
  readonly wearing: Garment | undefined;
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
 * Whether the picture shows a combination of noun, background and colour that is kept for evaluation. It depends on the words
 * alone, so it is the same for every seed and every version of the sampler.
 */
export function isHeldOut(scene: Scene): boolean {
  return scene.subjects.some(({ noun, color }) => isHeldOutCombination(noun, backgroundKey(scene.background), color));
}

/** @param background As `backgroundKey` gives it. */
export function isHeldOutCombination(noun: string, background: string, color: ColorName | undefined): boolean {
  const key = `${noun}|${background}|${color ?? ""}`;
  let heldOut = heldOutByKey.get(key);
  if (heldOut === undefined) {
    heldOut = new RandomStream(0, "held out", key).integer(heldOutOneIn) === 0;
    heldOutByKey.set(key, heldOut);
  }
  return heldOut;
}

/** Where a garment is when its wearer is at `wearer`. */
function garmentPlacement(wearer: Subject, garment: Garment): Placement {
  const { x, y, size } = fit(garment.name, wearer.noun, wearer.style);
  const angle = (wearer.rotation * Math.PI) / 180;
  const right = (wearer.mirror ? 0.5 - x : x - 0.5) * wearer.scale;
  const down = (y - 0.5) * wearer.scale;
  return {
    x: wearer.x + right * Math.cos(angle) - down * Math.sin(angle),
    y: wearer.y + right * Math.sin(angle) + down * Math.cos(angle),
    scale: size * wearer.scale,
    rotation: wearer.rotation,
    mirror: wearer.mirror,
  };
}

/** Paints a scene on a square canvas of `size` pixels. */
export function paintScene(scene: Scene, size: number, icons: Icons, wardrobe: Wardrobe): Canvas {
  const canvas = new Canvas(size);
  paintBackground(canvas, scene.background);
  for (const subject of scene.subjects) {
    canvas.sprite(icons.bitmap(subject.noun, subject.style, subject.color, subject.scale * size), subject);
    if (subject.wearing !== undefined) {
      const place = garmentPlacement(subject, subject.wearing);
      canvas.sprite(levelFor(wardrobe.sprite(subject.wearing), place.scale * size), place);
    }
  }
  return canvas;
}
