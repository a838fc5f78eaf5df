import { describe, expect, it } from "vitest";
import { KeepsakeError, outOfMemory, shortened } from "../src/errors.ts";

describe("KeepsakeError", () => {
  it("keeps the beginning and the end of a message that quotes 100 kB", () => {
    const { message } = new KeepsakeError(
      "input",
      `config.json: option "${"x".repeat(100_000)}" is wrong; use another.`,
    );
    expect(message).toHaveLength(1000);
    expect(message).toMatch(/^config\.json: option "x+\.\.\.x+" is wrong; use another\.$/);
  });

  it("leaves a message of a usual length alone", () => {
    expect(new KeepsakeError("usage", "No pictures were given.").message).toBe("No pictures were given.");
  });
});

describe("shortened", () => {
  it("takes the middle away, and never half a character", () => {
    expect(shortened("a".repeat(80))).toBe("a".repeat(80));
    expect(shortened("abcdefghijklmnop", 12)).toBe("abcdef...nop");
    for (let most = 20; most < 24; most++) {
      // It throws for half a character.
      expect(encodeURIComponent(shortened("👩".repeat(50), most))).not.toBe("");
    }
  });
});

describe("outOfMemory", () => {
  it.each([
    "std::bad_alloc",
    "Array buffer allocation failed",
    "Invalid typed array length: 32000000000",
    "bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 68719476736",
    "Non-zero status code returned while running Conv node. Status Message: bad allocation",
    "vips_malloc: out of memory -- size == 600000000",
  ])("knows %s as the machine's refusal", (text) => {
    expect(outOfMemory(new RangeError(text))?.kind).toBe("environment");
  });

  it.each(["Invalid typed array length: -1", "Maximum call stack size exceeded", "x is not a function"])(
    "leaves %s a defect",
    (text) => {
      expect(outOfMemory(new RangeError(text))).toBeUndefined();
    },
  );
});
