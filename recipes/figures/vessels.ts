/** @file Mugs, teapots and vases: bodies, handles, glazes, and now and then a face. */
import { ellipse, line, mouth, path, place } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";

/** Glaze over a body that is `width` wide, from its top downwards; around x = 0. */
function glaze(s: Sketch, width: number, height: number): string {
  const { dice } = s;
  const { fill } = s.second;
  const depth = dice.between(0.16, 0.26) * height;
  const kind = dice.pick(["none", "bands", "drips", "rim", "foot"]);
  const left = -width / 2 - 10;
  const drips = Array.from({ length: 5 }, () => `q${width / 10 + 2} ${dice.between(8, 30)} ${width / 5 + 4} 0`).join(
    "",
  );
  if (kind === "none") return "";
  if (kind === "foot") return path(`M${left} ${height * 0.8}h${width + 20}v${height}h${-width - 20}Z`, fill);
  if (kind === "bands") return line(`M${left} ${height * 0.13}H${-left}M${left} ${height * 0.88}H${-left}`, fill, 10);
  if (kind === "rim") return path(`M${left} -30H${-left}V${depth}H${left}Z`, fill);
  return path(`M${left} -30V${depth * 0.7}${drips}V-30Z`, fill);
}

/** To the right of the origin. */
function handle(s: Sketch, height: number): string {
  const { dice } = s;
  const [reach, width] = [dice.between(36, 46), dice.between(12, 16)];
  const h = height / 2;
  const shape = dice.pick([
    `M-8 ${-h}C${reach * 1.2} ${-h - 6} ${reach * 1.2} ${h + 6} -8 ${h}`,
    `M-8 ${-h}Q${reach} ${-h} ${reach} ${-h * 0.1}Q${reach} ${h * 0.8} -8 ${h}`,
    `M-8 ${-h}H${reach * 0.7}Q${reach * 0.85} ${-h} ${reach * 0.85} ${-h * 0.5}V${h * 0.4}Q${reach * 0.85} ${h} ${reach * 0.6} ${h}H-8`,
  ]);
  return s.limb(shape, width, dice.chance(0.5) ? s.main : s.second);
}

function face(s: Sketch): string {
  return place(s.eyes(44, 10), 0, -8) + place(mouth(20, s.pose.expression), 0, 6) + place(s.cheeks(68), 0, 5);
}

function steam(x: number, y: number): string {
  return `<g opacity="0.8">${line(`M${x} ${y}q-8 -9 0 -18q8 -9 0 -18`, "#ffffff", 6)}${line(`M${x + 24} ${y}q-8 -9 0 -18q8 -9 0 -18`, "#ffffff", 6)}</g>`;
}

export function drawMug(s: Sketch): string {
  const { dice, pose } = s;
  const [top, bottom, height] = [dice.between(52, 60), dice.between(42, 56), dice.between(104, 124)];
  const y = 184 - height;
  const [left, right] = [88 - top, 88 + top];
  const body = `M${left} ${y}L${88 - bottom} 172Q${90 - bottom} 186 ${104 - bottom} 186H${72 + bottom}Q${86 + bottom} 186 ${88 + bottom} 172L${right} ${y}Z`;
  const drink = dice.pick(["#5a3423", "#a8703f", "#3b2416", "#c98f5a"]);
  const hasFace = dice.chance(0.35) && !s.hasMark(0);
  const isHot = dice.chance(0.5) && y > 50;
  return (
    place(handle(s, height * dice.between(0.5, 0.6)), right - 6, y + height * 0.48) +
    s.shadedForm(body, s.main) +
    s.clipped(body, place(glaze(s, 2 * top, height), 88, y)) +
    s.mark(0, 88, y + height * 0.58, 68, pose.tilt * 0.3) +
    (hasFace ? place(face(s), 88, y + height * 0.58) : "") +
    s.oval(88, y, top, 15, s.main) +
    ellipse(88, y + 1, top - 8, 10, drink) +
    (isHot ? steam(76, y - 8) : "")
  );
}

export function drawTeapot(s: Sketch): string {
  const { dice, pose } = s;
  const [width, height] = [dice.between(54, 62), dice.between(46, 54)];
  const [x, y] = [100, 128];
  const left = x - width;
  const spout = `M${left + 16} 150Q${left - 18} 146 ${left - 24} 104L${left - 36} 94Q${left - 30} 78 ${left - 14} 84L${left - 2} 94Q${left + 2} 116 ${left + 20} 116Z`;
  const knob = dice.chance(0.5) ? s.oval(0, -18, 11, 11, s.second) : s.form("M-7 -10L-12 -28H12L7 -10Z", s.second);
  const lid = knob + s.form("M-38 4Q-34 -14 0 -15Q34 -14 38 4Q0 12 -38 4Z", s.second);
  const lift = pose.body === "jump" ? 14 : 0;
  const hasFace = dice.chance(0.35) && !s.hasMark(0);
  const body = `M${left} ${y}A${width} ${height} 0 0 1 ${x + width} ${y}A${width} ${height} 0 0 1 ${left} ${y}Z`;
  return (
    place(handle(s, height * 1.15), x + width - 4, y - 2) +
    s.shadedForm(spout, s.main) +
    s.form(`M${x - 34} ${y + height - 8}H${x + 34}L${x + 40} ${y + height + 6}H${x - 40}Z`, s.second) +
    s.shadedForm(body, s.main) +
    s.clipped(body, place(glaze(s, 2 * width, 2 * height), x, y - height)) +
    s.mark(0, x, y + 4, 68, pose.tilt * 0.3) +
    (hasFace ? place(face(s), x, y + 6) : "") +
    place(lid, x, y - height + 4 - lift, lift > 0 ? pose.tilt : 0) +
    (lift > 0 ? steam(x - 12, y - height - 8) : "")
  );
}

export function drawVase(s: Sketch): string {
  const { dice } = s;
  const [belly, neck, lip] = [dice.between(52, 64), dice.between(18, 26), dice.between(32, 42)];
  const [foot, shoulder] = [dice.between(26, 36), dice.between(112, 124)];
  const half = (side: 1 | -1) => (x: number) => 100 + side * x;
  const [l, r] = [half(-1), half(1)];
  const body = `M${l(lip)} 18Q${l(neck)} 30 ${l(neck)} 58Q${l(belly)} 74 ${l(belly)} ${shoulder}Q${l(belly)} 152 ${l(foot)} 184H${r(foot)}Q${r(belly)} 152 ${r(belly)} ${shoulder}Q${r(belly)} 74 ${r(neck)} 58Q${r(neck)} 30 ${r(lip)} 18Z`;
  const ear = (side: 1 | -1) =>
    s.limb(
      `M${100 + side * neck} 42C${100 + side * 70} 30 ${100 + side * 76} 78 ${100 + side * (belly - 8)} 92`,
      10,
      s.second,
    );
  const hasHandles = dice.chance(0.55);
  const rings =
    line(`M30 64H170M30 164H170`, s.second.fill, 9) +
    (s.hasMark(0)
      ? ""
      : line("M30 124l14 -14l14 14l14 -14l14 14l14 -14l14 14l14 -14l14 14l14 -14l14 14", s.second.fill, 7));
  return (
    (hasHandles ? ear(-1) + ear(1) : "") +
    s.shadedForm(body, s.main) +
    s.clipped(body, rings) +
    s.mark(0, 100, shoulder, 68) +
    s.oval(100, 18, lip, 9, s.main) +
    ellipse(100, 18, lip - 7, 5, s.main.outline)
  );
}
