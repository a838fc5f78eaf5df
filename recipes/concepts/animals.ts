/** @file The animals among the concepts: two cats that are easily confused, a dog, a rabbit. */
import type { Animal } from "./animal.ts";
import { circle, ellipse, heart, inside, line, path, place, spiral, star } from "./svg.ts";

function catEar(side: 1 | -1, outer: string, inner: string): string {
  return (
    path(`M${16 * side} -34L${46 * side} -66Q${52 * side} -68 ${52 * side} -58L${50 * side} -10Z`, outer) +
    path(`M${26 * side} -34L${44 * side} -54L${45 * side} -22Z`, inner)
  );
}

/** A cream cat with a coral spiral on its forehead, one brown ear, and eyes of two colours. */
export const mochi: Animal = {
  fur: "#f7e2c0",
  belly: "#fdf3e2",
  paws: "#fdf3e2",
  nose: "#e86f6a",
  blush: "#f7b9a8",
  irises: ["#39b3a6", "#f0b02e"],
  whiskers: true,
  ears: catEar(-1, "#7a4b35", "#e9a48c") + catEar(1, "#f7e2c0", "#f3b9a6"),
  headMarks: place(spiral(1.75, 19, "#e8663f", 6.5), 2, -24) + ellipse(-52, 12, 15, 11, "#7a4b35"),
  bodyMarks: circle(0, -4, 9, "#e8663f") + circle(-14, 18, 9, "#e8663f") + circle(14, 18, 9, "#e8663f"),
  tail:
    line("M0 0Q-6 -30 6 -56", "#f7e2c0", 19) +
    line("M-2.200 -20L-1.600 -28", "#e8663f", 19) +
    line("M2 -44Q3 -50 6 -56", "#7a4b35", 19),
  muzzle: "",
};

/** A cream cat with a slate star over one eye, a slate ear on the other side, and a zigzag across its chest. */
export const tofu: Animal = {
  fur: "#f4e6cf",
  belly: "#fbf4e8",
  paws: "#64748f",
  nose: "#d98a94",
  blush: "#f2c3b8",
  irises: ["#8fc24a", "#8fc24a"],
  whiskers: true,
  ears: catEar(-1, "#f4e6cf", "#eec0b2") + catEar(1, "#64748f", "#c9b5bd"),
  headMarks: place(star(5, 32, 15, "#64748f"), -20, 0) + line("M10 -42V-26M24 -42V-24M38 -40V-28", "#64748f", 6.5),
  bodyMarks: line("M-46 -2L-30 16L-15 -2L0 16L15 -2L30 16L46 -2", "#64748f", 10),
  tail: line("M0 0Q-6 -30 6 -56", "#64748f", 19) + line("M-1 -16L-1 -22M0 -34L1 -40", "#f4e6cf", 17),
  muzzle: "",
};

function floppyEar(side: 1 | -1): string {
  const shape = path(
    `M${24 * side} -40Q${66 * side} -56 ${70 * side} -6Q${72 * side} 26 ${54 * side} 24Q${42 * side} 22 ${42 * side} -10Z`,
    "#27406f",
  );
  const dots = [
    [50, -34],
    [61, -16],
    [52, -2],
    [62, 10],
  ].map(([x, y]) => circle(x * side, y, 6.5, "#ffffff"));
  return shape + inside(side < 0 ? "leftEar" : "rightEar", shape, dots.join(""));
}

/** A sky-blue dog with dotted ears, a heart around one eye, and an orange nose. */
export const pogo: Animal = {
  fur: "#9cc7ec",
  belly: "#f4f8fc",
  paws: "#f4f8fc",
  nose: "#f08a2c",
  blush: "#f5a9b4",
  irises: ["#5a3b22", "#5a3b22"],
  whiskers: false,
  ears: floppyEar(-1) + floppyEar(1),
  headMarks: place(heart(54, "#27406f"), 22, 5) + path("M-10 -50H10L3 -18Q0 -12 -3 -18Z", "#f4f8fc"),
  bodyMarks: line("M-24 8L-12 -6L0 8L12 -6L24 8", "#f08a2c", 9) + line("M-24 28L-12 14L0 28L12 14L24 28", "#27406f", 9),
  tail: line("M0 0Q2 -18 16 -34", "#9cc7ec", 17) + line("M12 -30L16 -34", "#27406f", 17),
  muzzle: ellipse(0, 22, 23, 16, "#f4f8fc"),
};

/** A rabbit whose left half is mint and whose right half is lilac, with a bent ear and triangles on its cheek. */
export const pip: Animal = {
  fur: "#a9dfc2",
  belly: "#fffaf0",
  paws: "#fffaf0",
  nose: "#f0708c",
  blush: "#f7b4c0",
  irises: ["#7a4fb0", "#2f8f72"],
  whiskers: false,
  ears:
    place(ellipse(0, -34, 14, 40, "#a9dfc2") + ellipse(0, -32, 7, 30, "#f9c6cf"), -22, -26, -8) +
    path("M12 -38Q14 -84 32 -84Q40 -84 62 -62Q70 -50 58 -44Q46 -42 40 -56L38 -30Z", "#c6aee8") +
    path("M38 -72L60 -57L44 -54Z", "#7a4fb0"),
  headMarks:
    path("M0 -50H60V50H0Q10 24 0 0Q-10 -24 0 -50Z", "#c6aee8") +
    path("M-40 -16H-18L-29 -37ZM-60 14H-40L-50 -7Z", "#2f8f72"),
  bodyMarks: path("M30 -50H60V50H30Z", "#c6aee8") + path("M-11 6H11L0 -14ZM-24 29H-2L-13 9ZM2 29H24L13 9Z", "#f0a03c"),
  tail: circle(0, -10, 15, "#fffaf0"),
  muzzle: path("M-4.500 22H4.500V31Q0 34 -4.500 31Z", "#ffffff", 'stroke="#cdbfc8" stroke-width="1"'),
};
