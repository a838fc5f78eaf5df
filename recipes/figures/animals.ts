/** @file Animals that sit, lie, jump and wave: fur, ears and marks are thrown with dice. */
import { drawAnimal, type Pose } from "../concepts/animal.ts";
import { circle, ellipse, line, path, place } from "../concepts/svg.ts";
import type { Dice } from "../world/dice.ts";
import { paint, paints, pale, randomMark, type Figure } from "./design.ts";

/** Throws the dice for the shape of an ear; both ears have it. */
type Ears = (dice: Dice) => (side: 1 | -1, outer: string, inner: string) => string;

const pointed: Ears = (dice) => {
  const [tip, width] = [dice.between(58, 78), dice.between(44, 54)];
  return (side, outer, inner) =>
    path(`M${14 * side} -34L${width * side} ${-tip}L${50 * side} -8Z`, outer) +
    path(`M${25 * side} -34L${(width - 3) * side} ${-tip + 13}L${45 * side} -20Z`, inner);
};
const round: Ears = (dice) => {
  const radius = dice.between(15, 25);
  return (side, outer, inner) => circle(40 * side, -34, radius, outer) + circle(40 * side, -34, radius * 0.55, inner);
};
const hanging: Ears = (dice) => {
  const low = dice.between(8, 34);
  return (side, outer) => {
    const x = (value: number) => value * side;
    const outside = `M${x(22)} -40Q${x(60)} -54 ${x(66)} -10Q${x(68)} ${low} ${x(52)} ${low}`;
    return path(`${outside}Q${x(40)} ${low} ${x(42)} -10Z`, outer);
  };
};
const long: Ears = (dice) => {
  const [length, turn] = [dice.between(30, 42), dice.between(0, 20)];
  return (side, outer, inner) => {
    const ear = ellipse(0, -length + 4, 13, length, outer) + ellipse(0, -length + 6, 6, length * 0.72, inner);
    return place(ear, 24 * side, -28, turn * side);
  };
};

/** Nouns of the world, and the ears that they may have. */
const KINDS: Readonly<Record<string, { readonly ears: readonly Ears[]; readonly tail: "long" | "short" | "bushy" }>> = {
  cat: { ears: [pointed], tail: "long" },
  dog: { ears: [hanging, hanging, pointed], tail: "short" },
  rabbit: { ears: [long], tail: "short" },
  fox: { ears: [pointed], tail: "bushy" },
  bear: { ears: [round], tail: "short" },
  mouse: { ears: [round], tail: "long" },
};

export const ANIMAL_NOUNS = Object.keys(KINDS);

export function randomAnimal(noun: string, pose: Pose, dice: Dice): Figure {
  const { ears, tail } = KINDS[noun];
  const [fur, second, third] = paints(3, dice);
  const light = pale(dice);
  const ear = dice.pick(ears)(dice);
  const left = dice.pick([fur.fill, second.fill]);
  const right = dice.chance(0.35) ? third.fill : left;
  const onHead = dice.chance(0.6) ? randomMark(dice.between(20, 36), second, dice) : undefined;
  const onBody = dice.chance(0.7) ? randomMark(dice.between(24, 40), third, dice) : undefined;
  const hasHalfFace = dice.chance(0.15);
  const headMarks =
    (hasHalfFace ? path("M0 -50H60V50H0Z", second.fill) : "") +
    (onHead === undefined ? "" : place(onHead.svg, dice.between(-28, 28), dice.between(-28, 4)));
  const iris = () => paint(dice.pick(["green", "blue", "brown", "orange", "yellow", "purple", "teal"]), dice).fill;
  const leftIris = iris();
  const end = dice.chance(0.5) ? second.fill : fur.fill;
  const tails = {
    long: line("M0 0Q-6 -30 6 -56", fur.fill, dice.between(9, 19)) + line("M2 -44Q3 -50 6 -56", end, 17),
    short: circle(0, -12, dice.between(11, 17), end),
    bushy: ellipse(2, -30, 17, 32, fur.fill) + ellipse(3, -48, 12, 14, end),
  };
  const svg = drawAnimal(
    {
      fur: fur.fill,
      belly: dice.chance(0.7) ? light : fur.fill,
      paws: dice.pick([light, fur.fill, second.fill]),
      nose: dice.pick(["#e86f6a", "#2b2233", "#f08a2c", "#7a4b35", "#d98a94"]),
      blush: dice.pick(["#f7b9a8", "#f5a9b4", fur.fill]),
      irises: [leftIris, dice.chance(0.3) ? iris() : leftIris],
      whiskers: noun === "cat" || noun === "mouse",
      ears: ear(-1, left, "#f3b9a6") + ear(1, right, "#f3b9a6"),
      headMarks,
      bodyMarks: onBody === undefined ? "" : place(onBody.svg, 0, dice.between(-6, 10)),
      tail: tails[tail],
      muzzle: noun === "dog" || noun === "bear" || noun === "fox" ? ellipse(0, 22, 23, 16, light) : "",
    },
    pose,
  );
  const marks = [onHead, onBody].filter((mark) => mark !== undefined);
  return { noun, colors: hasHalfFace ? [fur.name, second.name] : [fur.name], marks, svg };
}
