import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { sha256, sha256File } from "../../src/io/hash.ts";
import { readJson } from "../../src/io/json.ts";
import { failure } from "./failure.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const inFolder = temporaryFolder();

function write(name: string, content: string | Uint8Array): string {
  writeFileSync(inFolder(name), content);
  return inFolder(name);
}

describe("readJson", () => {
  it("reads any JSON value, with or without a byte order mark", async () => {
    const content = { name: "größer", list: [1, null, true] };
    expect(await readJson(write("a.json", JSON.stringify(content)))).toEqual(content);
    expect(await readJson(write("b.json", `\uFEFF${JSON.stringify(content)}`))).toEqual(content);
  });

  it("does not take brackets within strings for depth", async () => {
    const content = { a: "[".repeat(500), b: '\\"[[', "{{": [[[["}"]]]] };
    expect(await readJson(write("strings.json", JSON.stringify(content)))).toEqual(content);
  });

  it("gives a __proto__ key no power", async () => {
    const value = await readJson(write("proto.json", '{"__proto__": {"admin": true}}'));
    expect(Object.keys(value ?? {})).toEqual(["__proto__"]);
    expect(value).not.toHaveProperty("admin");
  });

  it("reads the numbers that Python writes, if asked to", async () => {
    const text = '{"a": -Infinity, "b": [Infinity, NaN, 1e-3], "NaN": "NaN, \\"-Infinity\\"", "c": "Infinity"}';
    const path = write("python.json", text);
    expect(await readJson(path, { pythonNumbers: true })).toEqual({
      a: -Infinity,
      b: [Infinity, NaN, 1e-3],
      NaN: 'NaN, "-Infinity"',
      c: "Infinity",
    });
    expect((await failure(readJson(path))).message).toContain("is not valid JSON (line 1, column 8)");
  });

  it.each([
    { text: '{"a": NaN,\n}', place: "(line 2, column 1)" },
    { text: '{"a": infinity}', place: "" },
    { text: '{"a": -NaN}', place: "" },
    { text: "[1Infinity]", place: "" },
  ])("takes only Python's spellings of these numbers: $text", async ({ text, place }) => {
    const { message } = await failure(readJson(write("not-python.json", text), { pythonNumbers: true }));
    expect(message).toContain(`is not valid JSON${place && ` ${place}`}`);
  });

  it.each([
    { fault: "a missing file", make: () => inFolder("none.json"), words: "no such file or folder" },
    { fault: "an empty file", make: () => write("empty.json", " \n"), words: "is empty" },
    {
      fault: "lists nested 100,000 deep",
      make: () => write("deep.json", `{"a": ${"[".repeat(1e5)}${"]".repeat(1e5)}}`),
      words: "is nested more than 100 levels deep; no file of this kind is",
    },
    {
      fault: "objects nested without an end",
      make: () => write("open.json", '{"a":'.repeat(1e5)),
      words: "is nested more than 100 levels deep",
    },
    {
      fault: "more than 32 MB",
      make: () => write("large.json", `"${"x".repeat(32_000_000)}"`),
      words: "has 33 MB; the limit is 32 MB",
    },
    { fault: "half a file", make: () => write("half.json", '{"a": [1, 2'), words: "is not valid JSON" },
    {
      fault: "a comma too many",
      make: () => write("c.json", '{\n  "a": 1,\n}'),
      words: "not valid JSON (line 3, column 1)",
    },
    { fault: "control characters", make: () => write("esc.json", "\u001b[31m\n\u0007"), words: "is not valid JSON" },
    {
      fault: "bytes that are not UTF-8",
      make: () => write("latin.json", Uint8Array.of(34, 0xe9, 34)),
      words: "not UTF-8",
    },
    {
      fault: "a folder",
      make: () => {
        mkdirSync(inFolder("folder.json"));
        return inFolder("folder.json");
      },
      words: "it is a folder",
    },
    {
      fault: "a pipe, which would never end",
      make: () => {
        execFileSync("mkfifo", [inFolder("pipe.json")]);
        return inFolder("pipe.json");
      },
      words: "it is not a regular file",
    },
  ])("says in one line what is wrong with $fault", async ({ make, words }) => {
    const path = make();
    const { kind, message } = await failure(readJson(path));
    expect(kind).toBe("input");
    expect(message).toContain(path);
    expect(message).toContain(words);
  });
});

describe("sha256", () => {
  // FIPS 180-2, appendix B.1.
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

  it("hashes texts, bytes and files alike", async () => {
    expect(sha256("abc")).toBe(abc);
    expect(sha256(Uint8Array.of(97, 98, 99))).toBe(abc);
    expect(await sha256File(write("abc", "abc"))).toBe(abc);
  });

  it("hashes a file that is longer than one piece", async () => {
    const content = new Uint8Array(3_500_000).map((_, i) => i % 251);
    expect(await sha256File(write("long", content))).toBe(sha256(content));
  });

  it("names a file that is missing", async () => {
    await expect(sha256File(inFolder("none"))).rejects.toThrow(`Cannot read ${inFolder("none")}: no such file`);
  });
});
