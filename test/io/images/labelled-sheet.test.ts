import { describe, expect, it } from "vitest";
import { sha256 } from "../../../src/io/hash.ts";
import type { RgbImage } from "../../../src/io/images/rgb-image.ts";
import { enlarged, labelledSheet } from "../../../src/io/images/labelled-sheet.ts";
import { drawText, textWidth } from "../../../src/io/images/picture-text.ts";

const plain = (grey: number, side = 64): RgbImage => ({
  width: side,
  height: side,
  data: new Uint8Array(side * side * 3).fill(grey),
});
const blank = (width: number, height: number): RgbImage => ({
  ...{ width, height },
  data: new Uint8Array(width * height * 3).fill(255),
});
/** The red of each pixel of a window, row by row. */
const windowOf = ({ width, data }: RgbImage, left: number, top: number, columns: number, rows: number) =>
  Array.from({ length: rows }, (_, y) =>
    Array.from({ length: columns }, (_, x) => data[((top + y) * width + left + x) * 3]),
  );

describe("an enlarged picture", () => {
  it("has a square for every pixel, nothing between", () => {
    const picture = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 200, 201, 202) };
    const { width, height, data } = enlarged(picture);
    expect([width, height]).toEqual([256, 128]);
    const line = Array.from({ length: 256 }, (_, x) => (x < 128 ? [1, 2, 3] : [200, 201, 202])).flat();
    expect([...data]).toEqual(Array.from({ length: 128 }, () => line).flat());
  });

  it.each([
    { side: 32, becomes: 256 },
    { side: 64, becomes: 256 },
    { side: 96, becomes: 192 },
    { side: 200, becomes: 200 },
    { side: 512, becomes: 512 },
  ])("of $side pixels has $becomes", ({ side, becomes }) => {
    expect(enlarged(plain(0, side))).toMatchObject({ width: becomes, height: becomes });
  });
});

describe("text in a picture", () => {
  it("is drawn dot by dot, each a square of pixels", () => {
    const picture = blank(14, 18);
    drawText(picture, "L", 2, 1, 2);
    const dots = windowOf(picture, 2, 1, 10, 16).map((row) => row.map((value) => (value === 0 ? "#" : " ")).join(""));
    const [stem, foot] = ["##        ", "##########"];
    expect(dots).toEqual([...new Array<string>(12).fill(stem), foot, foot, " ".repeat(10), " ".repeat(10)]);
    // Nothing beside it.
    expect(windowOf(picture, 0, 0, 14, 1).flat()).toEqual(new Array(14).fill(255));
  });

  it("tells all printable characters apart, and has a question mark for others", () => {
    const drawn = (text: string) => {
      const picture = blank(textWidth(text), 8);
      drawText(picture, text, 0, 0, 1);
      return picture.data.join();
    };
    const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
    expect(new Set(printable.map(drawn)).size).toBe(95);
    expect(drawn("ü")).toBe(drawn("?"));
    expect(drawn("\n")).toBe(drawn("?"));
    expect(drawn("😀")).toBe(drawn("?"));
  });

  it("ends at the edge of the picture", () => {
    const picture = blank(3, 3);
    drawText(picture, "MMM", 0, 0, 1);
    expect(windowOf(picture, 0, 0, 3, 3)).toEqual([
      [0, 255, 255],
      [0, 0, 255],
      [0, 255, 0],
    ]);
  });
});

describe("a labelled sheet", () => {
  const row = (label: string, ...greys: number[]) => ({
    label,
    groups: [[plain(greys[0]), plain(greys[1])], [plain(greys[2])]],
  });

  it("has the titles over the groups, the label over the row, and every picture in its place", () => {
    const sheet = labelledSheet(["before", "now"], [row("<rex>", 10, 20, 30), row("<mug>", 40, 50, 60)]);
    const [pair, single] = [2 * 258 + 2, 258 + 2];
    expect([sheet.width, sheet.height]).toEqual([18 + pair + 18 + single + 18, 24 + 2 * (24 + 260 + 2) + 18]);
    const words = (text: string) => {
      const line = blank(2 * textWidth(text), 16);
      drawText(line, text, 0, 0, 2);
      return windowOf(line, 0, 0, line.width, line.height);
    };
    const titles = [words("before"), words("now")];
    expect(windowOf(sheet, 18, 6, titles[0][0].length, 16)).toEqual(titles[0]);
    expect(windowOf(sheet, 18 + pair + 18, 6, titles[1][0].length, 16)).toEqual(titles[1]);
    const square = (grey: number) => Array.from({ length: 256 }, () => new Array<number>(256).fill(grey));
    for (const [r, label, greys] of [
      [0, "<rex>", [10, 20, 30]],
      [1, "<mug>", [40, 50, 60]],
    ] as const) {
      const top = 24 + r * 286;
      const expected = words(label);
      expect(windowOf(sheet, 18, top + 6, expected[0].length, 16)).toEqual(expected);
      expect(windowOf(sheet, 20, top + 26, 256, 256)).toEqual(square(greys[0]));
      expect(windowOf(sheet, 278, top + 26, 256, 256)).toEqual(square(greys[1]));
      expect(windowOf(sheet, 18 + pair + 20, top + 26, 256, 256)).toEqual(square(greys[2]));
    }
  });

  it("shortens what is too long for it", () => {
    const sheet = (label: string) => sha256(labelledSheet(["a", "b"], [row(label, 1, 2, 3)]).data);
    const fits = Math.floor((labelledSheet(["a", "b"], [row("", 1, 2, 3)]).width - 36) / 12);
    expect(sheet("x".repeat(fits + 1))).toBe(sheet(`${"x".repeat(fits - 3)}...`));
    expect(sheet("x".repeat(fits))).not.toBe(sheet(`${"x".repeat(fits - 3)}...`));
  });

  it("refuses no rows, rows of other forms, and titles that do not fit", () => {
    const other = { label: "c", groups: [[plain(1)], [plain(2)]] };
    expect(() => labelledSheet(["a", "b"], [])).toThrow(RangeError);
    expect(() => labelledSheet(["a", "b"], [row("a", 1, 2, 3), other])).toThrow(RangeError);
    expect(() => labelledSheet(["a"], [row("a", 1, 2, 3)])).toThrow(RangeError);
  });
});
