/**
 * @file safetensors files, the format of every model and adapter: read lazily, tensor by tensor, from their place in
 * the file. Little-endian, as the format and every machine that ONNX Runtime runs on.
 */
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { bytePieces } from "../byte-pieces.ts";
import { closeAfter } from "../file-handle.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "./half.ts";
import { describeReadError, statFile, type FileStatus } from "../read-file.ts";
import {
  fileFault,
  lengthFieldSize,
  parseHeader,
  parseHeaderLength,
  quote,
  tensorFault,
  type SafetensorsHeader,
  type TensorInfo,
} from "./safetensors-header.ts";
import { recognizeStandIn, standInHeadSize } from "../stand-in.ts";

export type { TensorInfo } from "./safetensors-header.ts";
export type { SafetensorsDType } from "./safetensors-dtype.ts";
export type { TensorEntry } from "./safetensors-layout.ts";
export {
  safetensorsPieces,
  writeSafetensors,
  writeSafetensorsStream,
  type TensorToWrite,
} from "./safetensors-writer.ts";

/**
 * A safetensors file whose header has been read and checked. Its tensors are read when they are asked for; no file
 * stays open.
 */
export class SafetensorsFile {
  readonly path: string;
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of their bytes in the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #status: FileStatus;

  private constructor(path: string, status: FileStatus, header: SafetensorsHeader) {
    this.path = path;
    this.#status = status;
    this.metadata = header.metadata;
    this.tensors = header.tensors;
  }

  /**
   * Reads and checks the header of a file.
   * @throws KeepsakeError in one line that names the file, the tensor and the fault.
   */
  static async open(path: string): Promise<SafetensorsFile> {
    const status = await statFile(path);
    return withFile(path, async (handle) => {
      const head = new Uint8Array(await readRange(path, handle, 0, Math.min(standInHeadSize, status.size)));
      const field = head.subarray(0, lengthFieldSize);
      if (!looksLikeSafetensors(head)) refuseStandIn(path, head, status.size);
      const length = parseHeaderLength(path, field, status.size);
      const header = new Uint8Array(await readRange(path, handle, lengthFieldSize, length));
      return new SafetensorsFile(path, status, parseHeader(path, header, status.size));
    });
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  /** @throws KeepsakeError that names the file and the tensor if there is none of that name. */
  info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (info === undefined) throw fileFault(this.path, `has no tensor ${quote(name)}.`);
    return info;
  }

  /**
   * The bytes of a tensor as they are in the file.
   * @throws KeepsakeError if there is no such tensor, or the file has changed since it was opened.
   */
  async readBytes(name: string): Promise<Uint8Array> {
    return new Uint8Array(await this.#read(name));
  }

  async #read(name: string): Promise<ArrayBuffer> {
    const { byteOffset, byteLength } = this.info(name);
    const status = await statFile(this.path);
    if (status.size !== this.#status.size || status.modified !== this.#status.modified) {
      throw fileFault(this.path, "was changed while it was being read. Try again.");
    }
    return withFile(this.path, (handle) => readRange(this.path, handle, byteOffset, byteLength));
  }

  /**
   * A tensor as float32. F16 and BF16 are widened exactly; F64 is rounded.
   * @throws KeepsakeError as {@link SafetensorsFile.readBytes}, and for a tensor of another type.
   */
  async readFloat32(name: string): Promise<Float32Array> {
    const { dtype } = this.info(name);
    if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16" && dtype !== "F64") {
      throw tensorFault(this.path, name, `holds ${dtype}, not floating-point numbers`);
    }
    const buffer = await this.#read(name);
    switch (dtype) {
      case "F32":
        return new Float32Array(buffer);
      case "F16":
        return float16ToFloat32(new Uint16Array(buffer));
      case "BF16":
        return bfloat16ToFloat32(new Uint16Array(buffer));
      case "F64":
        return Float32Array.from(new Float64Array(buffer));
    }
  }

  /**
   * A tensor of integers (or BOOL: 0 and 1) as int32.
   * @throws KeepsakeError as {@link SafetensorsFile.readBytes}, for a tensor of another type, and for a number beyond
   *   32 bits.
   */
  async readInt32(name: string): Promise<Int32Array> {
    const { dtype } = this.info(name);
    if (dtype === "F32" || dtype === "F16" || dtype === "BF16" || dtype === "F64") {
      throw tensorFault(this.path, name, `holds ${dtype}, not integers`);
    }
    const buffer = await this.#read(name);
    const checked = (value: number | bigint): number => {
      if (value < -(2 ** 31) || value >= 2 ** 31) {
        throw tensorFault(this.path, name, `holds ${value.toString()}, which does not fit into 32 bits`);
      }
      return Number(value);
    };
    switch (dtype) {
      case "I32":
        return new Int32Array(buffer);
      case "U32":
        return Int32Array.from(new Uint32Array(buffer), checked);
      case "I64":
        return Int32Array.from(Array.from(new BigInt64Array(buffer), checked));
      case "U64":
        return Int32Array.from(Array.from(new BigUint64Array(buffer), checked));
      case "I16":
        return Int32Array.from(new Int16Array(buffer));
      case "U16":
        return Int32Array.from(new Uint16Array(buffer));
      case "I8":
        return Int32Array.from(new Int8Array(buffer));
      case "U8":
      case "BOOL":
        return Int32Array.from(new Uint8Array(buffer));
    }
  }
}

/** Whether the header's length is below 2^32, and a `{` begins the header. */
function looksLikeSafetensors(head: Uint8Array): boolean {
  return head.length > lengthFieldSize && head.subarray(4, 8).every((byte) => byte === 0) && head[8] === 0x7b;
}

/** @throws KeepsakeError if it is known what the file is instead. */
function refuseStandIn(path: string, head: Uint8Array, size: number): void {
  const standIn = recognizeStandIn(head, size);
  if (standIn === undefined) return;
  throw fileFault(path, `is not a safetensors file, it is ${standIn.what}; ${standIn.remedy}.`);
}

async function withFile<T>(path: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await closeAfter(await open(path, "r"), use);
  } catch (error) {
    throw describeReadError(path, error);
  }
}

/** @returns Bytes in an `ArrayBuffer` of their own, so that they can be viewed as any type. */
async function readRange(path: string, handle: FileHandle, start: number, length: number): Promise<ArrayBuffer> {
  const buffer = new ArrayBuffer(length);
  let position = start;
  for (const piece of bytePieces({ buffer, byteOffset: 0, byteLength: length })) {
    for (let filled = 0; filled < piece.byteLength;) {
      const { bytesRead } = await handle.read(piece, filled, piece.byteLength - filled, position);
      if (bytesRead === 0) throw fileFault(path, `is truncated at byte ${position}.`);
      filled += bytesRead;
      position += bytesRead;
    }
  }
  return buffer;
}
