import { expect, test } from "vitest";
import { PICTURE_SIZE } from "../../recipes/model/architecture.ts";
import { picturesOf } from "../../recipes/training/sheets.ts";
import { variedPictures } from "../../recipes/training/varied-pictures.ts";
import { RandomStream } from "../../src/random/random.ts";

const AREA = PICTURE_SIZE * PICTURE_SIZE;

/** Pictures of one colour each. */
function plainPictures(count: number): Float32Array {
  const colors = new RandomStream(1, "colors").uniform(3 * count).map((unit) => 2 * unit - 1);
  return Float32Array.from({ length: count * 3 * AREA }, (_, i) => colors[Math.floor(i / AREA)]);
}

const colorAt = (picture: Float32Array, y: number, x: number) =>
  [0, 1, 2].map((channel) => picture[channel * AREA + y * PICTURE_SIZE + x]);

test("depends on seed and address alone, leaves what it was given, and stays within -1 to 1", () => {
  const pixels = plainPictures(8);
  const before = pixels.slice();
  const varied = variedPictures(pixels, 1, 5);
  expect(pixels).toEqual(before);
  expect(variedPictures(pixels, 1, 5)).toEqual(varied);
  expect(variedPictures(pixels, 1, 6)).not.toEqual(varied);
  expect(variedPictures(pixels, 2, 5)).not.toEqual(varied);
  expect(varied.every((value) => Math.abs(value) <= 1)).toBe(true);
});

test("some pictures stay, more have one other colour, a quarter are four others at half their size", () => {
  const pixels = plainPictures(64);
  const originals = picturesOf(pixels);
  const counts = { same: 0, recolored: 0, mosaic: 0 };
  const varied = picturesOf(variedPictures(pixels, 1, 0));
  const plain = varied.filter((picture) =>
    [0, 1, 2].every((c) => new Set(picture.subarray(c * AREA, (c + 1) * AREA)).size === 1),
  );
  varied.forEach((picture, i) => {
    if (!plain.includes(picture)) {
      counts.mosaic++;
      const quarters = [
        colorAt(picture, 0, 0),
        colorAt(picture, 0, 63),
        colorAt(picture, 63, 0),
        colorAt(picture, 63, 63),
      ];
      expect(new Set(quarters.map(String)).size).toBeGreaterThan(1);
      // Each quarter is of one colour, to its last pixel.
      for (let y = 0; y < PICTURE_SIZE; y++) {
        for (let x = 0; x < PICTURE_SIZE; x++) {
          expect(colorAt(picture, y, x)).toEqual(quarters[2 * Math.floor(y / 32) + Math.floor(x / 32)]);
        }
      }
      return;
    }
    if (String(colorAt(picture, 9, 9)) === String(colorAt(originals[i], 9, 9))) counts.same++;
    else counts.recolored++;
  });
  expect(new Set(plain.map((picture) => String(colorAt(picture, 0, 0)))).size).toBe(plain.length);
  expect(counts.mosaic).toBeGreaterThan(8);
  expect(counts.mosaic).toBeLessThan(28);
  expect(counts.recolored).toBeGreaterThan(counts.same);
  expect(counts.same).toBeGreaterThan(8);
});
