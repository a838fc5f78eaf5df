/**
 * @file The bytes of arrays of any size, in pieces that every call takes: Node's hashes and one read or write take less
 * than 2 GiB, and in Node 20 a `Uint8Array` ends at 4 GiB, where a `Float32Array` goes on.
 */

/** The most bytes of a piece. */
const PIECE_SIZE = 2 ** 30;

/** Where bytes are. Every typed array is this. */
export interface ByteRange {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Views of all bytes, in their order; nothing is copied. */
export function* bytePieces(
  { buffer, byteOffset, byteLength }: ByteRange,
  pieceSize = PIECE_SIZE,
): Generator<Uint8Array> {
  for (let start = 0; start < byteLength; start += pieceSize) {
    yield new Uint8Array(buffer, byteOffset + start, Math.min(pieceSize, byteLength - start));
  }
}
