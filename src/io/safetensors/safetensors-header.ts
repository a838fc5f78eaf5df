/**
 * @file The header of a safetensors file: eight bytes of length, then JSON that says what lies where. A file may come
 * from anywhere, so nothing in it is believed: every check of the reference implementation is made, and duplicate keys
 * are refused too.
 *
 * Source: safetensors: safetensors/src/tensor.rs (`Metadata::validate`, `SafeTensors::read_metadata`).
 */
import { KeepsakeError } from "../../errors.ts";
import { JsonCursor, JsonFault } from "../json-cursor.ts";
import { byteLengthOf, dtypeOrder, isDType, type SafetensorsDType } from "./safetensors-dtype.ts";

/** Element types of newer files, which nothing here computes with. */
const foreignDTypes: readonly (readonly [RegExp, string])[] = [
  [/^F8_/, "8-bit floating-point numbers"],
  [/^F[46](_|$)/, "quantised numbers of fewer than 8 bits"],
  [/^C(64|128)$/, "complex numbers"],
];

/** More axes than any tensor has. */
const maxCounts = 1024;

/** One tensor of a file. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Where its bytes begin, counted from the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** What a header says. */
export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of their bytes in the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** The length field before the header, in bytes. */
export const lengthFieldSize = 8;
/**
 * The largest header that is read, in bytes. The reference reads four times as much, which takes gigabytes of memory to
 * hold; a header of Stable Diffusion XL has 0.3 MB.
 */
export const maxHeaderSize = 25_000_000;
/** The largest header that the format allows, in bytes. */
const maxLegalHeaderSize = 100_000_000;
/** The key under which a header holds notes instead of a tensor. */
export const metadataKey = "__metadata__";

/** An error that names the file: `file.safetensors: fault`. */
export function fileFault(path: string, fault: string): KeepsakeError {
  return new KeepsakeError("input", `${path}: ${fault}`);
}

/** An error that names the file and the tensor. */
export function tensorFault(path: string, tensor: string, fault: string): KeepsakeError {
  return fileFault(path, `tensor ${quote(tensor)} ${fault}.`);
}

/** A text from a file, for a message: without control characters that a terminal would obey, and not too long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text);
}

/** A shape for a message, not too long. */
export function describeShape(shape: readonly number[]): string {
  return `[${shape.slice(0, 16).join(", ")}${shape.length > 16 ? ", ..." : ""}]`;
}

/**
 * Checks the length field of a file.
 * @param field The first bytes of the file, 8 or fewer.
 * @param fileSize In bytes.
 * @returns The length of the header in bytes.
 * @throws KeepsakeError that names the file, if the length cannot be right.
 */
export function parseHeaderLength(path: string, field: Uint8Array, fileSize: number): number {
  if (field.byteLength < lengthFieldSize) {
    throw fileFault(
      path,
      `is not a safetensors file: it has ${fileSize} bytes, fewer than the 8 of the header's length.`,
    );
  }
  // Compared as a bigint: the field can say anything up to 2^64 - 1.
  const length = new DataView(field.buffer, field.byteOffset).getBigUint64(0, true);
  if (length > BigInt(maxLegalHeaderSize)) {
    const limit = `(limit: ${maxLegalHeaderSize})`;
    throw fileFault(path, `is not a safetensors file: its header would have ${length.toString()} bytes ${limit}.`);
  }
  if (length > BigInt(fileSize - lengthFieldSize)) {
    throw fileFault(path, `is truncated: its header has ${length.toString()} bytes, the whole file ${fileSize}.`);
  }
  if (length > BigInt(maxHeaderSize)) {
    const limit = `Keepsake reads ${maxHeaderSize / 1e6} MB, many times what a model needs`;
    throw fileFault(path, `has a header of ${Math.ceil(Number(length) / 1e6)} MB; ${limit}.`);
  }
  return Number(length);
}

/**
 * Parses and checks a header.
 * @param header The bytes after the length field.
 * @param fileSize In bytes.
 * @throws KeepsakeError in one line that names the file, the tensor and the fault.
 */
export function parseHeader(path: string, header: Uint8Array, fileSize: number): SafetensorsHeader {
  try {
    return readHeader(path, header, fileSize);
  } catch (error) {
    throw error instanceof JsonFault ? fileFault(path, `the header ${error.message}.`) : error;
  }
}

function readHeader(path: string, header: Uint8Array, fileSize: number): SafetensorsHeader {
  const metadata = new Map<string, string>();
  const tensors = new Map<string, TensorInfo>();
  const dataStart = lengthFieldSize + header.byteLength;
  const json = new JsonCursor(header);
  if (header[0] !== 0x7b) throw fileFault(path, `is not a safetensors file: the header does not begin with "{".`);
  let hasMetadata = false;
  json.object((name) => {
    // Two readers of one file could see different tensors.
    if (tensors.has(name) || (hasMetadata && name === metadataKey)) throw keyTwice(path, name);
    if (name !== metadataKey) {
      tensors.set(name, readTensorInfo(path, name, json, dataStart));
      return;
    }
    hasMetadata = true;
    readMetadata(path, json, metadata);
  });
  json.end();
  const sorted = [...tensors.values()].sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  tensors.clear();
  checkLayout(path, sorted, dataStart, fileSize);
  for (const tensor of sorted) tensors.set(tensor.name, tensor);
  return { metadata, tensors };
}

