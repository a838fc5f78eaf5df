/** @file Balls and hats. */
import { circle, ellipse, line, path, place } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";

/** A beach ball: six wedges around a pole that lies above the middle. */
export function drawBall(s: Sketch): string {
  const { dice, pose } = s;
  const radius = dice.between(82, 90);
  const outline = `M${-radius} 0A${radius} ${radius} 0 0 1 ${radius} 0A${radius} ${radius} 0 0 1 ${-radius} 0Z`;
  const turn = dice.between(0, 60) + pose.tilt;
  const third = dice.chance(0.5) ? s.pale.fill : s.second.fill;
  const point = (angle: number, distance: number) => {
    const radians = ((angle + turn) * Math.PI) / 180;
    return `${distance * Math.cos(radians)} ${distance * Math.sin(radians)}`;
  };
  // Edges bend, as meridians do.
  const wedge = (i: number, fill: string) => {
    const [from, to] = [60 * i, 60 * (i + 1)];
    return path(
      `M0 0Q${point(from + 14, radius * 0.7)} ${point(from, radius * 1.7)}L${point(from + 30, radius * 2.4)}L${point(to, radius * 1.7)}Q${point(to + 14, radius * 0.7)} 0 0Z`,
      fill,
    );
  };
  const [x, y] = [-0.22 * radius, -0.36 * radius];
  const wedges = [s.second.fill, third, s.second.fill].map((fill, i) => wedge(2 * i, fill)).join("");
  return place(
    s.shadedOval(0, 0, radius, radius, s.main) +
      s.clipped(
        outline,
        place(wedges, x, y) +
          circle(x, y, 13, s.pale.fill) +
          ellipse(radius * 0.1, radius * 1.02, radius, radius * 0.3, "#000000", 'opacity="0.1"'),
      ) +
      (s.hasMark(0) ? s.oval(12, 26, 38, 38, s.main) + s.mark(0, 12, 26, 62) : "") +
      path(
        `M${-0.72 * radius} ${-0.2 * radius}Q${-0.66 * radius} ${-0.56 * radius} ${-0.36 * radius} ${-0.72 * radius}`,
        "none",
        'stroke="#ffffff" stroke-width="7" stroke-linecap="round" opacity="0.6"',
      ),
    100,
    104,
  );
}

/** A hat with a brim and a band. */
export function drawHat(s: Sketch): string {
  const { dice } = s;
  const isTall = dice.chance(0.5);
  const [width, top] = isTall
    ? [dice.between(48, 54), dice.between(26, 36)]
    : [dice.between(54, 60), dice.between(44, 54)];
  const [left, right] = [100 - width, 100 + width];
  const crown = isTall
    ? `M${left} 150L${left - 4} ${top + 8}Q100 ${top - 10} ${right + 4} ${top + 8}L${right} 150Q100 166 ${left} 150Z`
    : `M${left} 150Q${left - 2} ${top} 100 ${top}Q${right + 2} ${top} ${right} 150Q100 166 ${left} 150Z`;
  return (
    s.shadedOval(100, 150, 92, 26, s.main) +
    ellipse(100, 148, width + 8, 13, s.main.shadow) +
    s.shadedForm(crown, s.main) +
    s.clipped(crown, path(`M${left - 10} 122Q100 140 ${right + 10} 122V152Q100 172 ${left - 10} 152Z`, s.second.fill)) +
    (isTall
      ? ellipse(100, top + 8, width + 3, 10, s.main.shadow)
      : line(`M84 ${top + 12}Q100 ${top + 20} 116 ${top + 12}`, s.main.shadow, 5)) +
    s.mark(0, 100, isTall ? 86 : 94, 57) +
    (dice.chance(0.3) && !s.hasMark(0) ? circle(140, 134, 11, s.pale.fill) + circle(140, 134, 5, s.main.fill) : "")
  );
}
