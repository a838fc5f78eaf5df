import { describe, expect, it } from "vitest";
import { pictureChanges } from "../../src/keepsake/previews/picture-change.ts";
import type { RgbImage } from "../../src/io/images/rgb-image.ts";

const grey = (value: number): RgbImage => ({ width: 2, height: 1, data: new Uint8Array(6).fill(value) });

describe("how much pictures have changed", () => {
  it("is their distance before and after, in units of that of drawings from different noise", () => {
    const same = { before: [grey(10), grey(50)], after: [grey(10), grey(50)] };
    const half = { before: [grey(0), grey(20)], after: [grey(15), grey(35)] };
    const whole = { before: [grey(100), grey(130)], after: [grey(70), grey(160)] };
    // Drawings of one prompt are 40, 20 and 30 apart: 30 in the mean.
    expect(pictureChanges([same, half, whole])).toEqual([0, 0.5, 1]);
  });

  it("is 0 for the same pictures, even where all drawings are alike", () => {
    expect(pictureChanges([{ before: [grey(7), grey(7)], after: [grey(7), grey(7)] }])).toEqual([0]);
  });
});
