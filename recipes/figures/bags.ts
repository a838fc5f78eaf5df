/** @file Backpacks with flaps, pockets and straps; handbags with an arched handle and a clasp. */
import { circle, line, place } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";

export function drawBackpack(s: Sketch): string {
  const { dice, pose } = s;
  const [width, top] = [dice.between(54, 64), dice.between(34, 48)];
  const [left, right] = [100 - width, 100 + width];
  const flapEnd = top + dice.between(52, 60);
  const strap = (x: number, side: 1 | -1, swing: number) =>
    place(s.limb(`M0 0Q${32 * side} 34 ${8 * side} 86`, dice.between(11, 14), s.second), x, top + 46, swing);
  const body = `M${left} ${top + 44}Q${left} ${top} 100 ${top}Q${right} ${top} ${right} ${top + 44}V168Q${right} 186 ${right - 18} 186H${left + 18}Q${left} 186 ${left} 168Z`;
  const flap = `M${left} ${top + 44}Q${left} ${top} 100 ${top}Q${right} ${top} ${right} ${top + 44}V${flapEnd - 12}Q${right} ${flapEnd} ${right - 14} ${flapEnd}H${left + 14}Q${left} ${flapEnd} ${left} ${flapEnd - 12}Z`;
  const flapTone = dice.chance(0.5) ? s.second : s.main;
  const w = 0.72 * width;
  const pocket = `M${100 - w} ${flapEnd + 18}Q${100 - w} ${flapEnd + 8} ${110 - w} ${flapEnd + 8}H${90 + w}Q${100 + w} ${flapEnd + 8} ${100 + w} ${flapEnd + 18}V166Q${100 + w} 176 ${88 + w} 176H${112 - w}Q${100 - w} 176 ${100 - w} 166Z`;
  const middle = (flapEnd + 184) / 2;
  return (
    strap(left + 4, -1, pose.arms[0] * 0.12) +
    strap(right - 4, 1, -pose.arms[1] * 0.12) +
    s.limb(`M82 ${top + 4}Q84 ${top - 26} 100 ${top - 26}Q116 ${top - 26} 118 ${top + 4}`, 9, s.second) +
    s.shadedForm(body, s.main) +
    s.form(pocket, s.main) +
    s.form(flap, flapTone) +
    line(`M${left + 16} ${flapEnd - 8}H${right - 16}`, flapTone.shadow, 3) +
    s.mark(0, 100, middle, 62, pose.tilt * 0.4) +
    s.form(`M92 ${flapEnd - 22}h16v26h-16Z`, s.plain("#f3cf62"))
  );
}

export function drawBag(s: Sketch): string {
  const { dice, pose } = s;
  const [top, bottom, height] = [dice.between(52, 62), dice.between(68, 78), dice.between(92, 108)];
  const y = 184 - height;
  const body = `M${100 - top} ${y}H${100 + top}L${100 + bottom} 172Q${100 + bottom} 186 ${88 + bottom} 186H${112 - bottom}Q${100 - bottom} 186 ${100 - bottom} 172Z`;
  const rise = dice.between(50, 64);
  const band = `M${100 - top - 4} ${y - 6}H${100 + top + 4}V${y + 20}H${96 - top}Z`;
  return (
    s.limb(
      `M${104 - top * 0.66} ${y + 4}C${100 - top * 0.7} ${y - rise * 1.3} ${100 + top * 0.7} ${y - rise * 1.3} ${96 + top * 0.66} ${y + 4}`,
      11,
      s.second,
    ) +
    s.shadedForm(body, s.main) +
    s.form(band, s.second) +
    circle(100, y + 20, 10, "#f3cf62") +
    circle(100, y + 20, 4, "#b98a24") +
    s.mark(0, 100, y + 22 + (height - 22) * 0.54, 68, pose.tilt * 0.4)
  );
}
