/**
 * @file Conversion between float32 and the two 16-bit formats of model files: F16 (IEEE 754 binary16) and BF16 (the
 * upper half of a float32). Widening is exact; narrowing rounds to nearest, ties to even. All work is on bit patterns,
 * so NaN payloads live.
 */

/** The float32 bits of each of the 65536 binary16 values. */
let float16Table: Uint32Array | undefined;

function widenFloat16(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  if (mantissa === 0) return sign;
  // Subnormal: mantissa * 2^-24, which float32 holds with its leading one made implicit.
  const shift = Math.clz32(mantissa) - 21;
  return sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
}

/** F16 to float32, exactly. */
export function float16ToFloat32(halves: Uint16Array): Float32Array {
  float16Table ??= Uint32Array.from({ length: 0x10000 }, (_, half) => widenFloat16(half));
  const table = float16Table;
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i += 1) bits[i] = table[halves[i]];
  return new Float32Array(bits.buffer);
}

/** BF16 to float32, exactly. */
export function bfloat16ToFloat32(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i += 1) bits[i] = halves[i] << 16;
  return new Float32Array(bits.buffer);
}

/**
 * Float32 to F16, rounded to nearest, ties to even. What is at least 65520 becomes infinite, as IEEE 754 says; NaN
 * stays NaN.
 */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const source = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i += 1) {
    const sign = (source[i] >>> 16) & 0x8000;
    const bits = source[i] & 0x7fffffff;
    let half: number;
    if (bits >= 0x47800000) {
      // 65536 and more, infinity, NaN. A NaN whose payload is all in the bits that go keeps one bit, or it would be
      // infinity.
      half = bits <= 0x7f800000 ? 0x7c00 : 0x7c00 | ((bits >>> 13) & 0x3ff || 0x200);
    } else if (bits >= 0x38800000) {
      // Normal: change the exponent's bias and round; a carry runs on into the exponent, up to infinity.
      half = (bits - 0x38000000 + 0xfff + ((bits >>> 13) & 1)) >>> 13;
    } else if (bits >= 0x33000000) {
      // Subnormal: a multiple of 2^-24.
      const mantissa = (bits & 0x7fffff) | 0x800000;
      const shift = 126 - (bits >>> 23);
      half = (mantissa + (1 << (shift - 1)) - 1 + ((mantissa >>> shift) & 1)) >>> shift;
    } else {
      half = 0;
    }
    halves[i] = sign | half;
  }
  return halves;
}

/** Float32 to BF16, rounded to nearest, ties to even. NaN stays NaN. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const source = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i += 1) {
    const bits = source[i];
    const isNaN = (bits & 0x7fffffff) > 0x7f800000;
    // Rounding could carry a NaN over into another number: it is cut instead, and keeps at least one bit of its
    // payload.
    halves[i] = isNaN
      ? (bits >>> 16) | ((bits & 0x7f0000) === 0 ? 0x40 : 0)
      : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  }
  return halves;
}
