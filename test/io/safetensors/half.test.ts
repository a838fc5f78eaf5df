import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
} from "../../../src/io/safetensors/half.ts";

const everyHalf = Uint16Array.from({ length: 0x10000 }, (_, i) => i);

/** What the bits of a 16-bit floating-point number mean, by the definition of the format. */
function valueOf(half: number, exponentBits: number): number {
  const mantissaBits = 15 - exponentBits;
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> mantissaBits) & (2 ** exponentBits - 1);
  const mantissa = half & (2 ** mantissaBits - 1);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return mantissa === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * (1 + mantissa / 2 ** mantissaBits) * 2 ** (exponent - bias);
}

const formats = [
  { name: "F16", exponentBits: 5, widen: float16ToFloat32, narrow: float32ToFloat16 },
  { name: "BF16", exponentBits: 8, widen: bfloat16ToFloat32, narrow: float32ToBfloat16 },
];

describe.each(formats)("$name", ({ exponentBits, widen, narrow }) => {
  it("widens all 65536 values exactly", () => {
    const expected = Float32Array.from(everyHalf, (half) => valueOf(half, exponentBits));
    const widened = widen(everyHalf);
    // Object.is: the sign of zero counts.
    expect(everyHalf.filter((half) => !Object.is(widened[half], expected[half]))).toHaveLength(0);
  });

  it("gives all 65536 values back, NaN payloads included", () => {
    expect(narrow(widen(everyHalf))).toEqual(everyHalf);
  });

  it("rounds to nearest, ties to even, between every two neighbours", () => {
    const lastFinite = ((2 ** exponentBits - 1) << (15 - exponentBits)) - 1;
    const step = new Float32Array(1);
    const stepBits = new Uint32Array(step.buffer);
    const between: number[] = [];
    const expected: number[] = [];
    const inexact: number[] = [];
    for (let half = 0; half < lastFinite; half += 1) {
      const middle = (valueOf(half, exponentBits) + valueOf(half + 1, exponentBits)) / 2;
      step[0] = middle;
      const bits = stepBits[0];
      if (step[0] !== middle) inexact.push(middle);
      stepBits[0] = bits - 1;
      const below = step[0];
      stepBits[0] = bits + 1;
      between.push(below, middle, step[0]);
      expected.push(half, half + (half & 1), half + 1);
    }
    // The smallest BF16 numbers have a middle that float32 holds too, as all others do.
    expect(inexact).toEqual([]);
    const positive = Float32Array.from(between);
    expect(narrow(positive)).toEqual(Uint16Array.from(expected));
    expect(narrow(positive.map((value) => -value))).toEqual(Uint16Array.from(expected, (half) => half | 0x8000));
  });

  it("never makes a number of a NaN", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0x7fffff }), fc.boolean(), (payload, negative) => {
        const bits = Uint32Array.of((0x7f800000 | payload | (negative ? 0x80000000 : 0)) >>> 0);
        expect(widen(narrow(new Float32Array(bits.buffer)))[0]).toBeNaN();
      }),
    );
  });

  it("converts a view that does not begin at the start of its buffer", () => {
    const numbers = Float32Array.of(9, 1, -2);
    expect([...widen(narrow(numbers.subarray(1)))]).toEqual([1, -2]);
    expect([...widen(narrow(numbers).subarray(1))]).toEqual([1, -2]);
  });
});

describe("the end of the range", () => {
  it("of F16 is 65504: from 65520 on it is infinite", () => {
    expect([...float32ToFloat16(Float32Array.of(65504, 65519.996, 65520, 1e30, -1e30, Infinity))]).toEqual([
      0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7c00,
    ]);
  });

  it("of BF16 is that of float32", () => {
    expect([...float32ToBfloat16(Float32Array.of(3.3895314e38, 3.4e38, -Infinity))]).toEqual([0x7f7f, 0x7f80, 0xff80]);
  });

  it("of F16 towards zero is 2^-25, which rounds to zero", () => {
    expect([...float32ToFloat16(Float32Array.of(2 ** -24, 2 ** -25 * 1.0001, 2 ** -25, -(2 ** -30), 1e-45))]).toEqual([
      1, 1, 0, 0x8000, 0,
    ]);
  });
});
