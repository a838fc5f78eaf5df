/**
 * @file What makes each animal out: ears, muzzle, tail, and where things go on its head.
 *
 * Long because it is one table: an animal is drawn with an eye on the others, from which it must be told.
 */
import { circle, ellipse, line, mouth, path, place } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";
import type { Tone } from "./tones.ts";

/** Heads are drawn around the origin, `radiusX` to either side. */
export interface Head {
  readonly radiusX: number;
  readonly radiusY: number;
}

export interface Species {
  /** Behind the head. */
  readonly behind: (s: Sketch, head: Head) => string;
  /** Between the head and the eyes: cheeks, patches, muzzles. */
  readonly face: (s: Sketch, head: Head) => string;
  /** Nose, mouth, trunk: over the eyes. */
  readonly front: (s: Sketch, head: Head) => string;
  /** From the origin upwards, about 60 long. */
  readonly tail: (s: Sketch) => string;
  readonly limbs: (s: Sketch) => Tone;
  /** Of the belly: the fur itself, or pale. */
  readonly belly: (s: Sketch) => Tone;
  readonly headSize: readonly [radiusX: number, radiusY: number];
  /** How far the head is lowered, for long ears. */
  readonly lowered?: number;
  /** Default: thrown. */
  readonly eyesAt?: readonly [distance: number, y: number];
  /** The mark on the forehead. */
  readonly foreheadAt?: readonly [y: number, size: number];
  readonly cheeksAt?: readonly [distance: number, y: number];
  /** Where a hat stands; default: on the head's outline. */
  readonly hatAt?: number;
  /** Paws are never pale. */
  readonly hasPlainPaws?: boolean;
  /** Bent hind legs, seen beside the body when it sits. */
  readonly hasHaunches?: boolean;
}

export const both = (draw: (side: 1 | -1) => string): string => draw(-1) + draw(1);

function smile(s: Sketch, y: number, width = 22): string {
  return place(mouth(width, s.pose.expression), 0, y);
}

function nose(y: number, size: number, fill: string): string {
  return path(
    `M${-size} ${y}Q0 ${y - 0.7 * size} ${size} ${y}Q${0.7 * size} ${y + size} 0 ${y + 1.2 * size}Q${-0.7 * size} ${y + size} ${-size} ${y}Z`,
    fill,
  );
}

function longTail(s: Sketch, width: number): string {
  return s.limb("M0 4C-14 -26 22 -36 8 -64", width, s.main) + line("M13 -46Q14 -54 8 -64", s.second.fill, width);
}

const paleOrFur = (s: Sketch): Tone => (s.dice.chance(0.6) ? s.pale : s.main);

