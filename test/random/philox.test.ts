import { describe, expect, it } from "vitest";
import { philox4x32 } from "../../src/random/philox.ts";

/** Known-answer vectors of the Random123 library, `kat_vectors`: generator philox4x32, 10 rounds. */
const vectors = [
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    block: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    block: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    block: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
];

describe("Philox4x32-10", () => {
  it.each(vectors)("gives the published words for counter $counter", ({ counter, key, block }) => {
    const out = new Uint32Array(4);
    philox4x32(Uint32Array.from(counter), Uint32Array.from(key), out);
    expect([...out]).toEqual(block);
  });

  it("may write over its own counter", () => {
    const words = new Uint32Array(4);
    philox4x32(words, new Uint32Array(2), words);
    expect([...words]).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  });
});
