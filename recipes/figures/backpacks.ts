/** @file Backpacks: bags with flaps, pockets, straps and patches. */
import type { Pose } from "../concepts/animal.ts";
import { circle, line, path, place } from "../concepts/svg.ts";
import type { Dice } from "../world/dice.ts";
import { paints, randomMark, type Figure } from "./design.ts";

export const BACKPACK_NOUNS = ["backpack"];

export function randomBackpack(noun: string, pose: Pose, dice: Dice): Figure {
  const [main, second, third] = paints(3, dice);
  const [width, top] = [dice.between(42, 56), dice.between(40, 64)];
  const [left, right] = [100 - width, 100 + width];
  const strap = (x: number, side: 1 | -1, swing: number) =>
    place(line(`M0 0Q${26 * side} 34 ${12 * side} 90`, second.fill, dice.between(8, 14)), x, top + 42, swing);
  const flap = dice.chance(0.6)
    ? path(
        `M${left} ${top + 40}Q${left} ${top} 100 ${top}Q${right} ${top} ${right} ${top + 40}Q${right} ${top + 54} ${right - 12} ${top + 54}H${left + 12}Q${left} ${top + 54} ${left} ${top + 40}Z`,
        second.fill,
      )
    : line(`M${left + 6} ${top + 42}H${right - 6}`, second.fill, 6);
  const pocket = `<rect x="${100 - 0.7 * width}" y="116" width="${1.4 * width}" height="54" rx="${dice.between(4, 20)}" fill="${dice.pick([second.fill, third.fill])}"/>`;
  const mark = randomMark(dice.between(26, 40), third, dice);
  const roll = dice.chance(0.3)
    ? `<rect x="${left - 6}" y="${top - 16}" width="${2 * width + 12}" height="26" rx="13" fill="${third.fill}"/>`
    : "";
  const buckle = dice.chance(0.5) ? circle(100, top + 52, 7, "#f3d36b") : "";
  const svg =
    strap(left + 6, -1, pose.arms[0] * 0.15) +
    strap(right - 6, 1, -pose.arms[1] * 0.15) +
    line(`M86 ${top + 2}Q100 ${top - 28} 114 ${top + 2}`, second.fill, 8) +
    path(
      `M${left} ${top + 40}Q${left} ${top} 100 ${top}Q${right} ${top} ${right} ${top + 40}V164Q${right} 182 ${right - 18} 182H${left + 18}Q${left} 182 ${left} 164Z`,
      main.fill,
    ) +
    flap +
    place(roll, 0, 0, pose.tilt * 0.1) +
    pocket +
    buckle +
    place(mark.svg, 100 + dice.between(-14, 14), 143);
  return { noun, colors: [main.name], marks: [mark], svg };
}