export const SPECIES = {
  cat: {
    headSize: [56, 45],
    behind: (s, { radiusX }) => {
      const tip = s.dice.between(0.8, 0.98) * radiusX;
      const height = s.dice.between(70, 80);
      const fill = s.dice.chance(0.35) ? s.second : s.main;
      return both(
        (side) =>
          s.form(
            `M${8 * side} -38L${tip * side} ${-height}Q${(radiusX + 2) * side} -40 ${(radiusX - 2) * side} -6Z`,
            fill,
          ) + path(`M${24 * side} -38L${(tip - 4) * side} ${-height + 15}L${(radiusX - 9) * side} -20Z`, "#f4b4a8"),
      );
    },
    face: (s) => ellipse(-9, 22, 13, 11, s.pale.fill) + ellipse(9, 22, 13, 11, s.pale.fill),
    front: (s) =>
      both((side) => line(`M${30 * side} 14L${66 * side} 8M${30 * side} 21L${66 * side} 24`, s.ink, 2.4)) +
      smile(s, 20) +
      nose(11, 7, "#e8707a"),
    tail: (s) => longTail(s, 17),
    limbs: (s) => s.main,
    belly: paleOrFur,
  },
  dog: {
    headSize: [50, 46],
    behind: () => "",
    face: (s) => {
      const patch = s.dice.chance(0.4) && !s.hasMark(0) ? ellipse(24, -4, 19, 22, s.second.fill) : "";
      const low = s.dice.between(22, 40);
      const ear = (side: 1 | -1) =>
        s.form(
          `M${22 * side} -44Q${66 * side} -62 ${72 * side} -14Q${74 * side} ${low} ${58 * side} ${low}Q${44 * side} ${low} ${42 * side} -14Q${38 * side} -32 ${22 * side} -44Z`,
          s.second,
        );
      return patch + ellipse(0, 25, 27, 19, s.pale.fill) + both(ear);
    },
    front: (s) => {
      const tongue = s.pose.expression === "happy" || s.pose.expression === "wink";
      return (
        (tongue ? path("M1 32H15V42Q15 50 8 50Q1 50 1 42Z", "#f07a8a") : "") + smile(s, 26, 24) + nose(11, 12, s.ink)
      );
    },
    tail: (s) => s.limb("M0 0Q8 -18 26 -34", 16, s.main),
    limbs: (s) => s.main,
    belly: paleOrFur,
  },
  rabbit: {
    headSize: [50, 43],
    lowered: 20,
    behind: (s) => {
      const [length, turn, bent] = [s.dice.between(36, 44), s.dice.between(4, 18), s.dice.chance(0.2)];
      return both((side) => {
        const ear =
          s.oval(0, 6 - length, 15, length, s.main) + ellipse(0, 10 - length, 8, length * 0.74, s.second.fill);
        return place(ear, 23 * side, -26, bent && side > 0 ? 58 : turn * side);
      });
    },
    face: (s) => ellipse(-11, 21, 15, 12, s.pale.fill) + ellipse(11, 21, 15, 12, s.pale.fill),
    front: (s) =>
      path("M-8 25H8V37Q8 40 4 40H-4Q-8 40 -8 37Z", "#ffffff", 'stroke="#b9b0ba" stroke-width="2"') +
      line("M0 25V39", "#b9b0ba", 1.6) +
      smile(s, 19, 18) +
      nose(10, 7, "#ee7f93"),
    tail: (s) => s.oval(2, -8, 17, 16, s.pale),
    limbs: (s) => s.main,
    belly: (s) => s.pale,
  },
  bear: {
    headSize: [54, 47],
    behind: (s) => {
      const radius = s.dice.between(18, 23);
      return both(
        (side) => s.oval(40 * side, -36, radius, radius, s.main) + circle(40 * side, -34, radius * 0.55, s.second.fill),
      );
    },
    face: (s) => ellipse(0, 22, 28, 21, s.pale.fill),
    front: (s) => smile(s, 24, 24) + nose(8, 13, s.ink),
    tail: (s) => s.oval(0, -6, 12, 12, s.main),
    limbs: (s) => s.main,
    belly: paleOrFur,
  },
  panda: {
    headSize: [57, 47],
    hasPlainPaws: true,
    behind: (s) => {
      const radius = s.dice.between(18, 22);
      return both((side) => s.oval(42 * side, -36, radius, radius, s.second));
    },
    face: (s) =>
      both((side) => place(ellipse(0, 0, 17, 21, s.second.fill), 24 * side, 6, 24 * side)) +
      ellipse(0, 25, 20, 14, s.pale.fill),
    front: (s) => smile(s, 27, 18) + nose(15, 9, s.ink),
    tail: (s) => s.oval(0, -6, 11, 11, s.main),
    limbs: (s) => s.second,
    belly: (s) => s.main,
  },
  fox: {
    headSize: [54, 42],
    cheeksAt: [70, 4],
    behind: (s) => {
      const height = s.dice.between(74, 86);
      return both(
        (side) =>
          s.form(`M${8 * side} -34L${48 * side} ${-height}L${56 * side} -4Z`, s.main) +
          path(`M${36.5 * side} ${-height + 21}L${48 * side} ${-height}L${50.5 * side} ${-height + 24}Z`, s.ink) +
          path(`M${26 * side} -36L${43 * side} ${-height + 22}L${48 * side} -18Z`, s.pale.fill),
      );
    },
    face: (s) =>
      s.form("M-42 -24Q0 -46 42 -24Q62 4 74 14Q50 40 0 48Q-50 40 -74 14Q-62 4 -42 -24Z", s.main) +
      both((side) =>
        path(`M0 46Q${6 * side} 8 ${30 * side} 10Q${50 * side} 14 ${73 * side} 15Q${50 * side} 40 0 47Z`, s.pale.fill),
      ),
    front: (s) => smile(s, 32, 18) + nose(22, 10, s.ink),
    tail: (s) =>
      s.form("M-4 6C-34 -24 -16 -64 18 -84C36 -56 34 -10 10 6Z", s.main) +
      path("M-14 -52Q-4 -72 18 -84Q29 -66 28 -48L16 -56L7 -46L-2 -56Z", s.pale.fill),
    limbs: (s) => s.main,
    belly: (s) => s.pale,
  },
  lion: {
    headSize: [45, 41],
    behind: (s) => {
      const [count, reach] = [s.dice.pick([11, 13, 15]), s.dice.between(60, 66)];
      const tufts = Array.from({ length: count }, (_, i) => {
        const angle = (2 * Math.PI * i) / count;
        return s.oval(0.74 * reach * Math.cos(angle), 0.72 * reach * Math.sin(angle) + 1, 17, 17, s.second);
      });
      return (
        tufts.join("") +
        circle(0, 0, 0.8 * reach, s.second.fill) +
        both((side) => s.oval(33 * side, -32, 12, 12, s.main))
      );
    },
    face: (s) => ellipse(-9, 21, 14, 12, s.pale.fill) + ellipse(9, 21, 14, 12, s.pale.fill),
    front: (s) => smile(s, 21, 20) + nose(8, 10, "#7a3f35"),
    tail: (s) => s.limb("M0 4C-14 -22 20 -30 10 -58", 9, s.main) + s.oval(9, -60, 14, 16, s.second),
    limbs: (s) => s.main,
    belly: paleOrFur,
  },
  pig: {
    headSize: [54, 46],
    behind: () => "",
    face: (s) => {
      const tip = s.dice.between(56, 64);
      return both((side) =>
        s.form(
          `M${16 * side} -42Q${44 * side} -66 ${tip * side} -58Q${62 * side} -30 ${48 * side} -16Q${34 * side} -24 ${16 * side} -42Z`,
          s.second,
        ),
      );
    },
    front: (s) =>
      s.oval(0, 18, 23, 16, s.second) +
      ellipse(-8, 18, 4.6, 7, s.ink) +
      ellipse(8, 18, 4.6, 7, s.ink) +
      smile(s, 36, 18),
    tail: (s) => s.limb("M-4 4C10 -2 22 -14 10 -20C0 -24 -2 -10 10 -10C22 -12 26 -24 22 -32", 7, s.main),
    limbs: (s) => s.main,
    belly: (s) => s.main,
  },
  frog: {
    headSize: [60, 40],
    eyesAt: [66, -36],
    foreheadAt: [-16, 36],
    cheeksAt: [84, 17],
    hatAt: -44,
    hasHaunches: true,
    behind: (s) => both((side) => s.oval(33 * side, -34, 23, 23, s.main)),
    face: () => both((side) => circle(33 * side, -36, 17, "#ffffff")),
    front: (s) => {
      const open = s.pose.expression === "joyful" || s.pose.expression === "surprised";
      const lips = open
        ? path("M-36 8Q0 20 36 8Q30 34 0 34Q-30 34 -36 8Z", "#8c2b3c") + ellipse(0, 28, 15, 7, "#f07a8a")
        : line("M-40 8Q-22 26 0 26Q22 26 40 8", s.ink, 5);
      return lips + circle(-6, -4, 2.6, s.ink) + circle(6, -4, 2.6, s.ink);
    },
    tail: () => "",
    limbs: (s) => s.main,
    belly: (s) => s.pale,
  },
  elephant: {
    headSize: [47, 45],
    behind: (s) => {
      const [width, height] = [s.dice.between(34, 40), s.dice.between(40, 48)];
      return both(
        (side) =>
          s.oval(60 * side, -6, width, height, s.main) +
          ellipse(60 * side, -4, width * 0.66, height * 0.7, s.second.fill),
      );
    },
    face: () => "",
    front: (s) =>
      both((side) =>
        path(
          `M${15 * side} 24Q${20 * side} 46 ${34 * side} 46Q${30 * side} 34 ${30 * side} 20Z`,
          "#fffaf0",
          'stroke="#b9b0a4" stroke-width="2"',
        ),
      ) +
      s.limb("M0 14C0 40 -6 62 -2 74C2 84 20 82 24 70", 22, s.main) +
      line("M-9 34H7M-11 48H5", s.main.outline, 2.6),
    tail: (s) => s.limb("M0 2Q14 -14 8 -38", 6, s.main) + s.oval(8, -42, 7, 9, s.second),
    limbs: (s) => s.main,
    belly: (s) => s.main,
  },
} as const satisfies Readonly<Record<string, Species>>;
