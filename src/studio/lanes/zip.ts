/**
 * @file Several files as one ZIP file, stored without compression: weights do not compress. Source: PKWARE's APPNOTE
 * 6.3.10, sections 4.3.7 (local file header), 4.3.12 (central directory) and 4.3.16 (end).
 */
import { crc32 } from "node:zlib";

export interface ZippedFile {
  /** With `/` between folders. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Names are UTF-8. */
const UTF8 = 0x0800;
const VERSION = 20;
/** 1980-01-01, the earliest there is: the same files give the same bytes. */
const DATE = 0x0021;

/** @throws RangeError above 4 GB, where the format would need its 64-bit form */
export function zipped(files: readonly ZippedFile[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const encoded = Buffer.from(name);
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(VERSION, 0);
    facts.writeUInt16LE(UTF8, 2);
    facts.writeUInt16LE(DATE, 8);
    facts.writeUInt32LE(crc32(bytes), 10);
    facts.writeUInt32LE(bytes.byteLength, 14);
    facts.writeUInt32LE(bytes.byteLength, 18);
    facts.writeUInt16LE(encoded.byteLength, 22);
    parts.push(Buffer.from("PK\u0003\u0004"), facts, encoded, bytes);
    const entry = Buffer.alloc(14);
    entry.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\u0001\u0002"), u16(VERSION), facts, entry, encoded);
    offset += 4 + facts.byteLength + encoded.byteLength + bytes.byteLength;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(entries.byteLength, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, entries, Buffer.from("PK\u0005\u0006"), end]);
}

function u16(value: number): Uint8Array {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
