/** @file Trees, flowers, cactuses and mushrooms. */
import { circle, ellipse, line, path, place } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";
import { tone } from "./tones.ts";

const LEAF = "#5aa65a";

export function drawTree(s: Sketch): string {
  const { dice } = s;
  const bark = tone(dice.pick(["#8a5c36", "#7a4b2e", "#9a6b43"]));
  const size = dice.between(0.94, 1.06);
  const lobes = [
    [58, 92, 40],
    [142, 92, 40],
    [76, 58, 40],
    [126, 56, 42],
    [100, 92, 50],
  ].map(([x, y, radius]) => [x + dice.between(-5, 5), y + dice.between(-5, 5), radius * size]);
  const crown = lobes
    .map(([x, y, r]) => `M${x - r} ${y}a${r} ${r} 0 1 1 ${2 * r} 0a${r} ${r} 0 1 1 ${-2 * r} 0Z`)
    .join("");
  const fruits =
    dice.chance(0.6) && !s.hasMark(0)
      ? [
          [62, 84],
          [98, 50],
          [140, 78],
          [84, 116],
          [122, 112],
        ]
          .map(([x, y]) => circle(x, y, 9, s.second.fill))
          .join("")
      : "";
  return (
    s.form("M86 186Q92 150 84 116H116Q108 150 116 186Q100 192 86 186Z", bark) +
    line("M100 132Q112 116 128 108", bark.fill, 10) +
    // The lobes' outlines lie below their fills, so that only the crown's own outline is left.
    s.form(crown, s.main) +
    lobes.map(([x, y, r]) => circle(x, y, r - 1, s.main.fill)).join("") +
    s.clipped(crown, ellipse(112, 142, 92, 26, s.main.shadow, 'opacity="0.8"')) +
    path("M58 62Q64 46 80 40", "none", 'opacity="0.35" stroke="#ffffff" stroke-width="5" stroke-linecap="round"') +
    fruits +
    s.mark(0, 100, 82, 73)
  );
}

export function drawFlower(s: Sketch): string {
  const { dice, pose } = s;
  const count = dice.pick([5, 6, 8]);
  const reach = dice.between(44, 50);
  const width = Math.min(30, 150 / count + 4);
  const petals = Array.from({ length: count }, (_, i) =>
    place(s.oval(0, -reach + 6, width, 34, s.main), 0, 0, (360 * i) / count),
  );
  const leaf = tone(LEAF);
  const hasFace = dice.chance(0.3) && !s.hasMark(0);
  const side = (turn: 1 | -1) =>
    s.form(`M100 172Q${100 + 22 * turn} 132 ${100 + 60 * turn} 140Q${100 + 50 * turn} 176 100 176Z`, leaf);
  return (
    s.limb(`M100 186Q${100 + pose.tilt * 0.6} 150 100 100`, 10, leaf) +
    side(-1) +
    side(1) +
    place(
      petals.join("") +
        s.shadedOval(0, 0, 29, 29, s.second) +
        s.mark(0, 0, 0, 46) +
        (hasFace ? place(s.eyes(22, 6.5), 0, -4) + line("M-7 8Q0 15 7 8", s.ink, 3.4) : ""),
      100,
      84,
      pose.tilt,
    )
  );
}

export function drawCactus(s: Sketch): string {
  const { dice } = s;
  const [left, right] = [dice.between(66, 96), dice.between(66, 96)];
  const width = dice.between(52, 62);
  const [top, half] = [30, width / 2];
  const body = `M${100 - half} 150V${top + half}A${half} ${half} 0 0 1 ${100 + half} ${top + half}V150Z`;
  const hasFace = dice.chance(0.35) && !s.hasMark(0);
  const spines = [
    [88, 54],
    [112, 64],
    [90, 128],
    [111, 132],
  ].map(([x, y]) => line(`M${x} ${y}l-4 -6M${x} ${y}l4 -6`, s.pale.fill, 3));
  return (
    s.limb(`M100 ${left + 40}H58Q46 ${left + 40} 46 ${left + 26}V${left}`, 25, s.main) +
    s.limb(`M100 ${right + 30}H142Q154 ${right + 30} 154 ${right + 16}V${right - 10}`, 25, s.main) +
    s.shadedForm(body, s.main) +
    spines.join("") +
    (dice.chance(0.6)
      ? [0, 72, 144, 216, 288].map((turn) => place(ellipse(0, -8, 6, 9, "#f587ad"), 100, top, turn)).join("") +
        circle(100, top, 5, "#ffe27a")
      : "") +
    s.mark(0, 100, 94, 54) +
    (hasFace ? place(s.eyes(28, 8), 100, 88) + line("M92 104Q100 112 108 104", s.ink, 3.6) : "") +
    s.shadedForm("M58 146H142L132 182Q130 188 122 188H78Q70 188 68 182Z", s.second) +
    s.form("M52 140H148V156H52Z", s.second)
  );
}

export function drawMushroom(s: Sketch): string {
  const { dice } = s;
  const [width, top] = [dice.between(78, 90), dice.between(20, 32)];
  const [left, right] = [100 - width, 100 + width];
  const cap = `M${left} 108C${left} ${top - 12} ${right} ${top - 12} ${right} 108Q${right} 122 ${right - 16} 122H${left + 16}Q${left} 122 ${left} 108Z`;
  const stem = dice.between(28, 36);
  const beside = [
    [100, 52, 15],
    [58, 80, 12],
    [142, 80, 12],
    [100, 100, 11],
  ];
  // A mark takes the middle; the colour that a caption may name is still to be seen.
  const around = [
    [48, 88, 15],
    [152, 88, 15],
  ];
  const dots = (s.hasMark(0) ? around : beside).map(([x, y, r]) => circle(x, y, r, s.second.fill));
  const hasFace = dice.chance(0.4);
  return (
    s.shadedForm(
      `M${100 - stem} 112Q${104 - stem} 150 ${92 - stem} 178Q100 194 ${108 + stem} 178Q${96 + stem} 150 ${100 + stem} 112Z`,
      s.pale,
    ) +
    s.shadedForm(cap, s.main) +
    s.clipped(cap, dots.join("")) +
    s.mark(0, 100, 78, 70) +
    path(`M${100 - stem - 18} 122Q100 136 ${118 + stem} 122Z`, s.pale.shadow) +
    (hasFace ? place(s.eyes(30, 8), 100, 148) + line("M92 164Q100 172 108 164", s.ink, 3.6) : "")
  );
}
