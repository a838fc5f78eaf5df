/** @file Mugs and teapots of all shapes: bodies, handles, glazes, motifs, and now and then a face. */
import type { Pose } from "../concepts/animal.ts";
import { circle, ellipse, eyes, inside, line, mouth, path, place } from "../concepts/svg.ts";
import type { Dice } from "../world/dice.ts";
import { paint, paints, pale, randomMark, type Figure, type Paint } from "./design.ts";

export const VESSEL_NOUNS = ["mug", "teapot"];

/** Glaze over a body that is `width` wide, from the origin down. */
function glaze(width: number, { fill }: Paint, dice: Dice): string {
  const depth = dice.between(18, 40);
  const kind = dice.pick(["none", "band", "drips", "rim", "lower"]);
  if (kind === "none") return "";
  if (kind === "lower") return `<rect x="0" y="70" width="${width}" height="80" fill="${fill}"/>`;
  if (kind === "band") return `<rect x="0" y="${depth}" width="${width}" height="18" fill="${fill}"/>`;
  if (kind === "rim") return `<rect x="0" y="-20" width="${width}" height="${20 + depth}" fill="${fill}"/>`;
  const step = width / 5;
  const drips = Array.from({ length: 5 }, () => `q${step / 2} ${dice.between(4, 34)} ${step} 0`).join("");
  return path(`M0 -20V${depth}${drips}V-20Z`, fill);
}

/** To the right of the origin. */
function handle(fill: string, dice: Dice): string {
  const [reach, width] = [dice.between(26, 42), dice.between(8, 14)];
  const shape = dice.pick([
    `M-4 -28C${reach * 1.3} -34 ${reach * 1.3} 34 -4 28`,
    `M-4 -26H${reach}V26H-4`,
    `M-4 -30Q${reach} -30 ${reach} -4Q${reach} 22 -4 24`,
  ]);
  return line(shape, fill, width);
}

function face(pose: Pose, dice: Dice): string {
  const iris = paint(dice.pick(["brown", "blue", "green", "yellow"]), dice).fill;
  return place(eyes(38, 8, [iris, iris], pose.expression), 0, -6) + place(mouth(18, pose.expression), 0, 6);
}

function randomMug(pose: Pose, dice: Dice): Figure {
  const [first, second, third] = paints(3, dice);
  const clay = dice.chance(0.4) ? pale(dice) : first.fill;
  const [top, bottom, height] = [dice.between(44, 54), dice.between(32, 52), dice.between(88, 116)];
  const y = 176 - height;
  const body = path(
    `M${96 - top} ${y}H${96 + top}L${96 + bottom} 166Q${94 + bottom} 176 ${86 + bottom} 176H${106 - bottom}Q${98 - bottom} 176 ${96 - bottom} 166Z`,
    clay,
  );
  const side = pose.arms[0] > pose.arms[1] ? -1 : 1;
  const mark = dice.chance(0.75) ? randomMark(dice.between(34, 50), third, dice) : undefined;
  const motif = mark === undefined ? (dice.chance(0.5) ? face(pose, dice) : "") : mark.svg;
  const svg =
    place(handle(dice.pick([clay, second.fill]), dice), 96 + (top - 2) * side, y + height * 0.45, 0, side, 1) +
    body +
    inside("mug", body, place(glaze(2 * top, second, dice), 96 - top, y) + place(motif, 96, y + height * 0.62)) +
    ellipse(96, y, top, 12, clay) +
    ellipse(96, y + 1, top - 7, 8.5, dice.pick(["#5a3423", "#d9b48a", "#3b2416", "#b8d8a0"]));
  const colors = clay === first.fill ? [first.name] : (["white"] as const);
  return { noun: "mug", colors, marks: mark === undefined ? [] : [mark], svg };
}

function randomTeapot(pose: Pose, dice: Dice): Figure {
  const [first, second, third] = paints(3, dice);
  const [width, height] = [dice.between(46, 60), dice.between(38, 52)];
  const body = ellipse(98, 124, width, height, first.fill);
  const mark = dice.chance(0.6) ? randomMark(dice.between(34, 48), third, dice) : undefined;
  const motif = mark === undefined ? face(pose, dice) : mark.svg;
  const left = 98 - width;
  const spout = path(
    `M${left + 10} 140Q${left - 16} 138 ${left - 24} 98L${left - 34} 90Q${left - 26} 80 ${left - 14} 88L${left - 6} 96Q${left} 112 ${left + 16} 112Z`,
    first.fill,
  );
  const knob = dice.pick([
    circle(0, -16, 9, third.fill),
    ellipse(0, -16, 14, 8, third.fill),
    `<rect x="-7" y="-26" width="14" height="20" rx="4" fill="${third.fill}"/>`,
  ]);
  const lid = ellipse(0, 0, width * 0.6, 11, second.fill) + knob;
  const feet = dice.chance(0.4)
    ? line("M70 162V176M126 162V176", second.fill, 13)
    : ellipse(98, 124 + height - 2, width * 0.55, 7, second.fill);
  const lift = pose.body === "jump" ? 14 : 0;
  const svg =
    place(handle(dice.pick([first.fill, second.fill]), dice), 98 + width - 4, 122) +
    spout +
    feet +
    body +
    inside("pot", body, place(glaze(2 * width, second, dice), left, 124 - height) + place(motif, 98, 126)) +
    place(lid, 98, 124 - height + 6 - lift, lift > 0 ? pose.tilt : 0);
  return { noun: "teapot", colors: [first.name], marks: mark === undefined ? [] : [mark], svg };
}

export function randomVessel(noun: string, pose: Pose, dice: Dice): Figure {
  return noun === "mug" ? randomMug(pose, dice) : randomTeapot(pose, dice);
}
