/**
 * @file Colours of the world: the OKLab space, the colour words of captions, and which word a colour deserves.
 *
 * OKLab: Björn Ottosson, "A perceptual color space for image processing" (2020).
 */

/** Every colour word that a caption can use. */
export const COLOR_NAMES = [
  "red",
  "orange",
  "yellow",
  "green",
  "teal",
  "blue",
  "purple",
  "pink",
  "brown",
  "white",
  "gray",
  "black",
] as const;
export type ColorName = (typeof COLOR_NAMES)[number];

/** sRGB, 0-255 each. */
export type Rgb = readonly [number, number, number];
/** OKLab: lightness 0-1, then the green-red and the blue-yellow axis, about -0.4 to 0.4. */
export type Lab = readonly [number, number, number];
/** OKLab in polar form: lightness 0-1, chroma 0-0.4, hue in degrees 0-360. */
export type Lch = readonly [number, number, number];

/** What a background or an accessory of that name looks like, before it is varied a little. */
export const PALETTE: Readonly<Record<ColorName, Rgb>> = {
  red: [222, 51, 58],
  orange: [244, 138, 38],
  yellow: [252, 212, 66],
  green: [62, 164, 78],
  teal: [40, 170, 170],
  blue: [62, 118, 222],
  purple: [126, 66, 178],
  pink: [250, 158, 192],
  brown: [122, 82, 50],
  white: [248, 248, 246],
  gray: [148, 150, 154],
  black: [26, 27, 32],
};

const linearOf = Float64Array.from({ length: 256 }, (_, byte) => {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

function byteOf(linear: number): number {
  const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
  return Math.min(255, Math.max(0, Math.round(255 * value)));
}

/** @param rgb Bytes. */
export function labFromRgb(rgb: Rgb): Lab {
  const [r, g, b] = [linearOf[rgb[0]], linearOf[rgb[1]], linearOf[rgb[2]]];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** The nearest bytes; a colour that sRGB does not have is clipped. */
export function rgbFromLab([lightness, a, b]: Lab): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    byteOf(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    byteOf(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    byteOf(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

export function lchFromLab([lightness, a, b]: Lab): Lch {
  const hue = (Math.atan2(b, a) * 180) / Math.PI;
  return [lightness, Math.sqrt(a * a + b * b), hue < 0 ? hue + 360 : hue];
}

/** How different two colours look: the distance in OKLab. 0.02 is just visible, 1 is black against white. */
export function labDistance(x: Lab, y: Lab): number {
  return Math.sqrt((x[0] - y[0]) ** 2 + (x[1] - y[1]) ** 2 + (x[2] - y[2]) ** 2);
}

/**
 * The word that nearly everyone would use for a colour, or undefined where people would disagree (teal or blue? orange
 * or brown?): a caption must not teach a word that the picture does not bear out.
 */
export function nameOfColor(lab: Lab): ColorName | undefined {
  const [lightness, chroma, hue] = lchFromLab(lab);
  if (chroma < 0.035) {
    if (lightness > 0.87) return "white";
    if (lightness < 0.4) return "black";
    return lightness > 0.48 && lightness < 0.83 ? "gray" : undefined;
  }
  if (chroma < 0.05) return undefined;
  if (hue >= 335 || hue < 18) {
    if (lightness > (chroma > 0.13 && hue < 90 ? 0.74 : 0.68)) return "pink";
    return hue >= 5 && hue < 18 && chroma > 0.14 && lightness < 0.64 ? "red" : undefined;
  }
  if (hue < 46) {
    if (chroma > 0.16) return hue < 40 && lightness < 0.68 ? "red" : undefined;
    return chroma < 0.125 && lightness < 0.62 ? "brown" : undefined;
  }
  if (hue < 76) {
    if (lightness < 0.6 && chroma < 0.13) return "brown";
    return lightness > 0.66 && chroma > 0.13 && hue < 70 ? "orange" : undefined;
  }
  if (hue < 112) return lightness > 0.78 && chroma > 0.1 && hue > 80 && hue < 104 ? "yellow" : undefined;
  if (hue < 165) return hue > 118 && chroma > 0.07 ? "green" : undefined;
  if (hue < 215) return hue > 180 && hue < 205 ? "teal" : undefined;
  if (hue < 275) return hue > 225 ? "blue" : undefined;
  return hue > 287 && hue < 322 && lightness < 0.72 ? "purple" : undefined;
}
