/** @file Houses and castles. */
import { circle, line, path, place } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";

const LIGHT = "#fff0b0";

function pane(s: Sketch, x: number, y: number, side: number): string {
  const h = side / 2;
  return (
    s.form(`M${x - h} ${y - h}h${side}v${side}h${-side}Z`, s.plain(LIGHT)) +
    line(`M${x} ${y - h}V${y + h}M${x - h} ${y}H${x + h}`, "#8a6a3f", 3)
  );
}

export function drawHouse(s: Sketch): string {
  const { dice } = s;
  const [width, eaves, peak] = [dice.between(58, 68), dice.between(92, 102), dice.between(18, 30)];
  const overhang = dice.between(14, 22);
  const [left, right] = [100 - width, 100 + width];
  const chimney = dice.chance(0.5) ? 140 : 58;
  const doorX = dice.chance(0.5) ? 74 : 126;
  const door = s.plain(dice.pick(["#7a4b35", "#8c5a3c", "#5d4a6b"]));
  return (
    s.form(`M${chimney - 12} ${eaves - 14}V${peak + 8}h24V${eaves - 14}Z`, s.plain("#a85a45")) +
    s.shadedForm(`M${left} ${eaves - 6}H${right}V186H${left}Z`, s.main) +
    s.shadedForm(
      `M100 ${peak}L${right + overhang} ${eaves}Q${right + overhang - 2} ${eaves + 8} ${right + overhang - 10} ${eaves + 8}H${left - overhang + 10}Q${left - overhang + 2} ${eaves + 8} ${left - overhang} ${eaves}Z`,
      s.second,
    ) +
    (s.hasMark(0) ? s.mark(0, 100, eaves - 22, 51) : s.oval(100, eaves - 24, 13, 13, s.plain(LIGHT))) +
    s.form(`M${doorX - 17} 186V138Q${doorX - 17} 124 ${doorX} 124Q${doorX + 17} 124 ${doorX + 17} 138V186Z`, door) +
    circle(doorX + 9, 158, 3.6, "#f3cf62") +
    pane(s, 200 - doorX, 142, 34)
  );
}

export function drawCastle(s: Sketch): string {
  const { dice } = s;
  const [tall, tower] = [dice.between(52, 64), dice.between(38, 44)];
  const battlements = (left: number, right: number, y: number) => {
    const step = (right - left) / 5;
    const teeth = [0, 1, 2, 3, 4].map((i) => (i % 2 === 0 ? `v-13h${step}v13` : `h${step}`)).join("");
    return `M${left} ${y}${teeth}V186H${left}Z`;
  };
  const side = (x: number) =>
    s.shadedForm(`M${x - tower / 2} ${tall + 26}h${tower}V186h${-tower}Z`, s.main) +
    s.form(`M${x} ${tall - 42}L${x + tower / 2 + 8} ${tall + 28}H${x - tower / 2 - 8}Z`, s.second) +
    s.form(`M${x - 7} ${tall + 66}V${tall + 50}a7 7 0 0 1 14 0V${tall + 66}Z`, s.plain("#4a4358"));
  const flag = place(line("M0 0V-24", "#6b5a48", 4) + path("M0 -26L22 -18L0 -10Z", s.second.fill), 100, 82);
  return (
    flag +
    s.shadedForm(battlements(52, 148, 94), s.main) +
    side(36) +
    side(164) +
    (s.hasMark(0) ? s.mark(0, 100, 116, 49) : s.form("M86 124V112a14 14 0 0 1 28 0V124Z", s.plain("#4a4358"))) +
    s.form("M78 186V160A22 22 0 0 1 122 160V186Z", s.plain("#6e4a35")) +
    line("M92 142V186M108 142V186", "#4f3324", 3)
  );
}
