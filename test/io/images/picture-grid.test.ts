import { describe, expect, it } from "vitest";
import type { RgbImage } from "../../../src/io/images/rgb-image.ts";
import { pictureGrid } from "../../../src/io/images/picture-grid.ts";

const plain = (grey: number, width = 3, height = 2): RgbImage => ({
  width,
  height,
  data: new Uint8Array(width * height * 3).fill(grey),
});

describe("a grid of pictures", () => {
  it("has each in its place, two white pixels apart, and white where there is none", () => {
    const { width, height, data } = pictureGrid([plain(10), plain(20), plain(30)], 2);
    expect([width, height]).toEqual([2 + 2 * (3 + 2), 2 + 2 * (2 + 2)]);
    const greys = Array.from({ length: height }, (_, y) =>
      Array.from({ length: width }, (_, x) => data[(y * width + x) * 3 + 1]),
    );
    const [a, b, c, w] = [10, 20, 30, 255];
    const [white, upper] = [new Array(width).fill(w), [w, w, a, a, a, w, w, b, b, b, w, w]];
    const lower = [w, w, c, c, c, w, w, w, w, w, w, w];
    expect(greys).toEqual([white, white, upper, upper, white, white, lower, lower, white, white]);
  });

  it("is no wider than its pictures, and can stand in a grid", () => {
    const inner = pictureGrid([plain(0)], 5);
    expect([inner.width, inner.height]).toEqual([7, 6]);
    expect(pictureGrid([inner, inner], 2)).toMatchObject({ width: 20, height: 10 });
  });

  it("refuses no pictures, no columns, and pictures of several sizes", () => {
    expect(() => pictureGrid([], 1)).toThrow(RangeError);
    expect(() => pictureGrid([plain(0)], 0)).toThrow(RangeError);
    expect(() => pictureGrid([plain(0), plain(0, 4)], 2)).toThrow("one size");
  });
});
