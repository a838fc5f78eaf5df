/** @file What all figures are designed with: colours by name, in many shades, and marks of one colour. */
import { COLOR_NAMES, labFromRgb, PALETTE, rgbFromLab, type ColorName } from "../world/color.ts";
import type { Dice } from "../world/dice.ts";
import { circle, heart, line, path, place, star } from "../concepts/svg.ts";

/** A colour, and the word for it. */
export interface Paint {
  readonly name: ColorName;
  /** For SVG. */
  readonly fill: string;
}

/** A shade of the colour: lighter or darker, and paler, within what the word still means. */
export function paint(name: ColorName, dice: Dice): Paint {
  const [lightness, a, b] = labFromRgb(PALETTE[name]);
  const paler = dice.between(0.45, 1.05);
  const lighter = dice.between(-0.06, 0.1) + 0.12 * (1 - paler);
  const rgb = rgbFromLab([Math.min(0.98, Math.max(0.12, lightness + lighter)), a * paler, b * paler]);
  return { name, fill: `#${rgb.map((channel) => Math.round(channel).toString(16).padStart(2, "0")).join("")}` };
}

/** Colours of different names. */
export function paints(count: number, dice: Dice): Paint[] {
  return dice.sampleOf(COLOR_NAMES, count).map((name) => paint(name, dice));
}

/** Nearly white: bellies, faces, clay. */
export function pale(dice: Dice): string {
  return dice.pick(["#fffaf0", "#fdf3e2", "#f4f8fc", "#f3e7f2", "#fbf4e8", "#f6ead4", "#eef6ee"]);
}

/** Marks around the origin, about `size` wide, by the word for them. */
const MARKS: Readonly<Record<string, (size: number, fill: string, dice: Dice) => string>> = {
  dots: (size, fill, dice) => {
    const count = 3 + dice.integer(3);
    return Array.from({ length: count }, (_, i) => {
      const angle = (2 * Math.PI * i) / count + 0.5;
      return circle(0.34 * size * Math.cos(angle), 0.34 * size * Math.sin(angle), 0.12 * size, fill);
    }).join("");
  },
  stripes: (size, fill, dice) => {
    const turn = dice.pick([0, 90, 35, -35]);
    const lines = [-0.3, 0, 0.3].map((at) => line(`M${at * size} ${-0.4 * size}V${0.4 * size}`, fill, 0.13 * size));
    return place(lines.join(""), 0, 0, turn);
  },
  heart: (size, fill) => heart(0.9 * size, fill),
  star: (size, fill, dice) => star(4 + dice.integer(4), 0.5 * size, 0.24 * size, fill),
  diamond: (size, fill) => {
    const half = 0.45 * size;
    return path(`M0 ${-half}L${0.7 * half} 0L0 ${half}L${-0.7 * half} 0Z`, fill);
  },
  ring: (size, fill) => circle(0, 0, 0.34 * size, "none", `stroke="${fill}" stroke-width="${0.16 * size}"`),
  cross: (size, fill) => line(`M0 ${-0.36 * size}V${0.36 * size}M${-0.36 * size} 0H${0.36 * size}`, fill, 0.2 * size),
  patch: (size, fill, dice) => circle(0, 0, dice.between(0.35, 0.5) * size, fill),
};

/** One mark of a colour, and how a caption says it: "with a red star". */
export interface Mark {
  readonly svg: string;
  readonly words: string;
}

/** What captions call the marks. */
export const MARK_WORDS: readonly string[] = Object.keys(MARKS);

export function randomMark(size: number, color: Paint, dice: Dice): Mark {
  const word = dice.pick(MARK_WORDS);
  const several = word === "dots" || word === "stripes";
  return {
    svg: MARKS[word](size, color.fill, dice),
    words: `${several ? "" : color.name === "orange" ? "an " : "a "}${color.name} ${word}`,
  };
}

/** A drawn figure, on a square of 200 by 200. */
export interface Figure {
  readonly noun: string;
  /** The colours that it shows most of, first. */
  readonly colors: readonly ColorName[];
  readonly marks: readonly Mark[];
  readonly svg: string;
}
