/** @file Owls and penguins: an upright body with wings, a face of two rings, a belly that may have a pattern. */
import type { Pose } from "../concepts/animal.ts";
import { circle, ellipse, eyes, inside, line, path, place } from "../concepts/svg.ts";
import type { Dice } from "../world/dice.ts";
import { paint, paints, pale, randomMark, type Figure, type Paint } from "./design.ts";

export const BIRD_NOUNS = ["owl", "penguin"];

/** Rows of a pattern over the belly, around the origin. */
function plumage(colors: readonly Paint[], dice: Dice): string {
  const kind = dice.pick(["none", "rows", "dots", "bows"]);
  if (kind === "none") return "";
  const rows = [-22, -6, 10, 26].map((y, i) => {
    const { fill } = colors[i % colors.length];
    if (kind === "rows") return line(`M-44 ${y}H44`, fill, 7);
    const xs = [-28, -9, 10, 29].map((x) => x + (i % 2) * 9);
    if (kind === "dots") return xs.map((x) => circle(x, y, 5, fill)).join("");
    return xs.map((x) => line(`M${x - 9} ${y}q9 11 18 0`, fill, 5)).join("");
  });
  return rows.join("");
}

export function randomBird(noun: string, pose: Pose, dice: Dice): Figure {
  const [main, second, third] = paints(3, dice);
  const [top, bottom] = [dice.between(30, 52), dice.between(172, 184)];
  const width = dice.between(48, 64);
  const body = path(
    `M100 ${top}Q${100 + width} ${top} ${100 + width} 112Q${100 + width} ${bottom} 100 ${bottom}Q${100 - width} ${bottom} ${100 - width} 112Q${100 - width} ${top} 100 ${top}Z`,
    main.fill,
  );
  const belly = ellipse(0, 0, width * dice.between(0.6, 0.8), dice.between(34, 46), pale(dice));
  const mark = dice.chance(0.4) ? randomMark(30, third, dice) : undefined;
  const pattern = mark === undefined ? plumage([second, third], dice) : mark.svg;
  const wing = path("M0 0Q-26 22 -15 64Q8 50 9 8Z", dice.pick([main.fill, second.fill]));
  const lift = pose.body === "jump" ? 60 : 0;
  const beak = dice.pick(["#f08a2c", "#f4b942", "#2b2233", "#e4572e"]);
  const foot = (x: number) => ellipse(x, 185, 16, 7, beak);
  const ringSize = noun === "owl" ? dice.between(19, 30) : 0;
  const ring = (x: number, fill: string) => circle(x, 0, ringSize, fill) + circle(x, 0, ringSize * 0.75, "#fff8e8");
  const tuft = (side: 1 | -1, fill: string) =>
    path(`M${50 * side} -22L${54 * side} -58Q${36 * side} -52 ${18 * side} -40Z`, fill);
  const mask = noun === "penguin" ? ellipse(-20, 4, 24, 26, "#fffaf0") + ellipse(20, 4, 24, 26, "#fffaf0") : "";
  const hasTufts = noun === "owl" && dice.chance(0.7);
  const right = dice.chance(0.3) ? third.fill : second.fill;
  const iris = paint(dice.pick(["orange", "yellow", "green", "blue", "brown", "teal"]), dice).fill;
  const face =
    (hasTufts ? tuft(-1, main.fill) + tuft(1, right) : "") +
    mask +
    (ringSize > 0 ? ring(-24, second.fill) + ring(24, right) : "") +
    place(eyes(46, dice.between(9, 12), [iris, iris], pose.expression), 0, 0) +
    path("M-8 10Q0 4 8 10L0 26Z", beak);
  const svg =
    foot(80) +
    foot(120) +
    body +
    place(inside("belly", belly, belly + pattern), 100, 140) +
    place(wing, 104 - width, 96, lift + pose.arms[0] * 0.5) +
    place(wing, 96 + width, 96, -lift - pose.arms[1] * 0.5, -1, 1) +
    place(face, 100, 78, pose.tilt * 1.2);
  return { noun, colors: [main.name], marks: mark === undefined ? [] : [mark], svg };
}
