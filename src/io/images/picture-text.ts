/**
 * @file Text in pictures, in a font of our own: a machine may have no fonts, and the same text has to be the same
 * pixels everywhere.
 */
import type { RgbImage } from "./rgb-image.ts";

/** Dots of a letter; between two letters one is left free. */
const [GLYPH_WIDTH, GLYPH_HEIGHT] = [5, 8];
const ADVANCE = GLYPH_WIDTH + 1;
/** Height of a line of text in dots, with one free below. */
export const TEXT_HEIGHT = GLYPH_HEIGHT + 1;

/**
 * The printable characters of ASCII from the space on: of each its five columns from left to right, two hexadecimal
 * digits for a column. The lowest bit of a column is its highest dot.
 */
const GLYPHS = [
  "0000000000 00005f0000 0007000700 147f147f14 242a7f2a12 2313086462 3649562050 0008070300",
  "001c224100 0041221c00 2a1c7f1c2a 08083e0808 0080703000 0808080808 0000606000 2010080402",
  "3e5149453e 00427f4000 7249494946 2141494d33 1814127f10 2745454539 3c4a494931 4121110907",
  "3649494936 464949291e 0000140000 0040340000 0008142241 1414141414 0041221408 0201590906",
  "3e415d594e 7c1211127c 7f49494936 3e41414122 7f4141413e 7f49494941 7f09090901 3e41415173",
  "7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f021c027f 7f0408107f 3e4141413e",
  "7f09090906 3e4151215e 7f09192946 2649494932 03017f0103 3f4040403f 1f2040201f 3f4038403f",
  "6314081463 0304780403 6159494d43 007f414141 0204081020 004141417f 0402010204 4040404040",
  "0003070800 2054547840 7f28444438 3844444428 384444287f 3854545418 00087e0902 18a4a49c78",
  "7f08040478 00447d4000 2040403d00 7f10284400 00417f4000 7c04780478 7c08040478 3844444438",
  "fc18242418 18242418fc 7c08040408 4854545424 04043f4424 3c4040207c 1c2040201c 3c4030403c",
  "4428102844 4c9090907c 4464544c44 0008364100 0000770000 0041360800 0201020402",
]
  .join(" ")
  .split(" ");
const FIRST = " ".charCodeAt(0);
/** For what the font does not have. */
const UNKNOWN = GLYPHS["?".charCodeAt(0) - FIRST];

/** How wide a text is in dots. */
export function textWidth(text: string): number {
  return Array.from(text).length * ADVANCE;
}

/** A text that fits into so many dots. */
export function shortened(text: string, dots: number): string {
  if (textWidth(text) <= dots) return text;
  return `${text.slice(0, Math.max(0, Math.floor(dots / textWidth(" ")) - 3))}...`;
}

/**
 * Writes a line of text in black. What does not fit into the picture is cut off, and a question mark stands for a
 * character that is not ASCII.
 *
 * @param left - of the first letter, in pixels
 * @param top - of the line
 * @param dot - pixels in the side of a dot, a whole number
 */
export function drawText(picture: RgbImage, text: string, left: number, top: number, dot: number): void {
  Array.from(text).forEach((character, i) => {
    const glyph = GLYPHS[character.charCodeAt(0) - FIRST] ?? UNKNOWN;
    for (let column = 0; column < GLYPH_WIDTH; column++) {
      const dots = Number.parseInt(glyph.slice(2 * column, 2 * column + 2), 16);
      for (let row = 0; row < GLYPH_HEIGHT; row++) {
        if (((dots >> row) & 1) === 1) {
          fillSquare(picture, left + (i * ADVANCE + column) * dot, top + row * dot, dot);
        }
      }
    }
  });
}

function fillSquare({ width, height, data }: RgbImage, left: number, top: number, side: number): void {
  const right = Math.min(left + side, width);
  for (let y = top; y < Math.min(top + side, height); y++) {
    if (right > left) data.fill(0, (y * width + left) * 3, (y * width + right) * 3);
  }
}
