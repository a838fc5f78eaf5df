import fc from "fast-check";
import { readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  SafetensorsFile,
  writeSafetensors,
  writeSafetensorsStream,
  type SafetensorsDType,
  type TensorToWrite,
} from "../../../src/io/safetensors/safetensors.ts";
import { serializeSafetensors } from "./serialize-safetensors.ts";
import { failure } from "../failure.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const inFolder = temporaryFolder();
let files = 0;

function write(bytes: Uint8Array): string {
  files += 1;
  const path = inFolder(`${files}.safetensors`);
  writeFileSync(path, bytes);
  return path;
}

async function openBytes(bytes: Uint8Array): Promise<SafetensorsFile> {
  return SafetensorsFile.open(write(bytes));
}

const dtypes: SafetensorsDType[] = [
  "U64",
  "I64",
  "F64",
  "F32",
  "U32",
  "I32",
  "BF16",
  "F16",
  "U16",
  "I16",
  "I8",
  "U8",
  "BOOL",
];
const bytesPerElement = (dtype: SafetensorsDType) => (dtype === "BOOL" ? 1 : Number(/\d+/.exec(dtype)?.[0]) / 8);

describe("a safetensors file", () => {
  it("is read as the reference implementation wrote it", async () => {
    const file = await SafetensorsFile.open("test/fixtures/forward/clip-preprocess.safetensors");
    expect([...file.tensors.keys()].sort()).toEqual([
      ...["image0", "image1", "image2"],
      ...["pixel_values0", "pixel_values1", "pixel_values2"],
    ]);
    expect(file.has("image0")).toBe(true);
    expect(file.has("image9")).toBe(false);
    expect(file.info("pixel_values0")).toMatchObject({ dtype: "F32", shape: [3, 32, 32], byteLength: 12288 });
    expect(await file.readBytes("image0")).toHaveLength(50 * 71 * 3);
    expect(await file.readFloat32("pixel_values0")).toHaveLength(3 * 32 * 32);
  });

  it("is written with the bytes that the reference implementation writes", async () => {
    const path = "test/fixtures/forward/clip-preprocess.safetensors";
    const file = await SafetensorsFile.open(path);
    const tensors = new Map<string, TensorToWrite>();
    for (const { name, dtype, shape } of file.tensors.values()) {
      tensors.set(name, { dtype, shape, data: await file.readBytes(name) });
    }
    expect(Buffer.from(serializeSafetensors(tensors, file.metadata)).equals(readFileSync(path))).toBe(true);
  });

  it("may be empty", async () => {
    const file = await openBytes(serializeSafetensors(new Map()));
    expect(file.tensors.size).toBe(0);
    expect(file.metadata.size).toBe(0);
  });

  it("may hold scalars and tensors without elements", async () => {
    const tensors = new Map([
      ["alpha", { shape: [], data: Float32Array.of(8) }],
      ["empty", { shape: [0, 7], data: new Float32Array() }],
    ]);
    const file = await openBytes(serializeSafetensors(tensors));
    expect(file.info("alpha").shape).toEqual([]);
    expect([...(await file.readFloat32("alpha"))]).toEqual([8]);
    expect([...(await file.readFloat32("empty"))]).toEqual([]);
  });

  it("may have any names and metadata, those of Object.prototype too", async () => {
    const names = ["__proto__", "constructor", "toString", "10", "2", "größer 🐶", 'a "quoted" \\ \n name', ""];
    const tensors = new Map(names.map((name, i) => [name, { shape: [1], data: Float32Array.of(i) }]));
    const metadata = new Map(names.map((name) => [name, name]));
    const file = await openBytes(serializeSafetensors(tensors, metadata));
    expect(new Set(file.tensors.keys())).toEqual(new Set(names));
    expect(new Map(file.metadata)).toEqual(metadata);
    for (const [i, name] of names.entries()) expect((await file.readFloat32(name))[0]).toBe(i);
    expect(Object.hasOwn(Object.prototype, "dtype")).toBe(false);
    expect(file.has("hasOwnProperty")).toBe(false);
  });

  it("aligns every tensor to its type: widest first, then by name", () => {
    const tensors = new Map<string, TensorToWrite>();
    for (const dtype of dtypes.toReversed()) {
      for (const name of ["b", "a"]) {
        tensors.set(`${dtype}.${name}`, { dtype, shape: [1], data: new Uint8Array(bytesPerElement(dtype)) });
      }
    }
    const bytes = Buffer.from(serializeSafetensors(tensors));
    const headerLength = Number(bytes.readBigUInt64LE());
    expect(headerLength % 8).toBe(0);
    const names = [...bytes.toString("utf8", 8, 8 + headerLength).matchAll(/"(\w+\.[ab])"/g)].map((match) => match[1]);
    expect(names).toEqual(dtypes.flatMap((dtype) => [`${dtype}.a`, `${dtype}.b`]));
  });

  it("comes back as it was written, whatever it holds and in whatever order it was given", async () => {
    const floats = fc.float32Array({ maxLength: 20 });
    const tensor = fc.oneof(
      floats.map((data) => ({ data, shape: [data.length] })),
      floats.map((data) => ({ data, shape: [1, data.length, 1] })),
      fc.int32Array({ maxLength: 20 }).map((data) => ({ data, shape: [data.length] })),
      fc.bigInt64Array({ maxLength: 20 }).map((data) => ({ data, shape: [data.length] })),
      fc.uint8Array({ maxLength: 20 }).map((data) => ({ data, shape: [data.length, 1] })),
    );
    const name = fc.string({ unit: "grapheme" }).filter((text) => text !== "__metadata__");
    const entries = fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 8 });
    const pairs = fc.uniqueArray(fc.tuple(fc.string(), fc.string()), { selector: ([key]) => key, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(entries, pairs, async (tensors, metadata) => {
        const bytes = serializeSafetensors(new Map(tensors), new Map(metadata));
        expect(serializeSafetensors(new Map(tensors.toReversed()), new Map(metadata.toReversed()))).toEqual(bytes);
        const file = await openBytes(bytes);
        expect(new Map(file.metadata)).toEqual(new Map(metadata));
        expect(file.tensors.size).toBe(tensors.length);
        for (const [key, { data, shape }] of tensors) {
          expect(file.info(key).shape).toEqual(shape);
          expect(file.info(key).byteOffset % data.BYTES_PER_ELEMENT).toBe(0);
          const read = await file.readBytes(key);
          expect(Buffer.from(read).equals(Buffer.from(data.buffer, data.byteOffset, data.byteLength))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("reading numbers", () => {
  /** A file with one tensor "x" of these bytes. */
  async function tensorOf(dtype: SafetensorsDType, data: ArrayBufferView): Promise<SafetensorsFile> {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const shape = [data.byteLength / bytesPerElement(dtype)];
    return openBytes(serializeSafetensors(new Map([["x", { dtype, shape, data: bytes }]])));
  }

  it.each([
    ["F32", Float32Array.of(0.1, -2), [Math.fround(0.1), -2]],
    ["F64", Float64Array.of(0.1, -2), [Math.fround(0.1), -2]],
    ["F16", Uint16Array.of(0x3c00, 0xc000), [1, -2]],
    ["BF16", Uint16Array.of(0x3f80, 0xc000), [1, -2]],
  ] as const)("gives %s as float32", async (dtype, data, expected) => {
    expect([...(await (await tensorOf(dtype, data)).readFloat32("x"))]).toEqual(expected);
  });

  it.each([
    ["I64", BigInt64Array.of(-5n, 49407n)],
    ["U64", BigUint64Array.of(5n, 49407n)],
    ["I32", Int32Array.of(-5, 2147483647)],
    ["U32", Uint32Array.of(5, 2147483647)],
    ["I16", Int16Array.of(-5, 300)],
    ["U16", Uint16Array.of(5, 65535)],
    ["I8", Int8Array.of(-5, 100)],
    ["U8", Uint8Array.of(5, 255)],
    ["BOOL", Uint8Array.of(0, 1)],
  ] as const)("gives %s as int32", async (dtype, data) => {
    expect([...(await (await tensorOf(dtype, data)).readInt32("x"))]).toEqual(Array.from(data, Number));
  });

  it.each([
    ["I64", BigInt64Array.of(0n, 2n ** 31n)],
    ["I64", BigInt64Array.of(-(2n ** 31n) - 1n)],
    ["U64", BigUint64Array.of(2n ** 64n - 1n)],
    ["U32", Uint32Array.of(2 ** 31)],
  ] as const)("refuses %s beyond 32 bits", async (dtype, data) => {
    const file = await tensorOf(dtype, data);
    const { message } = await failure(file.readInt32("x"));
    expect(message).toContain(`tensor "x" holds ${String(data.at(-1))}, which does not fit into 32 bits`);
  });

  it("refuses integers as floating-point numbers, and the other way round", async () => {
    const integers = await tensorOf("I64", BigInt64Array.of(1n));
    expect((await failure(integers.readFloat32("x"))).message).toContain('tensor "x" holds I64, not floating-point');
    const floats = await tensorOf("F16", Uint16Array.of(1));
    expect((await failure(floats.readInt32("x"))).message).toContain('tensor "x" holds F16, not integers');
  });

  it("names the file and the tensor that is missing", async () => {
    const file = await tensorOf("F32", Float32Array.of(1));
    const expected = `${file.path}: has no tensor "unet.conv_in.weight".`;
    expect((await failure(file.readFloat32("unet.conv_in.weight"))).message).toBe(expected);
  });

  it("notices that the file was changed after it was opened", async () => {
    const file = await tensorOf("F32", Float32Array.of(1, 2, 3));
    truncateSync(file.path, 100);
    expect((await failure(file.readFloat32("x"))).message).toContain("was changed while it was being read");
  });
});

describe("writing safetensors", () => {
  const tensors = new Map<string, TensorToWrite>([
    ["unet.weight", { shape: [2, 2], data: Float32Array.of(1, -2, 0.5, 65504) }],
    ["half", { shape: [4], dtype: "F16", data: Float32Array.of(1, -2, 0.1, 1e-8) }],
    ["brain", { shape: [4], dtype: "BF16", data: Float32Array.of(1, -2, 0.1, 1e38) }],
    ["ids", { shape: [1, 2], data: BigInt64Array.of(49406n, 49407n) }],
  ]);
  const metadata = new Map([["format", "pt"]]);

  it("puts the same bytes into a file, in one piece or in many", async () => {
    const expected = serializeSafetensors(tensors, metadata);
    await writeSafetensors(inFolder("whole"), tensors, metadata);
    expect(Buffer.from(expected).equals(readFileSync(inFolder("whole")))).toBe(true);

    const whole = await SafetensorsFile.open(inFolder("whole"));
    const asked: string[] = [];
    async function* pieces(name: string): AsyncGenerator<Uint8Array> {
      asked.push(name);
      const bytes = await whole.readBytes(name);
      for (let i = 0; i < bytes.length; i += 3) yield bytes.subarray(i, i + 3);
    }
    await writeSafetensorsStream(inFolder("pieces"), [...whole.tensors.values()].toReversed(), pieces, metadata);
    expect(Buffer.from(expected).equals(readFileSync(inFolder("pieces")))).toBe(true);
    expect(asked).toEqual([...whole.tensors.keys()]);
  });

  it("rounds to F16 and BF16", async () => {
    await writeSafetensors(inFolder("halves"), tensors);
    const file = await SafetensorsFile.open(inFolder("halves"));
    expect([...(await file.readFloat32("half"))]).toEqual([1, -2, 0.0999755859375, 0]);
    expect([...(await file.readFloat32("brain"))]).toEqual([1, -2, 0.10009765625, 9.969209968386869e37]);
  });

  it("refuses to turn a finite number into infinity", async () => {
    const large = new Map([["w", { shape: [2], dtype: "F16" as const, data: Float32Array.of(Infinity, 70000) }]]);
    const { message } = await failure(writeSafetensors(inFolder("large"), large));
    expect(message).toBe('Tensor "w" holds 70000, which is too large for F16: write it as F32 or BF16.');
    expect(readdirSync(inFolder())).not.toContain("large");
  });

  it.each([
    {
      fault: "data too short",
      tensor: { shape: [3], data: Float32Array.of(1, 2) },
      words: "has 8 bytes of data, but F32 [3] has 12",
    },
    {
      fault: "data too long",
      tensor: { shape: [], data: Uint8Array.of(1, 2) },
      words: "has 2 bytes of data, but U8 [] has 1",
    },
    {
      fault: "a shape that is none",
      tensor: { shape: [1.5], data: new Uint8Array() },
      words: "cannot have the shape [1.5]",
    },
    {
      fault: "a type that needs a conversion",
      tensor: { shape: [1], dtype: "I64" as const, data: Int32Array.of(1) },
      words: "of type I32 cannot be written as I64",
    },
  ])("refuses $fault", ({ tensor, words }) => {
    expect(() => serializeSafetensors(new Map([["w", tensor]]))).toThrow(RangeError);
    expect(() => serializeSafetensors(new Map([["w", tensor]]))).toThrow(words);
  });

  it("refuses a name twice, and the reserved one", async () => {
    const entry = { name: "a", dtype: "U8" as const, shape: [0] };
    await expect(writeSafetensorsStream(inFolder("twice"), [entry, entry], () => [])).rejects.toThrow("is taken");
    const reserved = new Map([["__metadata__", { shape: [0], data: new Uint8Array() }]]);
    expect(() => serializeSafetensors(reserved)).toThrow("is taken");
  });

  it.each([
    ["few", [new Uint8Array(3)], "but 3 were given"],
    ["many", [new Uint8Array(3), new Uint8Array(2)], "but more were given"],
  ])("leaves no file behind when a stream gives too %s bytes", async (name, chunks, words) => {
    const entries = [{ name: "a", dtype: "U8" as const, shape: [4] }];
    await expect(writeSafetensorsStream(inFolder(name), entries, () => chunks)).rejects.toThrow(words);
    expect(readdirSync(inFolder()).filter((file) => file === name || file.endsWith(".tmp"))).toEqual([]);
  });

  it("says in one line that the folder is missing", async () => {
    const { message } = await failure(writeSafetensors(inFolder("none", "x.safetensors"), tensors));
    expect(message).toContain("the folder does not exist");
  });
});
