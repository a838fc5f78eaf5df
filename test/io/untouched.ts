/**
 * @file Gigabytes that take no memory, no disk and no time: an array whose pages nobody touches, a file that is a hole.
 * Node's calls that would touch them check what they are given, as Node 20 does, and say that it is done. Small arrays
 * they take as ever.
 */
import { Hash } from "node:crypto";
import { open } from "node:fs/promises";
import { onTestFinished } from "vitest";

/** In bytes; what is smaller is written, read and hashed. */
const LARGE = 2 ** 20;
/** From here on Node 20 refuses to hash, and Linux to write or read, at once. */
const TOO_LARGE = 2 ** 31;

type Method = (this: object, ...args: unknown[]) => unknown;

/** Until the test is done. @returns the sizes of the large pieces that were hashed */
export async function leaveLargeUntouched(): Promise<{ readonly hashed: readonly number[] }> {
  const hashed: number[] = [];
  replace(Hash.prototype, "update", (original) => {
    return function (data, ...rest) {
      if (!isLarge(data)) return original.call(this, data, ...rest);
      hashed.push(checked(data.byteLength));
      return this;
    };
  });
  const handle = await open(import.meta.filename);
  const prototype = Object.getPrototypeOf(handle) as object;
  await handle.close();
  const positions = new WeakMap<object, number>();
  replace(prototype, "write", (original) => {
    return async function (data, offset = 0, length = (data as Uint8Array).byteLength - Number(offset)) {
      const position = positions.get(this) ?? 0;
      const bytesWritten = checked(Number(length));
      positions.set(this, position + bytesWritten);
      if (isLarge(data)) await original.call(this, new Uint8Array(1), 0, 1, position + bytesWritten - 1);
      else await original.call(this, data, offset, length, position);
      return { bytesWritten, buffer: data };
    };
  });
  replace(prototype, "read", (original) => {
    return function (buffer, offset, length, position) {
      if (!isLarge(buffer)) return original.call(this, buffer, offset, length, position);
      return Promise.resolve({ bytesRead: checked(Number(length)), buffer });
    };
  });
  return { hashed };
}

function replace(owner: object, name: string, made: (original: Method) => Method): void {
  const original = Reflect.get(owner, name) as Method;
  Reflect.set(owner, name, made(original));
  onTestFinished(() => {
    Reflect.set(owner, name, original);
  });
}

function isLarge(data: unknown): data is ArrayBufferView {
  return ArrayBuffer.isView(data) && data.byteLength >= LARGE;
}

function checked(length: number): number {
  if (length < TOO_LARGE) return length;
  throw Object.assign(new RangeError(`${length} bytes at once`), { code: "ERR_OUT_OF_RANGE" });
}
