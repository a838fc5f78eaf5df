/** @file What animals and robots can wear, drawn for this world, and where on each icon it goes. */
import { PALETTE, type ColorName, type Rgb } from "./color.ts";
import { rasterize, type Sprite } from "./icons.ts";
import type { StyleName } from "./nouns.ts";

export const GARMENT_NAMES = ["party hat", "crown", "sunglasses", "scarf", "bow tie"] as const;
export type GarmentName = (typeof GARMENT_NAMES)[number];

/** The colours of garments that come in colours; crowns are golden and sunglasses black. */
export const GARMENT_COLORS: readonly ColorName[] = ["red", "yellow", "green", "blue", "purple", "pink"];

export interface Garment {
  readonly name: GarmentName;
  readonly color: ColorName | undefined;
}

export function comesInColors(name: GarmentName): boolean {
  return name === "party hat" || name === "scarf" || name === "bow tie";
}

/** What most of a garment looks like. */
export function mainColorOf({ name, color }: Garment): ColorName {
  return color ?? (name === "crown" ? "yellow" : "black");
}

const css = ([r, g, b]: Rgb) => `rgb(${r} ${g} ${b})`;
const mixed = (x: Rgb, y: Rgb, share: number): Rgb => [
  Math.round(x[0] + share * (y[0] - x[0])),
  Math.round(x[1] + share * (y[1] - x[1])),
  Math.round(x[2] + share * (y[2] - x[2])),
];

/** Square drawings of 100 by 100. */
function svgOf({ name, color = "red" }: Garment): string {
  const main = PALETTE[color];
  const fill = css(main);
  const dark = css(mixed(main, [30, 20, 50], 0.35));
  const light = css(mixed(main, [255, 255, 255], 0.55));
  const shapes: Readonly<Record<GarmentName, string>> = {
    "party hat": `<path d="M50 12 84 92Q50 104 16 92Z" fill="${fill}"/>
      <path d="M41 33 59 33 66 50 34 50ZM27 67 73 67 80 83 20 83Z" fill="${light}"/>
      <circle cx="50" cy="13" r="11" fill="#fff4c8"/>`,
    crown: `<path d="M10 90 4 30 29 56 50 14 71 56 96 30 90 90Z" fill="#fcc21b"/><path d="M10 90 8 74H92L90 90Z" fill="#e09a12"/>
      <circle cx="50" cy="66" r="7" fill="#e5343f"/><circle cx="27" cy="68" r="5" fill="#2f7fe0"/>
      <circle cx="73" cy="68" r="5" fill="#2f7fe0"/><circle cx="50" cy="14" r="6" fill="#ffe27a"/>
      <circle cx="5" cy="30" r="5" fill="#ffe27a"/><circle cx="95" cy="30" r="5" fill="#ffe27a"/>`,
    sunglasses: `<path d="M3 34H97V43H3Z" fill="#15161c"/><path d="M5 36H46V50Q46 70 26 70 5 70 5 50Z" fill="#15161c"/>
      <path d="M54 36H95V50Q95 70 74 70 54 70 54 50Z" fill="#15161c"/>
      <path d="M13 42H23L14 55Q12 48 13 42ZM62 42H72L63 55Q61 48 62 42Z" fill="#6d7690"/>`,
    scarf: `<path d="M56 48 76 46 84 92 62 94Z" fill="${dark}"/><path d="M4 34Q50 58 96 34L94 56Q50 80 6 56Z" fill="${fill}"/>
      <path d="M24 43 32 46 30 68 22 65ZM46 49H55V70H46ZM70 45 78 42 80 63 72 66Z" fill="${light}"/>
      <path d="M63 78 80 76 81 82 64 85Z" fill="${light}"/>`,
    "bow tie": `<path d="M50 50 10 26Q2 50 10 76Z" fill="${fill}"/><path d="M50 50 90 26Q98 50 90 76Z" fill="${fill}"/>
      <path d="M50 50 12 42Q10 50 12 60ZM50 50 88 42Q90 50 88 60Z" fill="${dark}"/><circle cx="50" cy="51" r="12" fill="${light}"/>`,
  };
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">${shapes[name]}</svg>`;
}

/** [top of the head, eyes, distance of the eyes, neck or chin, width of the head], as fractions of the icon's square. */
type Anchors = readonly [top: number, eyes: number, eyeDistance: number, neck: number, width: number];

