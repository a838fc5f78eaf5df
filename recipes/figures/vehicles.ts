/** @file Cars, trucks, sailing boats and rockets. */
import { circle, line, path, place } from "../concepts/svg.ts";
import type { Sketch } from "./sketch.ts";

const GLASS = "#bfe3f5";

function wheel(s: Sketch, x: number, y: number, radius: number): string {
  return (
    s.oval(x, y, radius, radius, s.plain("#2c2d36")) +
    circle(x, y, radius * 0.52, "#d7dbe2") +
    circle(x, y, radius * 0.2, "#7d8494")
  );
}

/** Drives to the left. */
export function drawCar(s: Sketch): string {
  const { dice } = s;
  const [roof, front, back] = [dice.between(50, 62), dice.between(46, 60), dice.between(148, 164)];
  const radius = dice.between(23, 27);
  const cabin = `M${front} 106Q${front + 10} ${roof} ${front + 34} ${roof}H${back - 30}Q${back - 8} ${roof} ${back + 8} 106Z`;
  const body = "M10 128Q10 104 34 102H168Q190 104 190 128V152Q190 160 180 160H20Q10 160 10 152Z";
  const middle = (front + back) / 2;
  const pane = (from: number, to: number, lean: number) =>
    s.form(`M${from} 100L${from + lean} ${roof + 12}H${to}V100Z`, s.plain(GLASS));
  return (
    s.shadedForm(cabin, s.main) +
    pane(front + 14, middle - 5, 12) +
    place(pane(0, back - middle - 12, 12), back + 1, 0, 0, -1, 1) +
    s.shadedForm(body, s.main) +
    path("M10 138H190V148H10Z", s.second.fill) +
    s.oval(22, 122, 9, 9, s.plain("#ffe68a")) +
    s.form("M182 114h10v16h-10Z", s.plain("#e5484d")) +
    s.mark(0, 101, 124, 51) +
    line("M126 112h12", s.main.outline, 4) +
    wheel(s, 52, 160, radius) +
    wheel(s, 150, 160, radius)
  );
}

/** Drives to the left. */
export function drawTruck(s: Sketch): string {
  const { dice } = s;
  const [top, cab] = [dice.between(34, 48), dice.between(72, 84)];
  const radius = dice.between(20, 24);
  const box = `M68 ${top}H186Q194 ${top} 194 ${top + 8}V146H68Z`;
  const cabin = `M8 146V122Q8 114 14 108L26 ${cab + 4}Q28 ${cab} 36 ${cab}H64V146Z`;
  return (
    path("M6 144H194V158H6Z", "#4a4d59") +
    s.shadedForm(box, s.main) +
    s.mark(0, 131, (top + 146) / 2, 72) +
    (s.hasMark(0) ? "" : line(`M70 ${(top + 150) / 2}H192`, s.second.fill, 14)) +
    s.shadedForm(cabin, s.second) +
    s.form(`M24 110L34 ${cab + 10}H56V110Z`, s.plain(GLASS)) +
    circle(12, 134, 6, "#ffe68a") +
    wheel(s, 40, 160, radius) +
    wheel(s, 118, 160, radius) +
    wheel(s, 164, 160, radius)
  );
}

export function drawBoat(s: Sketch): string {
  const { dice } = s;
  const [mast, reach, hull] = [dice.between(10, 20), dice.between(70, 84), dice.between(128, 138)];
  const body = `M14 ${hull}H188Q182 176 154 186H52Q24 182 14 ${hull}Z`;
  return (
    line(`M98 ${mast}V${hull}`, "#8a5c36", 8) +
    s.shadedForm(`M106 ${mast + 6}Q${106 + reach * 0.7} ${mast + 50} ${104 + reach} ${hull - 12}H106Z`, s.pale) +
    s.form(`M92 ${mast + 22}Q${70 - reach * 0.3} ${mast + 66} ${92 - reach * 0.8} ${hull - 12}H92Z`, s.second) +
    s.mark(0, 128, hull - 40, 57) +
    path(`M98 ${mast - 6}L122 ${mast + 4}L98 ${mast + 14}Z`, s.second.fill) +
    s.shadedForm(body, s.main) +
    s.clipped(body, path(`M0 ${hull}H200V${hull + 12}H0Z`, s.second.fill)) +
    (dice.chance(0.5) ? [62, 100, 138].map((x) => circle(x, hull + 29, 8, "#dff1fa")).join("") : "")
  );
}

export function drawRocket(s: Sketch): string {
  const { dice, pose } = s;
  const width = dice.between(34, 40);
  const [left, right] = [100 - width, 100 + width];
  const body = `M100 6Q${right} 44 ${right} 104Q${right} 138 ${100 + width * 0.7} 154H${100 - width * 0.7}Q${left} 138 ${left} 104Q${left} 44 100 6Z`;
  const fin = (side: 1 | -1) =>
    s.form(
      `M${100 + side * (width - 8)} 104Q${100 + side * 78} 122 ${100 + side * 74} 170Q${100 + side * 52} 152 ${100 + side * (width * 0.6)} 152Z`,
      s.second,
    );
  const flame = pose.body === "lie" ? 180 : 196;
  return (
    path(`M80 154Q72 176 100 ${flame}Q128 176 120 154Z`, "#f59a23") +
    path(`M90 154Q86 168 100 ${flame - 14}Q114 168 110 154Z`, "#ffe27a") +
    fin(-1) +
    fin(1) +
    s.shadedForm(body, s.main) +
    s.clipped(body, path("M40 -10H160V46Q100 58 40 46Z", s.second.fill)) +
    s.oval(100, 78, 20, 20, s.second) +
    circle(100, 78, 14, GLASS) +
    line("M93 76Q95 70 101 69", "#ffffff", 4) +
    s.mark(0, 100, 126, 54)
  );
}
