/** @file The owl: plum, with chevrons in three colours, and eyes in unequal rings. */
import type { Pose } from "./animal.ts";
import { circle, ellipse, eyes, inside, line, path, place } from "./svg.ts";

const plum = "#6a4a8c";
const dark = "#4b3368";

function wing(): string {
  return (
    path("M0 0Q-24 22 -14 66Q6 52 8 8Z", dark) +
    circle(-6, 22, 4, "#f4b942") +
    circle(-9, 36, 4, "#ef7d5b") +
    circle(-8, 50, 4, "#3db5a9")
  );
}

/** On a square of 200 by 200. */
export function drawOwl(pose: Pose): string {
  const body = path("M100 38Q160 38 160 112Q160 180 100 180Q40 180 40 112Q40 38 100 38Z", plum);
  const chevrons = ["#f4b942", "#ef7d5b", "#3db5a9"].map((color, i) => {
    const [high, low] = [112 + 25 * i, 130 + 25 * i];
    return line(`M56 ${high}L78 ${low}L100 ${high}L122 ${low}L144 ${high}`, color, 12);
  });
  const belly = ellipse(100, 142, 42, 40, "#f3e7f2");
  const foot = (x: number) => line(`M${x - 9} 188L${x} 178L${x + 9} 188M${x} 178V190`, "#f08a2c", 7);
  const lift = pose.body === "jump" ? 70 : 0;
  const face =
    path("M-52 -24L-58 -62Q-38 -56 -20 -42Z", plum) +
    path("M52 -24L58 -62Q38 -56 20 -42Z", "#f08a2c") +
    circle(-24, 0, 29, "#f4b942") +
    circle(-24, 0, 22, "#fff8e8") +
    circle(25, 0, 27, "#3db5a9") +
    circle(25, 0, 17, "#fff8e8") +
    path("M0 -40L9 -28L0 -16L-9 -28Z", "#ef7d5b") +
    place(eyes(48, 11.5, ["#f08a2c", "#f08a2c"], pose.expression), 0.5, 0) +
    path("M-8 10Q0 4 8 10L0 27Z", "#f08a2c");
  return (
    foot(80) +
    foot(120) +
    body +
    inside("belly", belly, belly + chevrons.join("")) +
    place(wing(), 46, 100, lift + pose.arms[0] * 0.5) +
    place(wing(), 154, 100, -lift - pose.arms[1] * 0.5, -1, 1) +
    place(face, 100, 78, pose.tilt * 1.2)
  );
}
