/** @file Apples, cakes and ice cream. */
import { circle, ellipse, line, mouth, path, place } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";
import { tone } from "./tones.ts";

export function drawApple(s: Sketch): string {
  const { dice } = s;
  const [width, low] = [dice.between(72, 80), dice.between(184, 190)];
  const body = `M100 62Q${88 - width * 0.2} 38 ${112 - width} 58Q${88 - width} 76 ${98 - width} 114Q${114 - width} ${low} 76 ${low}Q90 ${low} 100 ${low - 6}Q110 ${low} 124 ${low}Q${86 + width} ${low} ${102 + width} 114Q${112 + width} 76 ${88 + width} 58Q${112 + width * 0.2} 38 100 62Z`;
  const hasFace = dice.chance(0.35) && !s.hasMark(0);
  return (
    line("M100 66Q96 40 106 18", "#7a4b2e", 9) +
    s.form("M106 42Q116 8 156 14Q150 48 106 42Z", tone("#63ad54")) +
    s.shadedForm(body, s.main) +
    path("M48 86Q54 68 70 66Q60 80 58 100Q50 102 48 86Z", "#ffffff", 'opacity="0.55"') +
    s.mark(0, 104, 124, 76) +
    (hasFace
      ? place(s.eyes(44, 10), 100, 112) + place(mouth(20, s.pose.expression), 100, 128) + place(s.cheeks(74), 100, 126)
      : "")
  );
}

export function drawCake(s: Sketch): string {
  const { dice } = s;
  const [top, width] = [dice.between(72, 84), dice.between(70, 78)];
  const [left, right] = [100 - width, 100 + width];
  const body = `M${left} ${top}V160Q${left} 178 100 178Q${right} 178 ${right} 160V${top}Z`;
  const step = (2 * width) / 6;
  const drips = Array.from({ length: 6 }, () => `q${step / 2} ${dice.between(18, 40)} ${step} 0`).join("");
  const candles = dice.pick([[100], [76, 124], [64, 100, 136]]);
  const hasCherry = dice.chance(0.35);
  const candle = (x: number) =>
    s.form(`M${x - 6} ${top + 2}V${top - 34}h12V${top + 2}Z`, s.plain("#fdf3e2")) +
    line(`M${x - 6} ${top - 12}L${x + 6} ${top - 20}`, "#e86f8a", 5) +
    path(
      `M${x} ${top - 60}Q${x + 12} ${top - 42} ${x} ${top - 36}Q${x - 12} ${top - 42} ${x} ${top - 60}Z`,
      "#f9a825",
    ) +
    ellipse(x, top - 43, 3, 5, "#fff3b0");
  const cherry =
    s.oval(100, top - 16, 16, 16, s.plain("#d92f45")) +
    line(`M100 ${top - 30}Q104 ${top - 46} 116 ${top - 50}`, "#5a7a3a", 4);
  return (
    s.oval(100, 172, 92, 16, s.plain("#e6edf3")) +
    s.shadedForm(body, s.main) +
    s.clipped(body, path(`M${left} ${top - 4}V${top + 12}${drips}V${top - 4}Z`, s.second.fill)) +
    s.oval(100, top, width, 17, s.second) +
    s.mark(0, 100, 142, 57) +
    (hasCherry ? cherry : candles.map(candle).join(""))
  );
}

export function drawIceCream(s: Sketch): string {
  const { dice } = s;
  const [radius, scoops] = [dice.between(44, 52), dice.chance(0.5) ? 2 : 1];
  const waffle = tone(dice.pick(["#d99a52", "#e0a65e", "#c98a48"]));
  const top = scoops === 2 ? 96 : 82;
  const cone = `M${100 - radius + 4} ${top + 14}L94 188Q100 196 106 188L${96 + radius} ${top + 14}Z`;
  const drips = `M${100 - radius} ${top}A${radius} ${radius} 0 0 1 ${100 + radius} ${top}Q${98 + radius} ${top + 22} ${88 + radius * 0.7} ${top + 16}Q116 ${top + 8} 106 ${top + 24}Q96 ${top + 34} 86 ${top + 18}Q70 ${top + 8} ${106 - radius} ${top + 18}Q${102 - radius} ${top + 14} ${100 - radius} ${top}Z`;
  const upper = radius * 0.84;
  return (
    s.shadedForm(cone, waffle) +
    s.clipped(cone, line("M40 100L120 190M70 92L150 180M160 100L80 190M130 92L50 180", waffle.outline, 3.6)) +
    (scoops === 2 ? s.shadedOval(100, top - 46, upper, upper * 0.92, s.second) : "") +
    s.shadedForm(drips, s.main) +
    (dice.chance(0.5) ? s.oval(100, top - (scoops === 2 ? 46 + upper : radius), 12, 12, s.plain("#d92f45")) : "") +
    s.mark(0, 100, top - 14, 57) +
    (s.hasMark(0)
      ? ""
      : [
          [-20, -20],
          [4, -30],
          [22, -12],
        ]
          .map(([x, y]) => circle(100 + x, top + y, 4, scoops === 2 ? s.second.fill : s.pale.fill))
          .join(""))
  );
}
