/** @file What is behind the subjects: plain colours, gradients, patterns of two colours, places. */
import type { Canvas } from "./canvas.ts";
import {
  COLOR_NAMES,
  labFromRgb,
  labDistance,
  PALETTE,
  rgbFromLab,
  type ColorName,
  type Lab,
  type Rgb,
} from "./color.ts";
import { Dice } from "./dice.ts";
import { PLACE_COLORS, PLACE_NAMES, paintPlace, type PlaceName } from "./places.ts";

export const PATTERN_NAMES = ["stripes", "dots", "checks"] as const;
export type PatternName = (typeof PATTERN_NAMES)[number];
export type BackgroundKind = "plain" | "gradient" | PatternName | "place";

export type BackgroundDesign =
  | { readonly kind: "plain"; readonly color: ColorName }
  | { readonly kind: "gradient"; readonly color: ColorName /* above */; readonly second: ColorName /* below */ }
  | { readonly kind: PatternName; readonly color: ColorName; readonly second: ColorName /* of the dots */ }
  | { readonly kind: "place"; readonly place: PlaceName };

/** A background is its design, and a number that varies what no word describes: shades, widths, clouds. */
export type Background = BackgroundDesign & { readonly variation: number };

/** A short name of the design, the same for all variations. */
export function backgroundKey(background: BackgroundDesign): string {
  if (background.kind === "plain") return `plain ${background.color}`;
  if (background.kind === "place") return `place ${background.place}`;
  return `${background.kind} ${background.color} ${background.second}`;
}

/** The colours that a subject has to stand out from. */
export function backgroundColors(background: BackgroundDesign): readonly Rgb[] {
  if (background.kind === "plain") return [PALETTE[background.color]];
  if (background.kind === "place") return PLACE_COLORS[background.place];
  return [PALETTE[background.color], PALETTE[background.second]];
}

/** The same word, a slightly different colour. */
function shade(name: ColorName, dice: Dice): Rgb {
  const [lightness, a, b]: Lab = labFromRgb(PALETTE[name]);
  const vivid = dice.between(0.9, 1.06);
  return rgbFromLab([
    Math.min(0.99, lightness + dice.between(-0.025, 0.025)),
    a * vivid + dice.between(-0.006, 0.006),
    b * vivid + dice.between(-0.006, 0.006),
  ]);
}

/**
 * How much of a pixel the bands of a square wave cover: bands `duty` wide in every period of 1, edges one pixel wide.
 */
function bands(position: number, duty: number, pixelsPerPeriod: number): number {
  const phase = position - Math.floor(position);
  // The distance to the nearest edge, positive inside a band; the next band begins at 1.
  const distance = Math.max(Math.min(phase, duty - phase), phase - 1);
  return Math.min(1, Math.max(0, distance * pixelsPerPeriod + 0.5));
}

function paintPattern(canvas: Canvas, kind: PatternName, first: Rgb, second: Rgb, dice: Dice): void {
  const { size } = canvas;
  const period = dice.between(0.2, 0.3);
  const [shiftX, shiftY] = [dice.unit(), dice.unit()];
  const pixels = period * size;
  if (kind === "stripes") {
    const angle = dice.pick([0, Math.PI / 4, Math.PI / 2]);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    canvas.mix(first, second, (x, y) => bands((x * cos + y * sin) / period + shiftX, 0.5, pixels));
  } else if (kind === "checks") {
    canvas.mix(first, second, (x, y) => {
      const across = bands(x / period + shiftX, 0.5, pixels);
      const down = bands(y / period + shiftY, 0.5, pixels);
      return across + down - 2 * across * down;
    });
  } else {
    canvas.fill(first);
    const radius = period * dice.between(0.2, 0.27);
    const rows = Math.ceil(2 / period) + 2;
    for (let row = 0; row < rows; row += 1) {
      for (let column = -1; column < 1 / period + 1; column += 1) {
        const x = (column + shiftX + (row % 2 === 0 ? 0 : 0.5)) * period;
        canvas.ellipse(x, (row / 2 - 1 + shiftY) * period * 1.1, radius, radius, second);
      }
    }
  }
}

/** Covers the whole canvas. */
export function paintBackground(canvas: Canvas, background: Background): void {
  const dice = new Dice(background.variation, "background");
  switch (background.kind) {
    case "plain":
      canvas.fill(shade(background.color, dice));
      break;
    case "gradient":
      canvas.gradient(shade(background.color, dice), shade(background.second, dice));
      break;
    case "place":
      paintPlace(canvas, background.place, dice);
      break;
    case "stripes":
    case "dots":
    case "checks":
      paintPattern(canvas, background.kind, shade(background.color, dice), shade(background.second, dice), dice);
      break;
  }
}

/** The pairs of colours that can be told apart at a glance. */
const contrasting: readonly (readonly [ColorName, ColorName])[] = COLOR_NAMES.flatMap((first) =>
  COLOR_NAMES.filter((second) => labDistance(labFromRgb(PALETTE[first]), labFromRgb(PALETTE[second])) > 0.2).map(
    (second) => [first, second] as const,
  ),
);

/** A background of the given kind. */
export function randomBackground(kind: BackgroundKind, dice: Dice): Background {
  const variation = dice.integer(2 ** 24);
  if (kind === "plain") return { kind, color: dice.pick(COLOR_NAMES), variation };
  if (kind === "place") return { kind, place: dice.pick(PLACE_NAMES), variation };
  const [color, second] = dice.pick(contrasting);
  return { kind, color, second, variation };
}
