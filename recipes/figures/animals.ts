/**
 * @file Animals that sit, lie, jump and wave: a body and a head, with what the species adds; proportions are thrown.
 */
import { ellipse, place } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";
import { both, SPECIES, type Head, type Species } from "./species.ts";

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
  const paws = dice.chance(0.4) && species.hasPlainPaws !== true ? s.pale : limbs;
  const [foreheadY, foreheadSize] = species.foreheadAt ?? [-27, 44];
  const [cheekDistance, cheekY] = species.cheeksAt ?? [70, 17];
  const belly = species.belly(s);
  const tail = species.tail(s);
  const faceOf =
    species.behind(s, head) +
    s.shadedOval(0, 0, head.radiusX, head.radiusY, s.main) +
    species.face(s, head) +
    // A hat hides the forehead: what would be there is on the belly.
    (s.hasHat ? "" : s.mark(0, 0, foreheadY, foreheadSize)) +
    place(s.cheeks(cheekDistance), 0, cheekY) +
    place(s.eyes(eyeDistance, eyeRadius), 0, eyeY) +
    species.front(s, head) +
    s.worn("eyes", 0, eyeY + 1, 2.1 * eyeDistance) +
    s.worn("head", 0, species.hatAt ?? -head.radiusY + 10, 88);
  const face = (x: number, y: number, scale = 1) => place(faceOf, x, y, pose.tilt, scale);
  const torso = (x: number, y: number, radiusX: number, radiusY: number) =>
    s.shadedOval(x, y, radiusX, radiusY, s.main) +
    (belly === s.main ? "" : ellipse(x, y + radiusY * 0.16, radiusX * 0.66, radiusY * 0.74, belly.fill)) +
    s.mark(s.hasHat ? 0 : 1, x, y + 11, 57);
  const limb = (x: number, y: number, raised: number, length = 40) =>
    place(s.limb(`M0 0V${length - 12}`, 21, limbs) + s.oval(0, length - 8, 12, 11, paws), x, y, raised);
  const foot = (x: number, y: number, width = 21) => s.oval(x, y, width, 12, paws);
  const haunch = species.hasHaunches === true ? both((side) => s.oval(100 + 48 * side, 170, 22, 20, s.main)) : "";
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
