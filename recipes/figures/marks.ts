/** @file Marks: small shapes of one colour that tell a figure from others of its kind, and that captions can name. */
import { circle, heart, line, path, place, spiral, star } from "../concepts/svg.ts";

export const MARK_KINDS = [
  "dots",
  "stripes",
  "chevrons",
  "checks",
  "heart",
  "star",
  "diamond",
  "ring",
  "cross",
  "spiral",
  "moon",
  "patch",
] as const;
export type MarkKind = (typeof MARK_KINDS)[number];

/** What stands in the plural: "with blue dots", but "with a blue star". */
const SEVERAL: ReadonlySet<MarkKind> = new Set(["dots", "stripes", "chevrons", "checks"]);

export function isSeveral(kind: MarkKind): boolean {
  return SEVERAL.has(kind);
}

const square = (x: number, y: number, side: number, fill: string) => path(`M${x} ${y}h${side}v${side}h${-side}Z`, fill);

/** Each fills a square of `size` around the origin. */
const SHAPES: Readonly<Record<MarkKind, (size: number, fill: string) => string>> = {
  dots: (size, fill) =>
    [
      [0, -0.3],
      [-0.3, 0.22],
      [0.3, 0.22],
    ]
      .map(([x, y]) => circle(x * size, y * size, 0.19 * size, fill))
      .join(""),
  stripes: (size, fill) =>
    [-0.36, 0, 0.36].map((y) => line(`M${-0.4 * size} ${y * size}H${0.4 * size}`, fill, 0.17 * size)).join(""),
  chevrons: (size, fill) =>
    [-0.3, 0.1]
      .map((y) =>
        line(
          `M${-0.42 * size} ${(y + 0.22) * size}L0 ${(y - 0.14) * size}L${0.42 * size} ${(y + 0.22) * size}`,
          fill,
          0.17 * size,
        ),
      )
      .join(""),
  checks: (size, fill) => {
    const side = size / 3;
    return [0, 2, 4, 6, 8]
      .map((i) => square(((i % 3) - 1.5) * side, (Math.floor(i / 3) - 1.5) * side, side, fill))
      .join("");
  },
  heart: (size, fill) => place(heart(1.12 * size, fill), 0, 0.06 * size),
  star: (size, fill) => place(star(5, 0.52 * size, 0.25 * size, fill), 0, 0.03 * size),
  diamond: (size, fill) => path(`M0 ${-0.54 * size}L${0.4 * size} 0L0 ${0.54 * size}L${-0.4 * size} 0Z`, fill),
  ring: (size, fill) => circle(0, 0, 0.37 * size, "none", `stroke="${fill}" stroke-width="${0.22 * size}"`),
  cross: (size, fill) =>
    path(
      `M${-0.16 * size} ${-0.5 * size}h${0.32 * size}v${0.34 * size}h${0.34 * size}v${0.32 * size}h${-0.34 * size}v${0.34 * size}h${-0.32 * size}v${-0.34 * size}h${-0.34 * size}v${-0.32 * size}h${0.34 * size}Z`,
      fill,
    ),
  spiral: (size, fill) => spiral(1.75, 0.46 * size, fill, 0.15 * size),
  moon: (size, fill) =>
    path(
      `M${0.18 * size} ${-0.5 * size}A${0.52 * size} ${0.52 * size} 0 1 0 ${0.18 * size} ${0.5 * size}A${0.58 * size} ${0.58 * size} 0 0 1 ${0.18 * size} ${-0.5 * size}Z`,
      fill,
    ),
  patch: (size, fill) =>
    path(
      `M${-0.5 * size} ${0.04 * size}C${-0.56 * size} ${-0.4 * size} ${-0.1 * size} ${-0.56 * size} ${0.2 * size} ${-0.44 * size}C${0.56 * size} ${-0.34 * size} ${0.54 * size} ${0.16 * size} ${0.34 * size} ${0.4 * size}C${0.1 * size} ${0.6 * size} ${-0.42 * size} ${0.5 * size} ${-0.5 * size} ${0.04 * size}Z`,
      fill,
    ),
};

/** The mark around the origin, about `size` wide. */
export function drawMark(kind: MarkKind, size: number, fill: string): string {
  return SHAPES[kind](size, fill);
}
