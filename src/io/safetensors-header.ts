/**
 * @file The header of a safetensors file: eight bytes of length, then JSON that says what lies where. A file may come from
 * anywhere, so nothing in it is believed: every check of the reference implementation is made, and duplicate keys are refused too.
 *
 * Source: safetensors: safetensors/src/tensor.rs (`Metadata::validate`, `SafeTensors::read_metadata`, `prepare`).
 */
import { KeepsakeError } from "../errors.ts";

/** Bytes per element, in the order in which the reference implementation puts the types into a file: largest alignment first. */
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

const dtypeOrder = Object.keys(bytesPerElement);

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
/** The largest header that is read, in bytes. The reference implementation has the same limit. */
export const maxHeaderSize = 100_000_000;
const metadataKey = "__metadata__";

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

function describeShape(shape: readonly number[]): string {
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
  if (length > BigInt(maxHeaderSize)) {
    throw fileFault(
      path,
      `is not a safetensors file: its header would have ${length.toString()} bytes (limit: ${maxHeaderSize}).`,
    );
  }
  if (length > BigInt(fileSize - lengthFieldSize)) {
    throw fileFault(path, `is truncated: its header has ${length.toString()} bytes, the whole file ${fileSize}.`);
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
  const json = parseHeaderJson(path, header);
  const metadata = new Map<string, string>();
  const tensors: TensorInfo[] = [];
  const dataStart = lengthFieldSize + header.byteLength;
  for (const [name, entry] of Object.entries(json)) {
    if (name !== metadataKey) {
      tensors.push(parseTensorInfo(path, name, entry, dataStart));
      continue;
    }
    if (!isObject(entry)) throw fileFault(path, `the header's ${metadataKey} is not an object.`);
    for (const [key, value] of Object.entries(entry)) {
      if (typeof value !== "string") throw fileFault(path, `the metadata ${quote(key)} is not a string.`);
      metadata.set(key, value);
    }
  }
  tensors.sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  checkLayout(path, tensors, dataStart, fileSize);
  return { metadata, tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])) };
}

function parseHeaderJson(path: string, header: Uint8Array): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    throw fileFault(path, "the header is not UTF-8 text.");
  }
  if (!text.startsWith("{")) throw fileFault(path, `is not a safetensors file: the header does not begin with "{".`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw fileFault(path, "the header is not valid JSON.");
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw fileFault(path, `the header has the key ${quote(duplicate)} twice.`);
  if (!isObject(json)) throw fileFault(path, "the header is not an object.");
  return json;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Finds a key that an object of a valid JSON text has twice: `JSON.parse` would silently keep the last one, so two readers of
 * one file could see different tensors.
 * @returns The key, or undefined if no key is there twice.
 */
function findDuplicateKey(text: string): string | undefined {
  /** The keys of each object that is open; none for an array. */
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i];
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(undefined);
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const start = i;
      for (i += 1; text[i] !== '"'; i += 1) if (text[i] === "\\") i += 1;
      let next = i + 1;
      while (" \t\r\n".includes(text[next])) next += 1;
      if (text[next] !== ":") continue;
      // Decoded, because "a" and "\u0061" are the same key.
      const key = String(JSON.parse(text.slice(start, i + 1)));
      const keys = open.at(-1);
      if (keys?.has(key) === true) return key;
      keys?.add(key);
    }
  }
  return undefined;
}

function parseTensorInfo(path: string, name: string, entry: unknown, dataStart: number): TensorInfo {
  if (!isObject(entry)) throw tensorFault(path, name, "is not described by an object");
  // Own properties only: an inherited one, such as "constructor", is not in the file.
  const field = (key: string): unknown => (Object.hasOwn(entry, key) ? entry[key] : undefined);
  const [dtype, shape, offsets] = [field("dtype"), field("shape"), field("data_offsets")];
  if (!isDType(dtype)) {
    const known = dtypeOrder.join(", ");
    throw tensorFault(
      path,
      name,
      `has the dtype ${typeof dtype === "string" ? quote(dtype) : "none"}; Keepsake reads ${known}`,
    );
  }
  if (!isListOfCounts(shape)) throw tensorFault(path, name, "has a shape that is not a list of non-negative integers");
  if (!isListOfCounts(offsets) || offsets.length !== 2) {
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

function isDType(value: unknown): value is SafetensorsDType {
  return typeof value === "string" && Object.hasOwn(bytesPerElement, value);
}

function isListOfCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0 && !Object.is(item, -0));
}

/** The bytes that a tensor takes; undefined if they are more than 2^53. */
export function byteLengthOf(dtype: SafetensorsDType, shape: readonly number[]): number | undefined {
  let bytes: number = bytesPerElement[dtype];
  for (const size of shape) {
    bytes *= size;
    if (!Number.isSafeInteger(bytes)) return undefined;
  }
  return bytes;
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

/** A tensor to be written, without its bytes. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
}

/** The beginning of a file, and where every tensor goes, in the order of their bytes. */
export interface SafetensorsLayout {
  /** The length field and the header; its size is a multiple of 8. */
  readonly header: Uint8Array;
  readonly tensors: readonly TensorInfo[];
  /** In bytes. */
  readonly fileSize: number;
}

/**
 * Lays a file out as the reference implementation does: widest types first, then by name, so that every tensor is aligned; the
 * header is padded with spaces. The same content gives the same bytes, whatever the order it is given in.
 * @throws RangeError for a name that is taken or reserved, or a shape that is not one.
 */
export function layOut(entries: readonly TensorEntry[], metadata: ReadonlyMap<string, string>): SafetensorsLayout {
  const sorted = entries.toSorted(
    (a, b) => dtypeOrder.indexOf(a.dtype) - dtypeOrder.indexOf(b.dtype) || compareNames(a.name, b.name),
  );
  const tensors: TensorInfo[] = [];
  const fields: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].sort(([a], [b]) => compareNames(a, b));
    fields.push(`"${metadataKey}":${stringifyObject(pairs)}`);
  }
  let offset = 0;
  const seen = new Set([metadataKey]);
  for (const { name, dtype, shape } of sorted) {
    const byteLength = isListOfCounts(shape) ? byteLengthOf(dtype, shape) : undefined;
    if (byteLength === undefined) throw new RangeError(`Tensor ${name} cannot have the shape ${describeShape(shape)}.`);
    if (seen.has(name)) throw new RangeError(`The tensor name ${name} is taken.`);
    seen.add(name);
    const entry = { dtype, shape, data_offsets: [offset, offset + byteLength] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    tensors.push({ name, dtype, shape, byteOffset: offset, byteLength });
    offset += byteLength;
  }
  const json = Buffer.from(`{${fields.join(",")}}`);
  const paddedLength = Math.ceil(json.byteLength / 8) * 8;
  const header = new Uint8Array(lengthFieldSize + paddedLength).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(paddedLength), true);
  header.set(json, lengthFieldSize);
  const placed = tensors.map((tensor) => ({ ...tensor, byteOffset: header.byteLength + tensor.byteOffset }));
  return { header, tensors: placed, fileSize: header.byteLength + offset };
}

/** The order of the bytes of the names in UTF-8, which is that of their code points. */
function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Not through an object: it would move keys that look like integers to the front and lose "__proto__". */
function stringifyObject(pairs: readonly (readonly [string, string])[]): string {
  return `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;
}