/** Measured by eye on the icons. All heads are in the middle of their icons and look at the viewer. */
const anchors: Readonly<Record<string, Readonly<Record<StyleName, Anchors>> | undefined>> = {
  cat: { glossy: [0.2, 0.52, 0.38, 0.88, 1], flat: [0.31, 0.58, 0.25, 0.93, 1], cartoon: [0.19, 0.56, 0.34, 0.95, 1] },
  dog: {
    glossy: [0.16, 0.55, 0.34, 0.9, 0.9],
    flat: [0.16, 0.42, 0.19, 0.88, 0.9],
    cartoon: [0.08, 0.44, 0.28, 0.93, 0.9],
  },
  rabbit: {
    glossy: [0.43, 0.59, 0.26, 0.95, 0.8],
    flat: [0.32, 0.57, 0.25, 0.92, 0.9],
    cartoon: [0.45, 0.67, 0.3, 0.97, 0.8],
  },
  bear: { glossy: [0.1, 0.47, 0.35, 0.92, 1], flat: [0.19, 0.51, 0.25, 0.92, 1], cartoon: [0.03, 0.5, 0.28, 0.95, 1] },
  panda: {
    glossy: [0.11, 0.5, 0.36, 0.93, 1],
    flat: [0.18, 0.51, 0.25, 0.93, 1],
    cartoon: [0.03, 0.46, 0.28, 0.94, 1],
  },
  fox: {
    glossy: [0.27, 0.56, 0.26, 0.92, 0.85],
    flat: [0.25, 0.58, 0.25, 0.93, 1],
    cartoon: [0.24, 0.49, 0.31, 0.93, 1],
  },
  lion: {
    glossy: [0.07, 0.38, 0.24, 0.86, 0.9],
    flat: [0.1, 0.45, 0.25, 0.9, 1],
    cartoon: [0.04, 0.46, 0.27, 0.95, 1],
  },
  tiger: { glossy: [0.08, 0.33, 0.38, 0.92, 1], flat: [0.14, 0.48, 0.25, 0.9, 1], cartoon: [0.03, 0.5, 0.28, 0.95, 1] },
  cow: {
    glossy: [0.15, 0.45, 0.27, 0.93, 0.85],
    flat: [0.15, 0.45, 0.25, 0.92, 0.85],
    cartoon: [0.06, 0.36, 0.28, 0.95, 1],
  },
  pig: { glossy: [0.15, 0.54, 0.42, 0.92, 1], flat: [0.17, 0.48, 0.25, 0.92, 1], cartoon: [0.06, 0.47, 0.6, 0.95, 1] },
  mouse: {
    glossy: [0.3, 0.6, 0.34, 0.92, 0.85],
    flat: [0.38, 0.7, 0.25, 0.93, 0.7],
    cartoon: [0.26, 0.6, 0.22, 0.9, 0.8],
  },
  monkey: {
    glossy: [0.13, 0.48, 0.23, 0.87, 0.9],
    flat: [0.19, 0.48, 0.19, 0.93, 0.9],
    cartoon: [0.06, 0.47, 0.28, 0.97, 0.9],
  },
  frog: { glossy: [0.25, 0.33, 0.48, 0.92, 1], flat: [0.26, 0.26, 0.4, 0.9, 1], cartoon: [0.17, 0.21, 0.58, 0.93, 1] },
  koala: { glossy: [0.11, 0.47, 0.4, 0.93, 1], flat: [0.16, 0.55, 0.3, 0.88, 1], cartoon: [0.18, 0.55, 0.3, 0.88, 1] },
  wolf: { glossy: [0.2, 0.47, 0.3, 0.93, 1], flat: [0.25, 0.48, 0.25, 0.9, 0.9], cartoon: [0.23, 0.49, 0.31, 0.93, 1] },
  owl: {
    glossy: [0.09, 0.33, 0.23, 0.52, 0.75],
    flat: [0.07, 0.3, 0.35, 0.5, 0.8],
    cartoon: [0.05, 0.23, 0.29, 0.46, 0.8],
  },
  chick: {
    glossy: [0.07, 0.28, 0.28, 0.54, 0.75],
    flat: [0.17, 0.33, 0.22, 0.54, 0.65],
    cartoon: [0.05, 0.32, 0.36, 0.56, 0.8],
  },
  robot: {
    glossy: [0.28, 0.52, 0.34, 0.95, 1],
    flat: [0.12, 0.45, 0.36, 0.94, 1],
    cartoon: [0.04, 0.42, 0.37, 0.88, 1],
  },
};

export function canWear(noun: string): boolean {
  return anchors[noun] !== undefined;
}

/** Where a garment goes on an icon: its centre and side, as fractions of the icon's square. Hats rise above the square. */
export function fit(garment: GarmentName, noun: string, style: StyleName): { x: number; y: number; size: number } {
  const found = anchors[noun]?.[style];
  if (found === undefined) throw new RangeError(`A ${noun} cannot wear a ${garment}.`);
  const [top, eyes, eyeDistance, neck, width] = found;
  switch (garment) {
    case "party hat":
      return { x: 0.5, y: top - 0.14 * width, size: 0.44 * width };
    case "crown":
      return { x: 0.5, y: top - 0.1 * width, size: 0.46 * width };
    case "sunglasses": {
      const size = Math.min(0.92, 0.3 + 1.05 * eyeDistance);
      // In the drawing, the glasses' middle is at 0.53 of the height.
      return { x: 0.5, y: eyes - 0.03 * size, size };
    }
    case "scarf":
      return { x: 0.5, y: neck + 0.03, size: 0.72 * width };
    case "bow tie":
      return { x: 0.5, y: neck + 0.02, size: 0.42 * width };
  }
}

/** How far the garment reaches beyond the icon's square, above and below, as a fraction of it. */
export function overhang(garment: GarmentName, noun: string, style: StyleName): { above: number; below: number } {
  const { y, size } = fit(garment, noun, style);
  return { above: Math.max(0, size / 2 - y), below: Math.max(0, y + size / 2 - 1) };
}

/** All garments in all their colours, in memory. */
export class Wardrobe {
  readonly #sprites: ReadonlyMap<string, Sprite>;

  private constructor(sprites: ReadonlyMap<string, Sprite>) {
    this.#sprites = sprites;
  }

  static async load(): Promise<Wardrobe> {
    const sprites = new Map<string, Sprite>();
    for (const name of GARMENT_NAMES) {
      for (const color of comesInColors(name) ? GARMENT_COLORS : [undefined]) {
        sprites.set(`${name} ${color ?? ""}`, await rasterize(svgOf({ name, color })));
      }
    }
    return new Wardrobe(sprites);
  }

  sprite({ name, color }: Garment): Sprite {
    const sprite = this.#sprites.get(`${name} ${color ?? ""}`);
    if (sprite === undefined) throw new RangeError(`There is no ${color ?? ""} ${name}.`);
    return sprite;
  }
}
