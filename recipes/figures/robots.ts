/** @file Robots: heads, eyes, antennas, chests, legs or wheels put together at random. */
import type { Pose } from "../concepts/animal.ts";
import { circle, ellipse, line, path, place, star } from "../concepts/svg.ts";
import type { Dice } from "../world/dice.ts";
import { paint, paints, randomMark, type Figure } from "./design.ts";

export const ROBOT_NOUNS = ["robot"];

function box(x: number, y: number, width: number, height: number, radius: number, fill: string): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="${fill}"/>`;
}

/** An eye around the origin. */
function lamp(shape: string, radius: number, fill: string, isClosed: boolean): string {
  if (isClosed) return line(`M${-radius} 0Q0 ${-radius} ${radius} 0`, fill, 5);
  const pupil = circle(0, 0, radius * 0.45, "#173040");
  if (shape === "square") return box(-radius, -radius, 2 * radius, 2 * radius, 3, fill) + pupil;
  if (shape === "bar") return box(-radius * 1.2, -radius * 0.5, 2.4 * radius, radius, radius * 0.5, fill);
  return circle(0, 0, radius, fill) + pupil;
}

export function randomRobot(noun: string, pose: Pose, dice: Dice): Figure {
  const [shell, second, third] = paints(3, dice);
  const steel = dice.pick(["#5c6b7d", "#8a94a3", "#3c4654"]);
  const [headWidth, headHeight] = [dice.between(84, 112), dice.between(60, 82)];
  const mouth = dice.pick([line("M-14 20H14", "#ffffff", 4), line("M-14 18Q0 30 14 18", "#ffffff", 4), ""]);
  const isClosed = pose.expression === "joyful" || pose.expression === "sleepy";
  const shapes = ["round", "square", "bar"];
  const [leftShape, radius] = [dice.pick(shapes), dice.between(9, 16)];
  const rightShape = dice.chance(0.3) ? dice.pick(shapes) : leftShape;
  const light = paint(dice.pick(["teal", "yellow", "green", "blue", "pink", "white"]), dice).fill;
  const tip = dice.pick([
    circle(0, -64, 8, third.fill),
    star(5, 11, 5, third.fill),
    box(-6, -70, 12, 12, 2, third.fill),
  ]);
  const antenna = (x: number) => place(line("M0 -34V-60", steel, 4) + (tip.includes("polygon") ? tip : tip), x, 0);
  const antennas = dice
    .pick([[], [0], [-30, 30]])
    .map(antenna)
    .join("");
  const panel = dice.chance(0.6) ? box(-0.4 * headWidth, -26, 0.8 * headWidth, 52, 16, "#22394d") : "";
  const head =
    antennas +
    box(-headWidth / 2 - 8, -12, 14, 24, 5, second.fill) +
    box(headWidth / 2 - 6, -12, 14, 24, 5, second.fill) +
    box(-headWidth / 2, -headHeight / 2, headWidth, headHeight, dice.between(6, 36), shell.fill) +
    panel +
    place(lamp(leftShape, radius, light, isClosed), -24, -2) +
    place(lamp(rightShape, radius, light, isClosed || pose.expression === "wink"), 24, -2) +
    (panel === "" ? mouth.replace("#ffffff", "#2b2233") : mouth);
  const bodyWidth = dice.between(64, 92);
  const mark = randomMark(34, third, dice);
  const body = box(
    -bodyWidth / 2,
    -60,
    bodyWidth,
    62,
    dice.between(4, 26),
    dice.chance(0.7) ? shell.fill : second.fill,
  );
  const arm = line("M0 0V36", steel, 12) + circle(0, 40, 9, second.fill);
  const legs = dice.pick([
    line("M-18 0V26M18 0V26", steel, 13) + ellipse(-20, 28, 16, 8, second.fill) + ellipse(20, 28, 16, 8, second.fill),
    circle(-22, 16, 15, "#22394d") +
      circle(22, 16, 15, "#22394d") +
      circle(-22, 16, 6, steel) +
      circle(22, 16, 6, steel),
    box(-46, 2, 92, 26, 13, "#22394d") + [-28, 0, 28].map((x) => circle(x, 15, 7, steel)).join(""),
    path("M-20 0H20L30 28H-30Z", second.fill),
  ]);
  const lean = pose.body === "lie" ? 12 : pose.body === "jump" ? -8 : 0;
  const upper =
    place(arm, -bodyWidth / 2 - 4, -48, 15 + pose.arms[0]) +
    place(arm, bodyWidth / 2 + 4, -48, -15 - pose.arms[1]) +
    body +
    place(mark.svg, 0, -28) +
    place(head, 0, -62 - headHeight / 2 + 6, pose.tilt * 0.8);
  return { noun, colors: [shell.name], marks: [mark], svg: place(legs, 100, 160) + place(upper, 100, 160, lean) };
}