function keyTwice(path: string, key: string): KeepsakeError {
  return fileFault(path, `the header has the key ${quote(key)} twice.`);
}

/** null stands for no metadata, as for the reference. */
function readMetadata(path: string, json: JsonCursor, metadata: Map<string, string>): void {
  const kind = json.kind();
  if (kind === "null") {
    json.skip();
    return;
  }
  if (kind !== "object") throw fileFault(path, `the header's ${metadataKey} is not an object.`);
  json.object((key) => {
    if (metadata.has(key)) throw keyTwice(path, key);
    if (json.kind() !== "string") throw fileFault(path, `the metadata ${quote(key)} is not a string.`);
    metadata.set(key, json.string());
  });
}

function readTensorInfo(path: string, name: string, json: JsonCursor, dataStart: number): TensorInfo {
  if (json.kind() !== "object") throw tensorFault(path, name, "is not described by an object");
  let dtype: unknown;
  let shape: readonly number[] | undefined;
  let offsets: readonly number[] | undefined;
  const seen = new Set<string>();
  json.object((key) => {
    if (seen.has(key)) throw keyTwice(path, key);
    seen.add(key);
    if (key === "dtype" && json.kind() === "string") dtype = json.string();
    else if (key === "shape") shape = readCounts(json);
    else if (key === "data_offsets") offsets = readCounts(json);
    else json.skip();
  });
  if (!isDType(dtype)) throw tensorFault(path, name, foreignDType(dtype));
  if (shape === undefined) throw tensorFault(path, name, "has a shape that is not a list of non-negative integers");
  if (offsets?.length !== 2) {
    throw tensorFault(path, name, "has data_offsets that are not two non-negative integers");
  }
  const [begin, end] = offsets;
  if (end < begin) throw tensorFault(path, name, `ends at offset ${end}, before its begin at ${begin}`);
  const byteLength = byteLengthOf(dtype, shape);
  if (byteLength === undefined) {
    throw tensorFault(path, name, `has the shape ${describeShape(shape)}, more elements than can be counted`);
  }
  if (end - begin !== byteLength) {
    const expected = `${dtype} ${describeShape(shape)} needs ${byteLength}`;
    throw tensorFault(path, name, `takes ${end - begin} bytes of the file, but ${expected}`);
  }
  return { name, dtype, shape, byteOffset: dataStart + begin, byteLength };
}

/** A list of whole numbers >= 0, or undefined for anything else. */
function readCounts(json: JsonCursor): number[] | undefined {
  if (json.kind() !== "array") {
    json.skip();
    return undefined;
  }
  const counts: number[] = [];
  let valid = true;
  json.array(() => {
    const isNumber = json.kind() === "number";
    const count = isNumber ? json.count() : undefined;
    if (!isNumber) json.skip();
    if (count === undefined) valid = false;
    // So that a list of a million numbers is counted and not kept.
    else if (counts.length < maxCounts) counts.push(count);
    else valid = false;
  });
  return valid ? counts : undefined;
}

function foreignDType(dtype: unknown): string {
  const known = `Keepsake reads ${dtypeOrder.join(", ")}`;
  if (typeof dtype !== "string") return `has the dtype none; ${known}`;
  const kind = foreignDTypes.find(([pattern]) => pattern.test(dtype))?.[1];
  if (kind === undefined) return `has the dtype ${quote(dtype)}; ${known}`;
  return `holds ${kind} (${dtype}), which Keepsake does not read; use the file with F16 or F32`;
}

/** A whole number >= 0 that can be counted to. */
export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0);
}

/** Every byte after the header must belong to exactly one tensor. */
function checkLayout(path: string, sorted: readonly TensorInfo[], dataStart: number, fileSize: number): void {
  let end = dataStart;
  for (const { name, byteOffset, byteLength } of sorted) {
    if (byteOffset < end) throw tensorFault(path, name, `overlaps the tensor before it by ${end - byteOffset} bytes`);
    if (byteOffset > end) throw tensorFault(path, name, `comes after a hole of ${byteOffset - end} bytes`);
    end = byteOffset + byteLength;
    if (end > fileSize) {
      throw tensorFault(
        path,
        name,
        `ends at byte ${end}, but the file is truncated at ${fileSize}: get the file again`,
      );
    }
  }
  if (end !== fileSize) throw fileFault(path, `has ${fileSize - end} bytes after the last tensor.`);
}
