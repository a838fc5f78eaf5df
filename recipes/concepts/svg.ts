/** @file Small SVG drawings from code: shapes, and the faces that all characters share. */

/** A number as SVG text, with two decimals at most. */
export function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}

export function ellipse(x: number, y: number, radiusX: number, radiusY: number, fill: string, more = ""): string {
  return `<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(radiusX)}" ry="${n(radiusY)}" fill="${fill}" ${more}/>`;
}

export function circle(x: number, y: number, radius: number, fill: string, more = ""): string {
  return ellipse(x, y, radius, radius, fill, more);
}

export function path(d: string, fill: string, more = ""): string {
  return `<path d="${d}" fill="${fill}" ${more}/>`;
}

/** A line of round ends. */
export function line(d: string, color: string, width: number): string {
  return `<path d="${d}" fill="none" stroke="${color}" stroke-width="${n(width)}" stroke-linecap="round" stroke-linejoin="round"/>`;
}

/** A group that is moved, then turned around its own origin (degrees, clockwise), then scaled. */
export function place(content: string, x: number, y: number, turn = 0, scaleX = 1, scaleY = scaleX): string {
  return `<g transform="translate(${n(x)} ${n(y)}) rotate(${n(turn)}) scale(${n(scaleX)} ${n(scaleY)})">${content}</g>`;
}

/** Content that is seen only inside a shape. `id` must be the only one of its name in the drawing. */
export function inside(id: string, shape: string, content: string): string {
  return `<clipPath id="${id}">${shape}</clipPath><g clip-path="url(#${id})">${content}</g>`;
}

/** A star of the given number of points around the origin. */
export function star(points: number, outer: number, inner: number, fill: string): string {
  const corners = Array.from({ length: 2 * points }, (_, i) => {
    const angle = (Math.PI * i) / points - Math.PI / 2;
    const radius = i % 2 === 0 ? outer : inner;
    return `${n(radius * Math.cos(angle))} ${n(radius * Math.sin(angle))}`;
  });
  return path(
    `M${corners.join("L")}Z`,
    fill,
    `stroke="${fill}" stroke-width="${n(outer / 8)}" stroke-linejoin="round"`,
  );
}

/** A heart around the origin, `size` wide. */
export function heart(size: number, fill: string): string {
  const s = size / 20;
  const d = `M0 ${n(9 * s)}C${n(-16 * s)} ${n(-2 * s)} ${n(-9 * s)} ${n(-13 * s)} 0 ${n(-5 * s)}C${n(9 * s)} ${n(-13 * s)} ${n(16 * s)} ${n(-2 * s)} 0 ${n(9 * s)}Z`;
  return path(d, fill);
}

/** A spiral around the origin. */
export function spiral(turns: number, radius: number, color: string, width: number): string {
  const steps = Math.ceil(turns * 16);
  const points = Array.from({ length: steps + 1 }, (_, i) => {
    const angle = (2 * Math.PI * turns * i) / steps;
    const distance = (radius * i) / steps;
    return `${n(distance * Math.cos(angle))} ${n(distance * Math.sin(angle))}`;
  });
  return line(`M${points.join("L")}`, color, width);
}

export const EXPRESSIONS = ["happy", "joyful", "sleepy", "surprised", "wink", "curious"] as const;
export type Expression = (typeof EXPRESSIONS)[number];

const ink = "#2b2233";

/** One eye around the origin. */
function eye(radius: number, iris: string, expression: Expression, right: boolean): string {
  const closed = expression === "joyful" || expression === "sleepy" || (expression === "wink" && right);
  if (closed) {
    const bend = expression === "sleepy" ? radius * 0.9 : -radius * 1.1;
    return line(`M${n(-radius)} 0Q0 ${n(bend)} ${n(radius)} 0`, ink, radius * 0.42);
  }
  const r = expression === "surprised" ? radius * 1.2 : radius;
  const [dx, dy] = expression === "curious" ? [r * 0.24, -r * 0.16] : [0, 0];
  return (
    circle(0, 0, r * 1.12, ink) +
    circle(0, 0, r * 0.96, iris) +
    circle(dx, dy, r * (expression === "surprised" ? 0.46 : 0.62), ink) +
    circle(dx - r * 0.28, dy - r * 0.32, r * 0.28, "#ffffff") +
    circle(dx + r * 0.26, dy + r * 0.28, r * 0.13, "#ffffff")
  );
}

/** Both eyes, `distance` apart, around the origin. The irises may differ. */
export function eyes(
  distance: number,
  radius: number,
  irises: readonly [string, string],
  expression: Expression,
): string {
  return irises.map((iris, i) => place(eye(radius, iris, expression, i === 1), (i - 0.5) * distance, 0)).join("");
}

/** A mouth below the origin, about `width` wide. */
export function mouth(width: number, expression: Expression): string {
  const w = width / 2;
  switch (expression) {
    case "joyful":
      return (
        path(
          `M${n(-w)} 0Q0 ${n(w * 0.35)} ${n(w)} 0Q${n(w * 0.8)} ${n(w * 1.5)} 0 ${n(w * 1.5)}Q${n(-w * 0.8)} ${n(w * 1.5)} ${n(-w)} 0Z`,
          "#7d2539",
        ) + ellipse(0, w * 1.12, w * 0.5, w * 0.36, "#f58a92")
      );
    case "surprised":
      return ellipse(0, w * 0.55, w * 0.42, w * 0.55, "#7d2539");
    case "sleepy":
      return line(`M${n(-w * 0.45)} ${n(w * 0.2)}Q0 ${n(w * 0.5)} ${n(w * 0.45)} ${n(w * 0.2)}`, ink, w * 0.22);
    case "curious":
      return line(
        `M${n(-w * 0.5)} ${n(w * 0.4)}Q${n(w * 0.1)} ${n(w * 0.65)} ${n(w * 0.6)} ${n(w * 0.1)}`,
        ink,
        w * 0.22,
      );
    case "happy":
    case "wink":
      return line(`M${n(-w)} 0Q${n(-w * 0.5)} ${n(w)} 0 ${n(w * 0.1)}Q${n(w * 0.5)} ${n(w)} ${n(w)} 0`, ink, w * 0.24);
  }
}
