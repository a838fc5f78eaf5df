/**
 * @file Pictures of the world made stranger for the VAE. The world has twelve colours and one way to draw: a VAE that
 * sees only its pictures learns them by heart, and paints a cream cat pink. What it is shown has any colours, and
 * details of half the size.
 */
import { PICTURE_SIZE } from "../model/architecture.ts";
import { Dice } from "../world/dice.ts";
import { picturesOf } from "./sheets.ts";

const RECOLORED_SHARE = 0.6;
const MOSAIC_SHARE = 0.25;

const AREA = PICTURE_SIZE * PICTURE_SIZE;

/**
 * A batch in which some pictures have other colours, and some are replaced by four of the batch at half their size.
 *
 * @param pixels - `[count, 3, PICTURE_SIZE, PICTURE_SIZE]`, -1 to 1
 * @param address - of the random choices, with `seed`: the same address gives the same pictures
 */
export function variedPictures(pixels: Float32Array, seed: number, address: string | number): Float32Array {
  const dice = new Dice(seed, "varied pictures", address);
  const recolored = pixels.slice();
  const pictures = picturesOf(recolored);
  for (const picture of pictures) {
    if (dice.chance(RECOLORED_SHARE)) recolor(picture, dice);
  }
  const out = recolored.slice();
  for (const picture of picturesOf(out)) {
    if (dice.chance(MOSAIC_SHARE))
      mosaic(
        Array.from({ length: 4 }, () => dice.pick(pictures)),
        picture,
      );
  }
  return out;
}

/** Writes four pictures, each pixel the mean of four, into the quarters of a fifth. */
function mosaic(four: readonly Float32Array[], out: Float32Array): void {
  const half = PICTURE_SIZE / 2;
  four.forEach((picture, quarter) => {
    const corner = half * (PICTURE_SIZE * (quarter >> 1) + (quarter & 1));
    for (let channel = 0; channel < 3; channel++) {
      for (let y = 0; y < half; y++) {
        for (let x = 0; x < half; x++) {
          const from = channel * AREA + 2 * (y * PICTURE_SIZE + x);
          const sum =
            picture[from] + picture[from + 1] + picture[from + PICTURE_SIZE] + picture[from + PICTURE_SIZE + 1];
          out[channel * AREA + corner + y * PICTURE_SIZE + x] = sum / 4;
        }
      }
    }
  });
}

/**
 * Turns the hues about the axis of greys, mirrors them in half of the pictures, and changes saturation, contrast,
 * brightness and tint.
 */
function recolor(picture: Float32Array, dice: Dice): void {
  const angle = dice.between(0, 2 * Math.PI);
  const saturation = dice.between(0.3, 1.4);
  const contrast = dice.between(0.6, 1.2);
  const order = dice.chance(0.5) ? [0, 1, 2] : [0, 2, 1];
  const brightness = dice.between(-0.2, 0.2);
  const tint = [0, 1, 2].map(() => brightness + dice.between(-0.2, 0.2));
  // A rotation about (1, 1, 1): row i has these three, moved i places to the right.
  const turned = [0, 1, 2].map((k) => 1 / 3 + (2 / 3) * Math.cos(angle + (2 * Math.PI * k) / 3));
  for (let i = 0; i < AREA; i++) {
    const colors = order.map((channel) => picture[channel * AREA + i]);
    const gray = (colors[0] + colors[1] + colors[2]) / 3;
    for (let channel = 0; channel < 3; channel++) {
      let hue = 0;
      for (let k = 0; k < 3; k++) hue += turned[(k - channel + 3) % 3] * colors[k];
      const value = contrast * (gray + saturation * (hue - gray)) + tint[channel];
      picture[channel * AREA + i] = Math.min(1, Math.max(-1, value));
    }
  }
}
