import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readJson } from "../../src/io/json.ts";
import { SafetensorsFile } from "../../src/io/safetensors/safetensors.ts";
import { failure } from "./failure.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const inFolder = temporaryFolder();

/** A zip archive's first entry, as far as anybody looks. */
const zip = (name: string) => Buffer.concat([Buffer.from("PK\x03\x04"), Buffer.alloc(26), Buffer.from(name)]);

const gone = "; download the file again";
const lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:4665e2\nsize 12345\n";

describe("what people have in place of a file", () => {
  it.each<[string, string | Uint8Array, string]>([
    ["a Git LFS pointer", lfs, "it is a Git LFS pointer; run git lfs pull in its folder."],
    ["a Git Xet pointer", "# xet version 0\nfilesize = 1\n", "it is a Git Xet pointer; run git lfs pull"],
    [
      "a git-annex pointer",
      "/annex/objects/SHA256E-s1--a.safetensors\n",
      "it is a git-annex pointer; run git annex get",
    ],
    ["an HTML page", "<!DOCTYPE html>\n<html><head>", `it is an HTML page${gone}`],
    ["an HTML page with a byte order mark", "\uFEFF\n <HTML lang=en>", `it is an HTML page${gone}`],
    ["a page that begins with a comment", "<!-- saved -->\n<html>", `it is an HTML page${gone}`],
    [
      "an XML error",
      '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
      "maybe a server's error; download",
    ],
    ["a server's error", '{"error":"Repository not found"}', "a server's error (Repository not found)"],
    ["a server's words", "Entry not found", "it is text (Entry not found); download the file again"],
    ["words in UTF-16", Buffer.from("\uFEFFAccess denied", "utf16le"), "it is text (Access denied)"],
    ["a PyTorch file", zip("archive/data.pkl"), "it is a PyTorch (pickle) file; use the .safetensors version"],
    [
      "an old PyTorch file",
      Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc),
      "it is a pickle file, which can run any program",
    ],
    ["a zip archive", zip("model/model.safetensors"), "it is a zip archive; unpack it and give the file inside"],
    ["gzip", gzipSync("weights"), "it is gzip-compressed; unpack it"],
    ["GGUF", "GGUF\x03\0\0\0", "it is a GGUF file (weights quantised for llama.cpp and its kin); use the .safetensors"],
    ["HDF5", "\x89HDF\r\n\x1a\n", "HDF5 (Keras) file"],
    ["ONNX", Uint8Array.of(8, 7, 0x12, 7, 112, 121, 116, 111), "it is an ONNX model"],
    ["NumPy", Buffer.from("\x93NUMPY\x01\0", "latin1"), "a NumPy array"],
    ["a picture", Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), "it is a picture; give the file that was meant"],
    ["a file of zeros", new Uint8Array(100), "nothing but zeros: its download did not finish; download the file again"],
  ])("is named, with what to do: %s", async (_, content, words) => {
    const binary = typeof content === "string" && content.startsWith("\x89");
    const bytes = typeof content === "string" ? Buffer.from(content, binary ? "latin1" : "utf8") : content;
    for (const [name, read] of [
      ["x.safetensors", SafetensorsFile.open.bind(SafetensorsFile)],
      ["x.json", readJson],
    ] as const) {
      const path = inFolder(name);
      writeFileSync(path, bytes);
      const { kind, message } = await failure(read(path));
      expect(kind).toBe("input");
      expect(message).toContain(path);
      expect(message).toContain(name === "x.json" && words.startsWith("a server") ? "Repository not found" : words);
      expect(message).not.toContain("\n");
      expect(message.length).toBeLessThan(path.length + 250);
    }
  });

  it("is told when one of the two is given for the other", async () => {
    writeFileSync(inFolder("a.json"), '{"a": 1}');
    expect((await failure(SafetensorsFile.open(inFolder("a.json")))).message).toContain(
      "it is a JSON file; give the file",
    );
    const header = '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}';
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(inFolder("b"), Buffer.concat([length, Buffer.from(header)]));
    expect((await failure(readJson(inFolder("b")))).message).toContain("it is a safetensors file");
  });

  it("is not seen in damaged files of the right kind", async () => {
    writeFileSync(inFolder("c.json"), '{"error_scale": 1, "message": ');
    expect((await failure(readJson(inFolder("c.json")))).message).toContain("is not valid JSON");
    writeFileSync(inFolder("d.json"), '{"message": 3, "act_fn": "silu"}');
    expect(await readJson(inFolder("d.json"))).toEqual({ message: 3, act_fn: "silu" });
  });
});
