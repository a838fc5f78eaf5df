/**
 * @file The robot: mustard, on one wheel, with a round and a square eye, a spring with a star, and a checkered chest.
 */
import type { Pose } from "./animal.ts";
import { circle, line, path, place, star } from "./svg.ts";

const shell = "#f2b632";
const shade = "#cf9120";
const steel = "#5c6b7d";

function box(x: number, y: number, width: number, height: number, radius: number, fill: string): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="${fill}"/>`;
}

function arm(): string {
  const rings = [8, 18, 28].map((y) => line(`M-6 ${y}H6`, "#ffffff", 3.5));
  return (
    line("M0 0V34", steel, 13) +
    rings.join("") +
    path("M-11 36Q-12 54 -3 54L-3 46H3L3 54Q12 54 11 36Q0 28 -11 36Z", "#e4572e")
  );
}

function lights(pose: Pose): string {
  const { expression } = pose;
  const closed = expression === "joyful" || expression === "sleepy";
  const dx = expression === "curious" ? 4 : 0;
  const bend = expression === "joyful" ? -9 : 8;
  const left = closed
    ? line(`M-36 2Q-24 ${2 + bend} -12 2`, "#57e6d6", 5)
    : circle(-24, 0, expression === "surprised" ? 17 : 14, "#57e6d6") +
      circle(-24 + dx, 0, 6.5, "#173040") +
      circle(-28 + dx, -5, 3, "#fff");
  const right =
    closed || expression === "wink"
      ? line(`M16 2Q25 ${2 + bend} 34 2`, "#ff7d6b", 5)
      : box(16, -9, 18, 18, 3, "#ff7d6b") + box(22 + dx * 0.6, -4, 7, 8, 1, "#173040");
  const smile =
    expression === "surprised" ? circle(0, 22, 4.5, "#ffffff") : line("M-14 20H-9V23H-2V20H5V23H12", "#ffffff", 3);
  return left + right + smile;
}

/** On a square of 200 by 200. */
export function drawRobot(pose: Pose): string {
  const tiles = Array.from({ length: 9 }, (_, i) =>
    box(
      77.5 + (i % 3) * 15,
      104 + Math.floor(i / 3) * 15,
      14,
      14,
      1.5,
      i === 5 ? "#e4572e" : i % 2 === 0 ? "#22394d" : "#fff6df",
    ),
  );
  const head =
    line("M0 -38L-7 -43L7 -49L-7 -55L5 -61", steel, 4) +
    place(star(5, 16, 7.5, "#e4572e"), 4, -70, 12) +
    box(-62, -12, 14, 24, 5, "#e4572e") +
    box(48, -12, 14, 24, 5, steel) +
    box(-54, -40, 108, 76, 26, shell) +
    box(-44, -24, 88, 52, 20, "#22394d") +
    lights(pose);
  const lean = pose.body === "lie" ? 12 : pose.body === "jump" ? -8 : 0;
  return (
    line("M100 156V174", steel, 12) +
    circle(100, 178, 18, "#22394d") +
    circle(100, 178, 9, "#e8edf2") +
    line("M100 170V186M92 178H108", steel, 3) +
    place(
      place(arm(), -36, -40, 20 + pose.arms[0]) +
        place(arm(), 36, -40, -20 - pose.arms[1]) +
        place(box(62, 100, 76, 60, 22, shell) + box(62, 148, 76, 12, 6, shade) + tiles.join(""), -100, -160) +
        place(head, 0, -92, pose.tilt * 0.8),
      100,
      160,
      lean,
    )
  );
}
