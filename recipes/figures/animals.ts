/**
 * @file Animals that sit, lie, jump and wave. What makes each one out, ears, muzzle, tail, is in `SPECIES`; proportions are thrown.
 */
import { circle, ellipse, line, mouth, path, place } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";
import type { Tone } from "./tones.ts";

/** Heads are drawn around the origin, `radiusX` to either side. */
interface Head {
  readonly radiusX: number;
  readonly radiusY: number;
}

interface Species {
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
  readonly eyesAt?: readonly [distance: number, y: number];
}

const both = (draw: (side: 1 | -1) => string): string => draw(-1) + draw(1);

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

const SPECIES = {
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
      place(smile(s, 36, 18), 0, 0),
    tail: (s) => s.limb("M-4 4C10 -2 22 -14 10 -20C0 -24 -2 -10 10 -10C22 -12 26 -24 22 -32", 7, s.main),
    limbs: (s) => s.main,
    belly: (s) => s.main,
  },
  frog: {
    headSize: [60, 40],
    eyesAt: [66, -36],
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

export type AnimalNoun = keyof typeof SPECIES;

export const ANIMAL_NOUNS: readonly AnimalNoun[] = [
  ...(["cat", "dog", "rabbit", "bear", "panda", "fox", "lion", "pig", "frog", "elephant"] as const),
];

export function drawAnimal(noun: AnimalNoun, s: Sketch): string {
  const species: Species = SPECIES[noun];
  const { dice, pose } = s;
  const size = dice.between(0.94, 1.06);
  const head: Head = { radiusX: species.headSize[0] * size, radiusY: species.headSize[1] * dice.between(0.96, 1.06) };
  const [eyeDistance, eyeY] = species.eyesAt ?? [dice.between(42, 50), dice.between(-2, 4)];
  const eyeRadius = dice.between(10, 12.5);
  const [bodyX, bodyY] = [dice.between(38, 47), dice.between(38, 43)];
  const limbs = species.limbs(s);
  const paws = dice.chance(0.4) && noun !== "panda" ? s.pale : limbs;
  const belly = species.belly(s);
  const tail = species.tail(s);
  const faceOf =
    species.behind(s, head) +
    s.shadedOval(0, 0, head.radiusX, head.radiusY, s.main) +
    species.face(s, head) +
    // A hat hides the forehead: what would be there is on the belly.
    (s.hasHat ? "" : s.mark(0, 0, noun === "frog" ? -16 : -27, noun === "frog" ? 27 : 33)) +
    place(s.cheeks(noun === "frog" ? 84 : 70), 0, noun === "fox" ? 4 : 17) +
    place(s.eyes(eyeDistance, eyeRadius), 0, eyeY) +
    species.front(s, head) +
    s.worn("eyes", 0, eyeY + 1, 2.1 * eyeDistance) +
    s.worn("head", 0, noun === "frog" ? -44 : -head.radiusY + 10, 88);
  const face = (x: number, y: number, scale = 1) => place(faceOf, x, y, pose.tilt, scale);
  const torso = (x: number, y: number, radiusX: number, radiusY: number) =>
    s.shadedOval(x, y, radiusX, radiusY, s.main) +
    (belly === s.main ? "" : ellipse(x, y + radiusY * 0.16, radiusX * 0.66, radiusY * 0.74, belly.fill)) +
    s.mark(s.hasHat ? 0 : 1, x, y + 11, 42);
  const limb = (x: number, y: number, raised: number, length = 40) =>
    place(s.limb(`M0 0V${length - 12}`, 21, limbs) + s.oval(0, length - 8, 12, 11, paws), x, y, raised);
  const foot = (x: number, y: number, width = 21) => s.oval(x, y, width, 12, paws);
  const haunch = noun === "frog" ? both((side) => s.oval(100 + 48 * side, 170, 22, 20, s.main)) : "";
  const low = species.lowered ?? 0;
  const neck = (x: number, y: number) => s.worn("neck", x, y, 94);
  switch (pose.body) {
    case "sit":
      return (
        place(tail, 136, 176, 44 + pose.tail) +
        haunch +
        torso(100, 152, bodyX, bodyY) +
        limb(62, 134, 12 + pose.arms[0]) +
        limb(138, 134, -12 - pose.arms[1]) +
        foot(74, 187) +
        foot(126, 187) +
        neck(100, 128) +
        face(100, 82 + low * 0.8)
      );
    case "jump":
      return (
        place(tail, 128, 160, 66 + pose.tail) +
        limb(76, 160, 26) +
        limb(124, 160, -26) +
        torso(100, 144, bodyX * 0.9, bodyY * 0.96) +
        limb(66, 128, 58 + pose.arms[0] * 0.6) +
        limb(134, 128, -58 - pose.arms[1] * 0.6) +
        neck(100, 121) +
        face(100, 78 + low * 0.8, 0.97)
      );
    case "lie":
      return (
        place(tail, 170, 160, 16 + pose.tail) +
        torso(120, 158, 62, 33) +
        foot(154, 185, 24) +
        foot(50, 186) +
        foot(92, 187) +
        neck(78, 157) +
        face(74, 112 + low * 0.5, 0.97)
      );
  }
}
