/** @file Birds: owls and penguins that stand upright, ducks that sit in profile. */
import { circle, ellipse, line, path, place } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";
import { tone } from "./tones.ts";

const BEAKS = ["#f08a2c", "#f4a532", "#e9702f"];

function wings(s: Sketch, x: number, y: number, length: number, fill = s.main): string {
  // At most 40 degrees: a wing that is raised further leaves the square.
  const lift = s.pose.body === "jump" ? 14 : 0;
  const wing = s.form(`M2 -4Q-30 ${0.34 * length} -14 ${length}Q12 ${0.72 * length} 12 6Z`, fill);
  return (
    place(wing, 100 - x, y, lift + s.pose.arms[0] * 0.2) + place(wing, 100 + x, y, -lift - s.pose.arms[1] * 0.2, -1, 1)
  );
}

export function drawOwl(s: Sketch): string {
  const { dice, pose } = s;
  const width = dice.between(52, 62);
  const top = dice.between(34, 42);
  const body = `M100 ${top}Q${100 + width} ${top} ${100 + width} 108Q${100 + width} 182 100 182Q${100 - width} 182 ${100 - width} 108Q${100 - width} ${top} 100 ${top}Z`;
  const plumage = dice.pick(["bows", "rows", "none"]);
  const rows = [128, 144, 160].map((y, row) => {
    if (plumage === "rows") return line(`M60 ${y}H140`, s.second.fill, 7);
    const xs = [-27, -9, 9, 27].map((x) => 100 + x + (row % 2) * 9 - 4);
    return xs.map((x) => line(`M${x - 8} ${y}q8 11 16 0`, s.second.fill, 5)).join("");
  });
  const belly = ellipse(100, 146, width * 0.68, 38, s.pale.fill);
  const pattern =
    s.hasMark(0) || plumage === "none"
      ? ""
      : s.clipped("M62 146A38 34 0 0 1 138 146A38 34 0 0 1 62 146Z", rows.join(""));
  const beak = dice.pick(BEAKS);
  const ring = dice.between(25, 29);
  const tuft = (side: 1 | -1) =>
    s.form(`M${54 * side} -16L${58 * side} -56Q${36 * side} -52 ${14 * side} -34Z`, s.main);
  const foot = (x: number) => line(`M${x - 9} 191L${x} 182L${x + 9} 191M${x} 182V192`, beak, 6);
  const face =
    tuft(-1) +
    tuft(1) +
    circle(-25, 0, ring, s.second.fill) +
    circle(25, 0, ring, s.second.fill) +
    circle(-25, 0, ring - 6, "#fffaf0") +
    circle(25, 0, ring - 6, "#fffaf0") +
    place(s.eyes(50, dice.between(13, 15)), 0, 0) +
    path("M-9 12Q0 5 9 12L0 31Z", beak) +
    s.worn("eyes", 0, 0, 110) +
    s.worn("head", 0, -30, 84);
  return (
    foot(80) +
    foot(120) +
    s.shadedForm(body, s.main) +
    belly +
    pattern +
    s.mark(0, 100, 147, 57) +
    s.worn("neck", 100, 114, 90) +
    wings(s, width - 5, 94, 62) +
    place(face, 100, top + 42, pose.tilt)
  );
}

export function drawPenguin(s: Sketch): string {
  const { dice, pose } = s;
  const width = dice.between(50, 60);
  const beak = dice.pick(BEAKS);
  const body = `M100 22Q${96 + width} 22 ${98 + width} 104Q${104 + width} 184 100 184Q${96 - width} 184 ${102 - width} 104Q${104 - width} 22 100 22Z`;
  const white = "#fffaf0";
  const inner = width - 14;
  const front =
    path(
      `M100 88Q${100 + inner} 84 ${100 + inner} 132Q${100 + inner} 176 100 176Q${100 - inner} 176 ${100 - inner} 132Q${100 - inner} 84 100 88Z`,
      white,
    ) +
    ellipse(80, 70, 23, 25, white) +
    ellipse(120, 70, 23, 25, white) +
    ellipse(100, 84, 26, 20, white);
  const foot = (x: number) => s.oval(x, 187, 22, 9, tone(beak));
  const face =
    place(s.cheeks(62), 0, 16) +
    place(s.eyes(40, dice.between(10, 12)), 0, 0) +
    s.form("M-15 14Q0 4 15 14Q8 28 0 28Q-8 28 -15 14Z", tone(beak)) +
    s.worn("eyes", 0, 0, 92) +
    s.worn("head", 0, -38, 80);
  return (
    foot(76) +
    foot(124) +
    s.shadedForm(body, s.main) +
    front +
    s.mark(0, 100, 138, 59) +
    s.worn("neck", 100, 106, 88) +
    wings(s, width - 6, 94, 66, s.second) +
    place(face, 100, 68, pose.tilt * 0.7)
  );
}

export function drawDuck(s: Sketch): string {
  const { dice, pose } = s;
  const beak = tone(dice.pick(BEAKS));
  const head = dice.between(37, 43);
  const neck = dice.between(56, 66);
  const body = "M34 116Q60 128 92 112Q150 104 172 92Q190 84 188 104Q184 180 112 182Q36 182 28 134Q26 114 34 116Z";
  const open = pose.expression === "joyful" || pose.expression === "surprised";
  const bill = open
    ? s.form("M-30 4Q-58 -6 -66 6Q-54 12 -30 14Z", beak) + s.form("M-30 14Q-52 16 -58 24Q-44 30 -26 22Z", beak)
    : s.form("M-28 2Q-56 -2 -68 10Q-70 18 -58 20Q-40 24 -26 18Z", beak) +
      line("M-64 12Q-48 12 -32 12", beak.outline, 2.6);
  const face =
    s.shadedOval(0, 0, head, head, s.main) +
    line("M2 -38Q6 -52 16 -52M6 -37Q14 -46 24 -44", s.main.fill, 6) +
    bill +
    place(s.eyes(0, dice.between(10, 12)), -12, -8) +
    place(s.cheeks(0, 9), 4, 12) +
    s.worn("eyes", -14, -7, 70) +
    s.worn("head", 2, -head + 9, 74);
  const lift = pose.body === "jump" ? -28 : 0;
  return (
    s.shadedForm(body, s.main) +
    s.worn("neck", 74, 116, 76) +
    place(s.form("M-34 -16Q20 -30 46 -18Q44 26 4 26Q-30 22 -34 -16Z", s.second), 122, 138, lift) +
    s.mark(0, 122, 141, 49) +
    place(face, 76, 122 - neck, pose.tilt * 0.8)
  );
}
