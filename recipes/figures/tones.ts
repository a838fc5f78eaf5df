/** @file Colours as figures wear them: a shade of a colour word, its shadow and its outline. */
import {
  COLOR_NAMES,
  labDistance,
  labFromRgb,
  nameOfColor,
  PALETTE,
  rgbFromLab,
  type ColorName,
  type Lab,
} from "../world/color.ts";
import type { Dice } from "../world/dice.ts";

/** A colour of a figure, for SVG. */
export interface Tone {
  readonly fill: string;
  readonly shadow: string;
  readonly outline: string;
}

function hex(lab: Lab): string {
  return `#${rgbFromLab(lab)
    .map((channel) => Math.round(channel).toString(16).padStart(2, "0"))
    .join("")}`;
}

function toneOf([lightness, a, b]: Lab): Tone {
  const darker = (by: number): Lab => [Math.max(0.08, lightness - by), a * 0.92, b * 0.92];
  // The outline of what is black already is lighter, so that its parts can be told apart.
  const outline: Lab = lightness < 0.32 ? [lightness + 0.2, a, b - 0.01] : darker(0.1 + 0.22 * lightness);
  return { fill: hex([lightness, a, b]), shadow: hex(darker(0.075)), outline: hex(outline) };
}

/** The tone of an SVG colour "#rrggbb". */
export function tone(fill: string): Tone {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(fill.slice(at, at + 2), 16));
  return toneOf(labFromRgb([red, green, blue]));
}

/** A shade that everyone would call by that word, or nearly so: never one that another word fits. */
export function shadeOf(name: ColorName, dice: Dice): Tone {
  const [lightness, a, b] = labFromRgb(PALETTE[name]);
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const paler = dice.between(0.72, 1.04);
    const lab: Lab = [
      Math.min(0.98, Math.max(0.2, lightness + dice.between(-0.04, 0.05) + 0.1 * (1 - paler))),
      a * paler,
      b * paler,
    ];
    const word = nameOfColor(labFromRgb(rgbFromLab(lab)));
    if (word === undefined || word === name) return toneOf(lab);
  }
  return toneOf([lightness, a, b]);
}

/** Nearly white: bellies, faces, sails. */
export function pale(dice: Dice): Tone {
  return tone(dice.pick(["#fffaf0", "#fdf3e2", "#f4f8fc", "#f3e7f2", "#fbf4e8", "#eef6ee"]));
}

const labs = new Map(COLOR_NAMES.map((name) => [name, labFromRgb(PALETTE[name])]));

/** How far apart two colour words are, as `labDistance`. */
export function distanceOfColors(first: ColorName, second: ColorName): number {
  return labDistance(labs.get(first) ?? [0, 0, 0], labs.get(second) ?? [0, 0, 0]);
}

/** The colours that can be told from all of the others at a glance. */
export function contrasting(others: readonly ColorName[], least = 0.2): ColorName[] {
  return COLOR_NAMES.filter((name) => others.every((other) => distanceOfColors(name, other) > least));
}
