/** @file Fish and butterflies. */
import { circle, line, path, place } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";

/** Swims to the left. */
export function drawFish(s: Sketch): string {
  const { dice, pose } = s;
  const height = dice.between(50, 62);
  const [tail, fin] = [dice.between(42, 56), dice.between(26, 40)];
  const wag = pose.tail * 0.4;
  const body = `M14 102Q40 ${102 - height * 1.25} 96 ${102 - height}Q136 ${104 - height * 0.8} 160 100Q136 ${96 + height * 0.8} 96 ${102 + height}Q40 ${102 + height * 1.25} 14 102Z`;
  const bands =
    dice.chance(0.5) && !s.hasMark(0)
      ? s.clipped(body, line("M84 30Q98 102 84 174M124 30Q138 102 124 174", s.second.fill, 13))
      : "";
  const open = pose.expression === "surprised" || pose.expression === "joyful";
  return (
    place(s.form(`M-8 0Q18 ${-tail} 40 ${-tail}Q30 0 40 ${tail}Q18 ${tail} -8 0Z`, s.second), 152, 100, wag) +
    s.form(
      `M70 ${112 - height}Q92 ${78 - height - fin * 0.6} 134 ${82 - height * 0.8}Q124 ${104 - height * 0.7} 128 ${112 - height * 0.6}Z`,
      s.second,
    ) +
    s.form(
      `M84 ${96 + height}Q100 ${116 + height + fin * 0.3} 124 ${112 + height * 0.8}L118 ${96 + height * 0.6}Z`,
      s.second,
    ) +
    s.shadedForm(body, s.main) +
    bands +
    line("M72 62Q86 102 72 142", s.main.shadow, 4) +
    s.mark(0, 108, 103, 62) +
    place(s.form("M-14 -8Q16 -14 20 8Q6 18 -14 8Z", s.second), 82, 122, 20 + wag) +
    place(s.eyes(0, dice.between(12, 15)), 46, 88) +
    (open ? circle(21, 112, 6, "#7d2539") : line("M16 108Q26 120 38 116", s.ink, 4))
  );
}

export function drawButterfly(s: Sketch): string {
  const { dice, pose } = s;
  const open = pose.body === "jump" ? 0.86 : pose.body === "lie" ? 0.94 : 1;
  const [reach, low] = [dice.between(80, 92), dice.between(52, 66)];
  const upper = `M6 -6C20 -84 ${reach} -92 ${reach} -44C${reach} -8 40 8 6 4Z`;
  const lower = `M6 2C40 4 ${low + 20} 14 ${low} 52C${low - 16} 80 18 52 6 22Z`;
  const spots = dice.chance(0.7);
  const half =
    s.shadedForm(lower, s.second) +
    (spots ? circle(low * 0.66, 40, 10, s.pale.fill) : "") +
    s.shadedForm(upper, s.main) +
    (s.hasMark(0) ? s.mark(0, reach * 0.56, -42, 54) : s.oval(reach * 0.6, -42, 17, 15, s.second)) +
    (s.hasMark(0) || !spots ? "" : circle(reach * 0.6, -42, 7, s.pale.fill));
  const feeler = (side: 1 | -1) =>
    line(`M${3 * side} -44Q${8 * side} -70 ${24 * side} -76`, s.ink, 4) + circle(25 * side, -77, 5, s.ink);
  const body = s.plain("#4a3b52");
  return place(
    place(half, 0, 0, 0, open, 1) +
      place(half, 0, 0, 0, -open, 1) +
      feeler(-1) +
      feeler(1) +
      s.oval(0, 12, 10, 44, body) +
      s.oval(0, -34, 16, 16, body) +
      place(s.eyes(15, 6.5), 0, -36) +
      path("M-5 -26Q0 -21 5 -26", "none", 'stroke="#ffffff" stroke-width="2.4" stroke-linecap="round"'),
    100,
    108,
    pose.tilt * 0.8,
  );
}
