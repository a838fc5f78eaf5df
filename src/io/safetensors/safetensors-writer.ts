/** @file Writing safetensors files: to memory, to a file, or to a file in pieces that never are in memory together. */
import type { FileHandle } from "node:fs/promises";
import { KeepsakeError } from "../../errors.ts";
import { writeAtomically, type WriteOptions } from "../atomic.ts";
import { bytePieces } from "../byte-pieces.ts";
import { float32ToBfloat16, float32ToFloat16 } from "./half.ts";
import { quote, type TensorInfo } from "./safetensors-header.ts";
import type { SafetensorsDType } from "./safetensors-dtype.ts";
import { layOut, type TensorEntry } from "./safetensors-layout.ts";

/** A tensor and its numbers. */
export interface TensorToWrite {
  readonly shape: readonly number[];
  /** A `Uint8Array` with a `dtype` other than U8 holds the bytes as they go into the file. */
  readonly data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
  /**
   * Default: the type of `data`. A `Float32Array` may also be written as F16 or BF16, rounded to nearest, ties to even.
   */
  readonly dtype?: SafetensorsDType;
}

const noMetadata: ReadonlyMap<string, string> = new Map();

/**
 * The bytes of a safetensors file of any size, in pieces, most of which are views on the tensors. The same content
 * gives the same bytes, in whatever order it comes.
 * @param metadata Written as `__metadata__`.
 * @throws KeepsakeError if a finite number is too large for F16.
 * @throws RangeError if a tensor's data does not fit its shape or type.
 */
export function* safetensorsPieces(
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: ReadonlyMap<string, string> = noMetadata,
): Generator<Uint8Array> {
  const layout = layOut(entriesOf(tensors), metadata);
  yield layout.header;
  for (const info of layout.tensors) yield* encode(info, tensors);
}

/**
 * Writes a safetensors file atomically.
 * @throws KeepsakeError and RangeError as {@link safetensorsPieces}; KeepsakeError if the file cannot be written.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: ReadonlyMap<string, string> = noMetadata,
  options: WriteOptions = {},
): Promise<void> {
  await writeLayout(path, entriesOf(tensors), (info) => encode(info, tensors), metadata, options);
}

/**
 * Writes a safetensors file atomically, from pieces: for files that are larger than the memory.
 * @param entries The tensors, in any order.
 * @param chunks Called once for each tensor, in the order of the file (widest type first, then by name): its bytes,
 * little-endian, in as many pieces as suits. A piece may be reused once the next one is asked for.
 * @throws RangeError if the pieces of a tensor are not as long as its shape says.
 * @throws KeepsakeError if the file cannot be written.
 */
export async function writeSafetensorsStream(
  path: string,
  entries: readonly TensorEntry[],
  chunks: (name: string) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  metadata: ReadonlyMap<string, string> = noMetadata,
): Promise<void> {
  await writeLayout(path, entries, (info) => chunks(info.name), metadata);
}

async function writeLayout(
  path: string,
  entries: readonly TensorEntry[],
  chunks: (info: TensorInfo) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  metadata: ReadonlyMap<string, string>,
  options: WriteOptions = {},
): Promise<void> {
  const layout = layOut(entries, metadata);
  const write = async (handle: FileHandle) => {
    await writeFully(handle, layout.header);
    for (const info of layout.tensors) {
      let written = 0;
      for await (const chunk of chunks(info)) {
        written += chunk.byteLength;
        if (written > info.byteLength) break;
        await writeFully(handle, chunk);
      }
      if (written !== info.byteLength) {
        const fault = written > info.byteLength ? "more" : `${written}`;
        throw new RangeError(`Tensor ${info.name} has ${info.byteLength} bytes, but ${fault} were given.`);
      }
    }
  };
  await writeAtomically(path, write, options);
}

/** One `write` may take fewer bytes than it is given. */
async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (const piece of bytePieces(bytes)) {
    let written = 0;
    while (written < piece.byteLength) written += (await handle.write(piece, written)).bytesWritten;
  }
}

function entriesOf(tensors: ReadonlyMap<string, TensorToWrite>): TensorEntry[] {
  return [...tensors].map(([name, { shape, data, dtype }]) => ({ name, shape, dtype: dtype ?? dtypeOf(data) }));
}

function dtypeOf(data: TensorToWrite["data"]): SafetensorsDType {
  if (data instanceof Float32Array) return "F32";
  if (data instanceof Int32Array) return "I32";
  if (data instanceof BigInt64Array) return "I64";
  return "U8";
}

/** The bytes of a tensor as they go into the file, in pieces. */
function encode(info: TensorInfo, tensors: ReadonlyMap<string, TensorToWrite>): Iterable<Uint8Array> {
  const { name, dtype } = info;
  const data = tensors.get(name)?.data ?? new Uint8Array();
  let encoded: ArrayBufferView;
  if (data instanceof Uint8Array || dtype === dtypeOf(data)) encoded = data;
  else if (data instanceof Float32Array && dtype === "BF16") encoded = float32ToBfloat16(data);
  else if (data instanceof Float32Array && dtype === "F16") encoded = encodeFloat16(name, data);
  else throw new RangeError(`Tensor ${name} of type ${dtypeOf(data)} cannot be written as ${dtype}.`);
  if (encoded.byteLength !== info.byteLength) {
    const needed = `${dtype} [${info.shape.join(", ")}] has ${info.byteLength}`;
    throw new RangeError(`Tensor ${name} has ${encoded.byteLength} bytes of data, but ${needed}.`);
  }
  return bytePieces(encoded);
}

function encodeFloat16(name: string, values: Float32Array): Uint16Array {
  const halves = float32ToFloat16(values);
  // A weight that silently became infinite would only show as black pictures, much later.
  if (!halves.includes(0x7c00) && !halves.includes(0xfc00)) return halves;
  const lost = halves.findIndex((half, i) => (half & 0x7fff) === 0x7c00 && Number.isFinite(values[i]));
  if (lost >= 0) {
    const fault = `holds ${values[lost]}, which is too large for F16: write it as F32 or BF16`;
    throw new KeepsakeError("input", `Tensor ${quote(name)} ${fault}.`);
  }
  return halves;
}
