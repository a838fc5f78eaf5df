import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeText } from "../../src/io/text.ts";

const utf16 = (text: string, bigEndian = false) => {
  const bytes = Buffer.from(`\ufeff${text}`, "utf16le");
  return bigEndian ? bytes.swap16() : bytes;
};

describe("decodeText", () => {
  it.each([
    ["UTF-8", Buffer.from("on a café table")],
    ["UTF-8 with a byte order mark", Buffer.from("\ufeffon a café table")],
    ["UTF-16 with a byte order mark, low byte first", utf16("on a café table")],
    ["UTF-16 with a byte order mark, high byte first", utf16("on a café table", true)],
  ])("reads %s", (_, bytes) => {
    expect(decodeText(bytes, "0.txt")).toBe("on a café table");
  });

  it("reads any text in each of these", () => {
    // What no text file holds is refused below.
    const text = fc
      .string({ unit: "grapheme" })
      .filter((value) => !/\p{Cc}/u.test(value) && !value.startsWith("\ufeff"));
    fc.assert(
      fc.property(text, (value) => {
        for (const bytes of [Buffer.from(value), utf16(value), utf16(value, true)]) {
          expect(decodeText(bytes, "0.txt")).toBe(value);
        }
      }),
    );
  });

  it.each([
    ["Latin-1", Buffer.from("on a café table", "latin1")],
    ["Windows-1252", Buffer.from([0x93, 0x68, 0x69, 0x94])],
    ["Shift JIS", Buffer.from([0x94, 0x4c])],
    ["UTF-16 without a byte order mark", Buffer.from("on a rug", "utf16le")],
    ["UTF-32", Buffer.concat([Buffer.from([0xff, 0xfe, 0, 0]), Buffer.from("o\0\0\0n\0\0\0", "latin1")])],
    ["UTF-8 that is cut off in a character", Buffer.from("café").subarray(0, 4)],
    ["a surrogate in UTF-8", Buffer.from([0xed, 0xa0, 0x80])],
    ["a binary file", Buffer.from("a\0b")],
  ])("refuses %s, and says how to save it", (_, bytes) => {
    const advice = "Open it in a text editor and save it with the encoding UTF-8.";
    expect(() => decodeText(bytes, "0.txt")).toThrow(`0.txt is not UTF-8 text. ${advice}`);
  });

  it("refuses UTF-16 that is cut off in a character", () => {
    expect(() => decodeText(utf16("rug").subarray(0, 7), "0.txt")).toThrow("0.txt is damaged UTF-16 text.");
  });
});
