import fc from "fast-check";
import { writeFileSync } from "node:fs";
import { describe, it, expect } from "vitest";
import { SafetensorsFile } from "../../../src/io/safetensors/safetensors.ts";
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

/** A file with this header, right or wrong, and `dataSize` zero bytes after it. */
function fileOf(header: string | Uint8Array, dataSize = 0, headerLength?: bigint): Uint8Array {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(headerLength ?? BigInt(json.byteLength));
  return Buffer.concat([length, json, Buffer.alloc(dataSize)]);
}

async function openBytes(bytes: Uint8Array): Promise<SafetensorsFile> {
  return SafetensorsFile.open(write(bytes));
}

describe("a safetensors file is refused", () => {
  const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]) =>
    JSON.stringify({ dtype: "F32", shape, data_offsets: [begin, end] });

  /** A field that nothing reads, its lists `depth` deep. */
  const nested = (depth: number) => `"x":${"[".repeat(depth)}${"]".repeat(depth)},`;

  const faults: { fault: string; bytes: () => Uint8Array; words: string }[] = [
    { fault: "if it is empty", bytes: () => new Uint8Array(), words: "it is empty; download the file again" },
    { fault: "if it ends in the length field", bytes: () => new Uint8Array(7), words: "it has 7 bytes" },
    {
      fault: "with a header of 2^63 bytes",
      bytes: () => fileOf("{}", 0, 2n ** 63n),
      words: "would have 9223372036854775808 bytes",
    },
    {
      fault: "with a header of 2^64 - 1 bytes",
      bytes: () => fileOf("{}", 0, 2n ** 64n - 1n),
      words: "18446744073709551615",
    },
    { fault: "with a header over 100 MB", bytes: () => fileOf("{}", 0, 100_000_001n), words: "(limit: 100000000)" },
    {
      fault: "with a header over 25 MB, which would take gigabytes of memory",
      bytes: () => fileOf(`{${" ".repeat(25_000_000)}}`),
      words: "has a header of 26 MB; Keepsake reads 25 MB",
    },
    {
      fault: "if it ends in the header",
      bytes: () => fileOf("{}", 0, 3n),
      words: "is truncated: its header has 3 bytes, the whole file 10",
    },
    { fault: "without a header", bytes: () => fileOf(""), words: 'does not begin with "{"' },
    {
      fault: "with a header that is not UTF-8",
      bytes: () => fileOf(Uint8Array.of(0x7b, 0xff, 0x7d)),
      words: "not UTF-8",
    },
    { fault: "with a byte order mark", bytes: () => fileOf("\uFEFF{}"), words: 'does not begin with "{"' },
    { fault: "with a blank before the header", bytes: () => fileOf(" {}"), words: 'does not begin with "{"' },
    { fault: "with a list for a header", bytes: () => fileOf("[]"), words: 'does not begin with "{"' },
    { fault: "with broken JSON", bytes: () => fileOf('{"a":'), words: "the header is not valid JSON" },
    {
      fault: "with JSON nested a million deep",
      bytes: () => fileOf(`{"a":${"[".repeat(1e6)}${"]".repeat(1e6)}}`),
      words: "not described by an object",
    },
    { fault: "with two headers", bytes: () => fileOf("{}{}"), words: "the header is not valid JSON" },
    {
      fault: "with a tensor twice",
      bytes: () => fileOf(`{"a":${f32(0, 4)},"a":${f32(0, 4)}}`, 4),
      words: 'the key "a" twice',
    },
    {
      fault: "with a tensor twice, once in disguise",
      bytes: () => fileOf(`{"a":${f32(0, 4)},"\\u0061" :${f32(0, 4)}}`, 4),
      words: 'the key "a" twice',
    },
    {
      fault: "with __proto__ twice",
      bytes: () => fileOf(`{"__proto__":${f32(0, 4)},"__proto__":${f32(0, 4)}}`, 4),
      words: 'the key "__proto__" twice',
    },
    {
      fault: "with a field twice",
      bytes: () => fileOf('{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', 4),
      words: 'the key "shape" twice',
    },
    {
      fault: "with metadata twice",
      bytes: () => fileOf('{"__metadata__":{"k":"1","k":"2"}}'),
      words: 'the key "k" twice',
    },
    {
      fault: "with metadata that is not text",
      bytes: () => fileOf('{"__metadata__":{"k":1}}'),
      words: 'the metadata "k" is not a string',
    },
    {
      fault: "with metadata that is a list",
      bytes: () => fileOf('{"__metadata__":[]}'),
      words: "__metadata__ is not an object",
    },
    {
      fault: "with a tensor that is a number",
      bytes: () => fileOf('{"a":1}'),
      words: 'tensor "a" is not described by an object',
    },
    {
      fault: "with a tensor that is null",
      bytes: () => fileOf('{"a":null}'),
      words: 'tensor "a" is not described by an object',
    },
    {
      fault: "with a tensor that is a list",
      bytes: () => fileOf('{"a":[]}'),
      words: 'tensor "a" is not described by an object',
    },
    { fault: "with a tensor without fields", bytes: () => fileOf('{"a":{}}'), words: 'tensor "a" has the dtype none' },
    {
      fault: "with an unknown type",
      bytes: () => fileOf('{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,1]}}', 1),
      words: 'tensor "a" has the dtype "F31"; Keepsake reads U64',
    },
    {
      fault: "with a type of newer files, which is named",
      bytes: () => fileOf('{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}', 1),
      words: 'tensor "a" holds 8-bit floating-point numbers (F8_E4M3), which Keepsake does not read',
    },
    {
      fault: "with numbers of four bits",
      bytes: () => fileOf('{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}', 1),
      words: "quantised numbers of fewer than 8 bits (F4)",
    },
    ...["1.0", "4e0", "1E0", "-1", "-0", "1e0", '"1"', "null", "true", "18446744073709551616"].map((spelling) => ({
      fault: `with ${spelling} for a size`,
      bytes: () => fileOf(`{"a":{"dtype":"U8","shape":[${spelling}],"data_offsets":[0,1]}}`, 1),
      words: 'tensor "a" has a shape that is not a list of non-negative integers',
    })),
    ...["0.0,1", "0,1.0", "0,1e0", "-0,1", "0", "0,1,1"].map((spelling) => ({
      fault: `with the offsets ${spelling}`,
      bytes: () => fileOf(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[${spelling}]}}`, 1),
      words: 'tensor "a" has data_offsets that are not two non-negative integers',
    })),
    ...[
      ["a name", String.raw`{"\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`],
      ["a field that is not read", String.raw`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":"\udfff"}}`],
      [
        "metadata",
        String.raw`{"__metadata__":{"k":"\ud83d\u0041"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`,
      ],
    ].map(([where, header]) => ({
      fault: `with half of a surrogate pair in ${where}`,
      bytes: () => fileOf(header, 1),
      words: "the header holds half of a surrogate pair",
    })),
    {
      fault: "with a field that is not read nested 128 deep",
      bytes: () => fileOf(`{"a":{${nested(126)}"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1),
      words: "the header is nested more than 127 levels deep",
    },
    {
      fault: "with a number that no float64 holds, in a field that is not read",
      bytes: () => fileOf('{"a":{"x":1e999,"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1),
      words: "the header holds a number that is out of range",
    },
    {
      fault: "with metadata in two places",
      bytes: () => fileOf('{"__metadata__":{"k":"1"},"__metadata__":{}}'),
      words: 'the key "__metadata__" twice',
    },
    {
      fault: "with a trailing comma",
      bytes: () => fileOf('{"__metadata__":{},}'),
      words: "the header is not valid JSON",
    },
    { fault: "with a zero byte as padding", bytes: () => fileOf("{}\0"), words: "the header is not valid JSON" },
    {
      fault: "with a type from Object.prototype",
      bytes: () => fileOf('{"a":{"dtype":"constructor","shape":[1],"data_offsets":[0,1]}}', 1),
      words: 'has the dtype "constructor"',
    },
    {
      fault: "with fields hidden in __proto__",
      bytes: () => fileOf(`{"a":{"__proto__":${f32(0, 4)}}}`, 4),
      words: 'tensor "a" has the dtype none',
    },
    {
      fault: "with a negative size",
      bytes: () => fileOf(`{"a":${f32(0, 4, [-1])}}`, 4),
      words: 'tensor "a" has a shape that is not',
    },
    {
      fault: "with a negative zero for a size",
      bytes: () => fileOf('{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}'),
      words: 'tensor "a" has a shape that is not',
    },
    {
      fault: "with a fractional size",
      bytes: () => fileOf(`{"a":${f32(0, 4, [0.5, 2])}}`, 4),
      words: 'tensor "a" has a shape that is not',
    },
    {
      fault: "with a size that is text",
      bytes: () => fileOf(`{"a":${f32(0, 4, ["1"])}}`, 4),
      words: 'tensor "a" has a shape that is not',
    },
    {
      fault: "with a size over 2^53",
      bytes: () => fileOf('{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}', 4),
      words: 'tensor "a" has a shape that is not',
    },
    {
      fault: "without a shape",
      bytes: () => fileOf('{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4),
      words: 'tensor "a" has a shape that is not',
    },
    {
      fault: "with more elements than can be counted",
      bytes: () => fileOf(`{"a":${f32(0, 4, [2 ** 31, 2 ** 31, 2 ** 31])}}`, 4),
      words: "more elements than can be counted",
    },
    {
      fault: "if their product wraps round 2^64 to the right size",
      bytes: () => fileOf(`{"a":${f32(0, 0, [2 ** 32, 2 ** 32])}}`),
      words: "more elements than can be counted",
    },
    {
      fault: "without offsets",
      bytes: () => fileOf('{"a":{"dtype":"F32","shape":[1]}}', 4),
      words: 'tensor "a" has data_offsets that are not',
    },
    {
      fault: "with three offsets",
      bytes: () => fileOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}', 4),
      words: 'tensor "a" has data_offsets that are not',
    },
    {
      fault: "with negative offsets",
      bytes: () => fileOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}', 4),
      words: 'tensor "a" has data_offsets that are not',
    },
    {
      fault: "with an end before the begin",
      bytes: () => fileOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}', 4),
      words: 'tensor "a" ends at offset 0, before its begin at 4',
    },
    {
      fault: "with fewer bytes than the shape needs",
      bytes: () => fileOf(`{"a":${f32(0, 4, [2])}}`, 4),
      words: 'tensor "a" takes 4 bytes of the file, but F32 [2] needs 8',
    },
    {
      fault: "with more bytes than the shape needs",
      bytes: () => fileOf(`{"a":${f32(0, 8, [1])}}`, 8),
      words: 'tensor "a" takes 8 bytes of the file, but F32 [1] needs 4',
    },
    {
      fault: "with an overlap",
      bytes: () => fileOf(`{"a":${f32(0, 8)},"b":${f32(4, 12)}}`, 12),
      words: 'tensor "b" overlaps the tensor before it by 4 bytes',
    },
    {
      fault: "with two tensors in one place",
      bytes: () => fileOf(`{"a":${f32(0, 4)},"b":${f32(0, 4)}}`, 4),
      words: 'tensor "b" overlaps the tensor before it by 4 bytes',
    },
    {
      fault: "with a hole",
      bytes: () => fileOf(`{"a":${f32(0, 4)},"b":${f32(8, 12)}}`, 12),
      words: 'tensor "b" comes after a hole of 4 bytes',
    },
    {
      fault: "with a hole before the first tensor",
      bytes: () => fileOf(`{"a":${f32(4, 8)}}`, 8),
      words: 'tensor "a" comes after a hole of 4 bytes',
    },
    {
      fault: "if it is truncated in the data",
      bytes: () => fileOf(`{"a":${f32(0, 4)},"b":${f32(4, 12)}}`, 11),
      words: 'tensor "b" ends at byte',
    },
    {
      fault: "with bytes after the last tensor",
      bytes: () => fileOf(`{"a":${f32(0, 4)}}`, 5),
      words: "has 1 bytes after the last tensor",
    },
    {
      fault: "with a tensor that claims a petabyte",
      bytes: () => fileOf(`{"a":${f32(0, 2 ** 50)}}`, 4),
      words: "the file is truncated at",
    },
  ];

  it.each(faults)("$fault", async ({ bytes, words }) => {
    const path = write(bytes());
    const { kind, message } = await failure(SafetensorsFile.open(path));
    expect(kind).toBe("input");
    expect(message.startsWith(`${path}: `)).toBe(true);
    expect(message).toContain(words);
    expect(message.length).toBeLessThan(path.length + 300);
  });

  it("but not for what the reference reads too", async () => {
    const entry = '"dtype":"U8","shape":[1],"data_offsets":[0,1]';
    for (const header of [
      `{"a":{${nested(125)}${entry}}}`,
      `{"a":{"x":[1.0,-0,4e0,{"y":null,"z":true}],${entry}}}`,
      `{"\\ud83d\\ude00":{${entry}}}`,
      `{"__metadata__":null,"a":{${entry}}}`,
      `{ "a" :\t{${entry}}\r\n}   `,
      `{"a":{${entry}},"empty":{"dtype":"F32","shape":[0,4503599627370496],"data_offsets":[1,1]}}`,
    ]) {
      expect((await openBytes(fileOf(header, 1))).tensors.size, header).toBeGreaterThan(0);
    }
  });

  it("without letting its names control the terminal or fill it", async () => {
    const name = `\u001b[2J\n${"x".repeat(100_000)}`;
    const { message } = await failure(openBytes(fileOf(JSON.stringify({ [name]: 1 }))));
    expect(message).toContain(String.raw`tensor "\u001b[2J\nxxx`);
    expect(message.length).toBeLessThan(500);
  });

  it("if it is missing, or a folder", async () => {
    expect((await failure(SafetensorsFile.open(inFolder("none")))).message).toContain("no such file or folder");
    expect((await failure(SafetensorsFile.open(inFolder()))).message).toContain("it is a folder");
  });

  it("cut off at any byte", async () => {
    const whole = serializeSafetensors(new Map([["a", { shape: [3], data: Float32Array.of(1, 2, 3) }]]));
    for (let size = 0; size < whole.length; size += 1) await failure(openBytes(whole.subarray(0, size)));
  });

  it("with any damage, or read without harm", async () => {
    const whole = serializeSafetensors(
      new Map([
        ["a", { shape: [3], data: Float32Array.of(1, 2, 3) }],
        ["b", { shape: [2, 2], data: Int32Array.of(1, 2, 3, 4) }],
      ]),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (position, change) => {
        const damaged = whole.slice();
        damaged[position] ^= change;
        const path = write(damaged);
        const file = await SafetensorsFile.open(path).catch(async () => {
          await failure(SafetensorsFile.open(path));
          return undefined;
        });
        for (const name of file?.tensors.keys() ?? []) await file?.readBytes(name);
      }),
      { numRuns: 300 },
    );
  });
});
