import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { KeepsakeError } from "../../src/errors.ts";
import { bytePieces } from "../../src/io/byte-pieces.ts";
import { sha256, sha256File, sha256Pieces } from "../../src/io/hash.ts";
import { describeReadError } from "../../src/io/read-file.ts";
import { failure } from "./failure.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { leaveLargeUntouched } from "./untouched.ts";

const inFolder = temporaryFolder();

const plainHash = (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex");
const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7919) % 251);

describe("A hash", () => {
  it("is that of all bytes, whatever the size of the pieces", () => {
    for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 1000]) {
      const data = bytes.subarray(0, length);
      for (const size of [1, 15, 16, 17, 32, 999, 1000, 1001]) {
        const pieces = [...bytePieces(data, size)];
        expect(pieces.every(({ byteLength }) => byteLength > 0 && byteLength <= size)).toBe(true);
        expect(sha256Pieces(pieces)).toBe(plainHash(data));
      }
      expect(sha256(data)).toBe(plainHash(data));
    }
  });

  it("of a window on an array of numbers is that of its bytes alone", () => {
    const values = Float32Array.from({ length: 100 }, (_, i) => i / 3);
    const own = Buffer.from(values.slice(20, 70).buffer);
    expect(sha256(values.subarray(20, 70))).toBe(plainHash(own));
    expect(sha256Pieces(bytePieces(values.subarray(20, 70), 24))).toBe(plainHash(own));
  });

  it("of a text is that of its UTF-8", () => {
    for (const text of ["", "größer 🐶", "half a character: \ud800"]) {
      expect(sha256(text)).toBe(plainHash(Buffer.from(text)));
    }
  });

  it("is taken of arrays beyond 2 and 4 GiB, which Node takes in pieces only", async () => {
    const { hashed } = await leaveLargeUntouched();
    sha256(new Float32Array(2 ** 29 + 2 ** 20));
    expect(hashed).toEqual([2 ** 30, 2 ** 30, 2 ** 22]);
    sha256(new Float32Array(2 ** 30 + 2 ** 20));
    expect(hashed.slice(3)).toEqual([2 ** 30, 2 ** 30, 2 ** 30, 2 ** 30, 2 ** 22]);
  });

  it("of a file is that of its content, and one that cannot be read is named", async () => {
    writeFileSync(inFolder("file"), bytes);
    expect(await sha256File(inFolder("file"))).toBe(plainHash(bytes));
    const { message } = await failure(sha256File(inFolder("none")));
    expect(message).toBe(`Cannot read ${inFolder("none")}: no such file or folder.`);
  });
});

describe("What Node says of a file that is too large to be read at once", () => {
  it("becomes one line that names the file, though no system call failed", () => {
    const error = Object.assign(new RangeError("File size is greater than 2 GiB"), { code: "ERR_FS_FILE_TOO_LARGE" });
    const message = "Cannot read file: the file is too large to be read at once.";
    expect(describeReadError("file", error)).toEqual(new KeepsakeError("input", message, { cause: error }));
  });

  it("is all that is told of errors without a system call: others are defects", () => {
    for (const error of [
      new TypeError("a defect"),
      Object.assign(new Error("of Node"), { code: "ERR_INVALID_STATE" }),
    ]) {
      expect(describeReadError("file", error)).toBe(error);
    }
  });
});
