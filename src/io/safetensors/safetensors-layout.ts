/**
 * @file The layout of a safetensors file that is written: where every tensor goes, and the header that says so.
 *
 * Source: safetensors: safetensors/src/tensor.rs (`prepare`).
 */
import { describeShape, isCount, lengthFieldSize, metadataKey, type TensorInfo } from "./safetensors-header.ts";
import { byteLengthOf, dtypeOrder, type SafetensorsDType } from "./safetensors-dtype.ts";

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
 * Lays a file out as the reference implementation does: widest types first, then by name, so that every tensor is
 * aligned; the header is padded with spaces. The same content gives the same bytes, whatever the order it is given in.
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
    const byteLength = shape.every(isCount) ? byteLengthOf(dtype, shape) : undefined;
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
