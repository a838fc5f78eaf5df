/** @file Robots: heads, eyes, antennas, chests, legs or wheels put together at random. */
import { circle, line, place, star } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";

const box = (x: number, y: number, width: number, height: number, radius: number) => {
  const r = Math.min(radius, width / 2, height / 2);
  return `M${x + r} ${y}h${width - 2 * r}a${r} ${r} 0 0 1 ${r} ${r}v${height - 2 * r}a${r} ${r} 0 0 1 ${-r} ${r}h${2 * r - width}a${r} ${r} 0 0 1 ${-r} ${-r}v${2 * r - height}a${r} ${r} 0 0 1 ${r} ${-r}Z`;
};

/** An eye around the origin. */
function lamp(s: Sketch, shape: string, radius: number, fill: string, isClosed: boolean): string {
  if (isClosed) return line(`M${-radius} 2Q0 ${-radius} ${radius} 2`, fill, 5);
  const pupil = circle(0, 0, radius * 0.5, "#173040") + circle(-radius * 0.25, -radius * 0.3, radius * 0.22, "#ffffff");
  return (
    (shape === "square"
      ? s.form(box(-radius, -radius, 2 * radius, 2 * radius, 4), s.plain(fill))
      : circle(0, 0, radius, fill)) + pupil
  );
}

export function drawRobot(s: Sketch): string {
  const { dice, pose } = s;
  const steel = s.plain(dice.pick(["#6b7a8c", "#8a94a3", "#56616f"]));
  const [headWidth, headHeight] = [dice.between(92, 114), dice.between(66, 80)];
  const screen = s.plain("#22394d");
  const isClosed = pose.expression === "joyful" || pose.expression === "sleepy";
  const [shape, radius] = [dice.pick(["round", "square"]), dice.between(12, 16)];
  const light = dice.pick(["#57e6d6", "#ffe27a", "#9be36a", "#ffb3c7", "#ffffff"]);
  const tip = dice.chance(0.6) ? circle(0, -22, 9, s.second.fill) : place(star(5, 12, 6, s.second.fill), 0, -22);
  const antenna = (x: number) => place(line("M0 2V-16", steel.fill, 5) + tip, x, -headHeight / 2);
  const antennas = dice
    .pick([[0], [-30, 30]])
    .map(antenna)
    .join("");
  const hasScreen = dice.chance(0.6);
  const corner = dice.between(10, 30);
  const mouthPath = pose.expression === "surprised" ? "M-6 21H6" : "M-15 18Q0 30 15 18";
  const head =
    antennas +
    s.form(box(-headWidth / 2 - 10, -14, 16, 28, 6), s.second) +
    s.form(box(headWidth / 2 - 6, -14, 16, 28, 6), s.second) +
    s.shadedForm(box(-headWidth / 2, -headHeight / 2, headWidth, headHeight, corner), s.main) +
    (hasScreen
      ? s.form(box(-headWidth / 2 + 9, -headHeight / 2 + 9, headWidth - 18, headHeight - 18, corner * 0.7), screen)
      : "") +
    place(lamp(s, shape, radius, light, isClosed), -24, -5) +
    place(lamp(s, shape, radius, light, isClosed || pose.expression === "wink"), 24, -5) +
    line(mouthPath, hasScreen ? "#ffffff" : s.ink, 4.5) +
    s.worn("eyes", 0, -5, 104) +
    s.worn("head", 0, -headHeight / 2 + 4, 84);
  const bodyWidth = dice.between(70, 88);
  const panel =
    !s.hasMark(0) && dice.chance(0.7)
      ? s.form(box(-24, -48, 48, 32, 6), screen) + circle(-12, -32, 6, light) + circle(8, -32, 6, s.second.fill)
      : "";
  const arm = s.limb("M0 0V34", 13, steel) + s.oval(0, 40, 12, 12, s.second);
  const legs = dice.pick([
    s.limb("M-19 0V22M19 0V22", 15, steel) + s.oval(-22, 28, 20, 10, s.second) + s.oval(22, 28, 20, 10, s.second),
    s.oval(-24, 16, 17, 17, screen) +
      s.oval(24, 16, 17, 17, screen) +
      circle(-24, 16, 7, steel.fill) +
      circle(24, 16, 7, steel.fill),
    s.form(box(-48, 2, 96, 30, 15), screen) + [-28, 0, 28].map((x) => circle(x, 17, 8, steel.fill)).join(""),
  ]);
  const lean = pose.body === "lie" ? 8 : pose.body === "jump" ? -6 : 0;
  const upper =
    place(arm, -bodyWidth / 2 - 2, -50, 14 + pose.arms[0]) +
    place(arm, bodyWidth / 2 + 2, -50, -14 - pose.arms[1]) +
    s.shadedForm(box(-bodyWidth / 2, -64, bodyWidth, 68, dice.between(8, 22)), s.main) +
    panel +
    s.mark(0, 0, -30, 57) +
    s.worn("neck", 0, -62, 84) +
    place(head, 0, -58 - headHeight / 2, pose.tilt * 0.7);
  return place(legs, 100, 160) + place(upper, 100, 160, lean);
}
