/** @file What animals, birds and robots can wear, drawn around the origin and one unit of 100 wide. */
import { circle, path } from "../concepts/svg.ts";
import { PALETTE, type ColorName, type Rgb } from "../world/color.ts";

export const GARMENT_NAMES = ["hat", "crown", "sunglasses", "scarf", "bow tie"] as const;
export type GarmentName = (typeof GARMENT_NAMES)[number];

/** The colours of garments that come in colours; crowns are golden and sunglasses black. */
export const GARMENT_COLORS: readonly ColorName[] = ["red", "yellow", "green", "blue", "purple", "pink"];

export interface Garment {
  readonly name: GarmentName;
  readonly color: ColorName | undefined;
}

export function comesInColors(name: GarmentName): boolean {
  return name === "hat" || name === "scarf" || name === "bow tie";
}

/** What most of a garment looks like. */
export function mainColorOf({ name, color }: Garment): ColorName {
  return color ?? (name === "crown" ? "yellow" : "black");
}

/** Where it is worn: over the head, on the eyes or at the neck. */
export function placeOf(name: GarmentName): "head" | "eyes" | "neck" {
  return name === "sunglasses" ? "eyes" : name === "scarf" || name === "bow tie" ? "neck" : "head";
}

const css = ([r, g, b]: Rgb) => `rgb(${r},${g},${b})`;
const mixed = (x: Rgb, y: Rgb, share: number): Rgb => [
  Math.round(x[0] + share * (y[0] - x[0])),
  Math.round(x[1] + share * (y[1] - x[1])),
  Math.round(x[2] + share * (y[2] - x[2])),
];

/** Hats stand on the origin; sunglasses have their middle there; what is worn at the neck hangs from it. */
export function drawGarment(garment: Garment): string {
  const main = PALETTE[mainColorOf(garment)];
  const fill = css(main);
  const dark = css(mixed(main, [30, 20, 50], 0.35));
  const light = css(mixed(main, [255, 255, 255], 0.6));
  switch (garment.name) {
    case "hat":
      return (
        path("M-33 2Q-36 -52 0 -56Q36 -52 33 2Z", fill) +
        path("M-34 -4Q0 8 34 -4V-18Q0 -6 -34 -18Z", light) +
        path("M-58 2Q0 -16 58 2Q60 12 46 12Q0 2 -46 12Q-60 12 -58 2Z", dark)
      );
    case "crown":
      return (
        path("M-44 8L-50 -44L-25 -20L0 -56L25 -20L50 -44L44 8Q0 18 -44 8Z", "#fcc21b") +
        path("M-44 8L-46 -6Q0 6 46 -6L44 8Q0 20 -44 8Z", "#e09a12") +
        circle(0, -14, 8, "#e5343f") +
        circle(0, -56, 7, "#ffe27a") +
        circle(-50, -44, 6, "#ffe27a") +
        circle(50, -44, 6, "#ffe27a")
      );
    case "sunglasses":
      return (
        path("M-47 -16H47V-7H-47Z", "#15161c") +
        path("M-46 -14H-4V2Q-4 22 -25 22Q-46 22 -46 2Z", "#15161c") +
        path("M46 -14H4V2Q4 22 25 22Q46 22 46 2Z", "#15161c") +
        path("M-38 -6H-27L-37 8Q-40 0 -38 -6ZM12 -6H23L13 8Q10 0 12 -6Z", "#7d86a0")
      );
    case "scarf":
      return (
        path("M12 4L34 0L42 50L18 54Z", dark) +
        path("M18 54L42 50L40 40L17 44Z", light) +
        path("M-48 -14Q0 12 48 -14L46 10Q0 36 -46 10Z", fill) +
        path("M-26 -4L-16 0L-18 22L-28 18ZM16 0L26 -4L28 18L18 22Z", light)
      );
    case "bow tie":
      return (
        path("M0 2L-44 -20Q-52 2 -44 26Z", fill) +
        path("M0 2L44 -20Q52 2 44 26Z", fill) +
        path("M0 2L-42 -4Q-44 2 -42 10ZM0 2L42 -4Q44 2 42 10Z", dark) +
        circle(0, 3, 12, light)
      );
  }
}
