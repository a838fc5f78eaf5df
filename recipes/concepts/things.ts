/** @file The things among the concepts: a teapot, two mugs that are easily confused, a backpack. */
import type { Pose } from "./animal.ts";
import { circle, ellipse, eyes, inside, line, mouth, path, place, star } from "./svg.ts";

function steam(x: number, y: number): string {
  return `<g opacity="0.75">${line(`M${x} ${y}q-7 -9 0 -17q7 -8 0 -17`, "#ffffff", 5)}${line(`M${x + 16} ${y}q-7 -9 0 -15q6 -7 0 -13`, "#ffffff", 5)}</g>`;
}

/** A teal teapot with fish scales, a toadstool on its lid, a curled handle, three feet and a sleepy face. */
export function drawTeapot(pose: Pose): string {
  const body = ellipse(98, 122, 58, 48, "#2fa69a");
  const scales = [0, 1, 2].flatMap((row) =>
    Array.from({ length: 7 }, (_, i) =>
      circle(
        34 + i * 22 + (row % 2) * 11,
        168 - row * 12,
        12,
        ["#f6c344", "#f28f3b", "#eb6a4c"][row],
        'stroke="#1e7d75" stroke-width="2"',
      ),
    ),
  );
  const lidLift = pose.body === "jump" ? 15 : 0;
  const lid =
    ellipse(0, 0, 33, 10, "#f6c344") +
    line("M0 -6V-14", "#fff4e0", 14) +
    path("M-26 -14Q-23 -42 0 -42Q23 -42 26 -14Z", "#d9434b") +
    circle(-12, -22, 5.5, "#fff") +
    circle(3, -32, 5.5, "#fff") +
    circle(13, -20, 5, "#fff");
  return (
    line("M150 96Q186 84 182 122Q178 150 156 142Q144 134 154 126", "#1e7d75", 11) +
    path("M52 132Q24 132 18 92L8 84Q16 76 26 82L34 90Q38 108 58 108Z", "#2fa69a") +
    ellipse(17, 82, 11, 5, "#1e7d75", 'transform="rotate(28 17 82)"') +
    (pose.body === "sit" ? steam(4, 70) : "") +
    line("M66 160V176M98 166V180M130 160V176", "#1e7d75", 14) +
    body +
    inside("pot", body, [...scales].reverse().join("")) +
    (lidLift > 0 ? steam(92, 72) : "") +
    place(lid, 98, 78 - lidLift, pose.tilt * (lidLift > 0 ? 1 : 0)) +
    place(eyes(40, 8.5, ["#fff0c8", "#fff0c8"], pose.expression), 98, 112) +
    place(mouth(18, pose.expression), 98, 122) +
    ellipse(66, 123, 7, 4.5, "#f28f8f") +
    ellipse(130, 123, 7, 4.5, "#f28f8f")
  );
}

interface Mug {
  readonly clay: string;
  readonly glaze: string;
  readonly drink: string;
  readonly motif: string;
  readonly foot: string;
  /** Around the origin, to the right of it. */
  readonly handle: string;
}

/** Both mugs have the same body. Views from the other side show the handle on the left. */
function drawMug(mug: Mug, pose: Pose): string {
  const body = path("M46 62H146V146Q146 176 116 176H76Q46 176 46 146Z", mug.clay);
  const drips = path(
    "M40 56H152V88Q146 98 138 90Q132 78 124 85Q118 105 108 100Q100 84 92 84Q84 84 80 94Q72 105 64 91Q58 79 52 88Q46 94 40 89Z",
    mug.glaze,
  );
  const side = pose.arms[0] > pose.arms[1] ? -1 : 1;
  const extra = pose.body === "sit" ? steam(86, 50) : pose.body === "jump" ? spoon(side) : marshmallows();
  return (
    place(mug.handle, 96 + 48 * side, 112, 0, side, 1) +
    body +
    inside(
      "mug",
      body,
      place(mug.motif, 96, 140) + `<rect x="40" y="168" width="112" height="12" fill="${mug.foot}"/>` + drips,
    ) +
    ellipse(96, 62, 50, 13, mug.clay) +
    ellipse(96, 63, 43, 9.5, mug.drink) +
    extra
  );
}

function marshmallows(): string {
  return ["M74 50h15v13h-15z", "M92 46h15v15h-15z", "M108 52h14v11h-14z"]
    .map((d) => path(d, "#fff6f2", 'stroke="#eccfc9" stroke-width="2" stroke-linejoin="round"'))
    .join("");
}

