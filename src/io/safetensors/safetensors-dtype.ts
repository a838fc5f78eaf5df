/** @file The element types of safetensors. */

/**
 * Bytes per element, in the order in which the reference implementation puts the types into a file: largest alignment
 * first.
 */
const bytesPerElement = {
  U64: 8,
  I64: 8,
  F64: 8,
  F32: 4,
  U32: 4,
  I32: 4,
  BF16: 2,
  F16: 2,
  U16: 2,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

/** The element types of safetensors that Keepsake reads and writes. */
export type SafetensorsDType = keyof typeof bytesPerElement;

/** The names of the element types, in that order. */
export const dtypeOrder: readonly string[] = Object.keys(bytesPerElement);

export function isDType(value: unknown): value is SafetensorsDType {
  return typeof value === "string" && Object.hasOwn(bytesPerElement, value);
}

/** The bytes that a tensor takes; undefined if its elements or bytes are more than 2^53. */
export function byteLengthOf(dtype: SafetensorsDType, shape: readonly number[]): number | undefined {
  let elements = 1;
  for (const size of shape) {
    elements *= size;
    if (!Number.isSafeInteger(elements)) return undefined;
  }
  const bytes = elements * bytesPerElement[dtype];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