function spoon(side: 1 | -1): string {
  return place(
    line("M0 0L18 -46", "#aeb8c4", 6) + ellipse(20, -50, 7, 10, "#c4cdd8", 'transform="rotate(20 20 -50)"'),
    96,
    64,
    0,
    side,
    1,
  );
}

/** A cream mug with a rust glaze that drips, three arches, and a pointed handle. */
export function drawEmber(pose: Pose): string {
  const arches = [36, 23.5, 11].map((r, i) =>
    line(`M${-r} 18A${r} ${r} 0 0 1 ${r} 18`, ["#27406f", "#c8502d", "#e9a13b"][i], 8),
  );
  return drawMug(
    {
      clay: "#f6ead4",
      glaze: "#c8502d",
      drink: "#5a3423",
      motif: arches.join(""),
      foot: "#27406f",
      handle: line("M-2 -30L38 -14L-2 32", "#c8502d", 13),
    },
    pose,
  );
}

/** A cream mug with a navy glaze that drips, a sun of eight rays, and a handle of two rings. */
export function drawCinder(pose: Pose): string {
  return drawMug(
    {
      clay: "#f4ead8",
      glaze: "#2b3f78",
      drink: "#d9b48a",
      motif: place(star(8, 32, 18, "#e9a13b") + circle(0, 0, 13, "#f4ead8") + circle(0, 0, 7, "#c8502d"), 0, -4),
      foot: "#e9a13b",
      handle:
        circle(10, -16, 17, "none", 'stroke="#2b3f78" stroke-width="11"') +
        circle(8, 16, 14, "none", 'stroke="#2b3f78" stroke-width="11"'),
    },
    pose,
  );
}

/** An olive backpack with two unequal buttons, a zip that smiles, a checkered patch and a striped blanket. */
export function drawNomad(pose: Pose): string {
  const olive = "#7f9444";
  const dark = "#5c6d2f";
  const blanket = `<rect x="48" y="34" width="104" height="28" rx="14" fill="#f08fa6"/>`;
  const stripes = [62, 84, 106, 128]
    .map((x) => `<rect x="${x}" y="30" width="9" height="36" fill="#fff3e6"/>`)
    .join("");
  const zip =
    pose.expression === "surprised"
      ? circle(92, 146, 8, "#2b2233")
      : line(pose.expression === "joyful" ? "M68 140Q90 170 112 140" : "M68 144Q88 160 108 144", "#f3d36b", 7);
  const button = (x: number, radius: number, color: string) =>
    circle(x, 118, radius, color) +
    circle(x - radius * 0.3, 118, radius * 0.18, "#2b2233") +
    circle(x + radius * 0.3, 118, radius * 0.18, "#2b2233");
  const closed =
    pose.expression === "joyful" || pose.expression === "sleepy"
      ? line("M68 118Q78 110 88 118M114 118Q122 111 130 118", "#2b2233", 4)
      : "";
  const checks = [0, 2, 4, 6, 8].map(
    (i) => `<rect x="${(i % 3) * 7}" y="${Math.floor(i / 3) * 7}" width="7" height="7" fill="#2b3f78"/>`,
  );
  const swing = pose.arms[0] * 0.15;
  return (
    place(
      line("M0 0Q-26 34 -12 92", "#f08a2c", 13) + line("M-12 24L-4 28M-18 44L-8 46M-18 64L-8 64", "#fff3e6", 4),
      54,
      82,
      swing,
    ) +
    place(
      line("M0 0Q26 34 12 92", "#f08a2c", 13) + line("M12 24L4 28M18 44L8 46M18 64L8 64", "#fff3e6", 4),
      146,
      82,
      -pose.arms[1] * 0.15,
    ) +
    line("M84 34Q100 4 116 34", dark, 8) +
    path("M48 86Q48 46 100 46Q152 46 152 86V164Q152 182 134 182H66Q48 182 48 164Z", olive) +
    path("M48 86Q48 46 100 46Q152 46 152 86Q152 98 140 98H60Q48 98 48 86Z", dark) +
    place(blanket + inside("blanket", blanket, stripes), 0, 0, pose.tilt * 0.12) +
    line("M70 34V70M130 34V70", "#f08a2c", 6) +
    `<rect x="60" y="104" width="80" height="64" rx="16" fill="#98ad57"/>` +
    (closed === "" ? button(80, 15, "#f3d36b") + button(122, 10, "#e4572e") : closed) +
    zip +
    place(`<rect x="-3" y="-3" width="27" height="27" rx="4" fill="#fff3e6"/>${checks.join("")}`, 114, 142, 14, 1.35)
  );
}
