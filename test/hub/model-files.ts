/** @file The files of a repository with a small model. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const MODELS = join(import.meta.dirname, "..", "fixtures", "models");

/** A tiny model of the fixtures, in a variant as well, and what else lies in repositories. */
export function modelFiles(name = "small-sd1"): Map<string, Buffer> {
  const model = join(MODELS, name);
  const files = new Map<string, Buffer>(
    readdirSync(model, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const file = join(entry.parentPath, entry.name);
        return [file.slice(model.length + 1), readFileSync(file)];
      }),
  );
  for (const [name, content] of Array.from(files)) {
    if (!name.endsWith(".safetensors")) continue;
    files.set(name.replace(".safetensors", ".fp16.safetensors"), content);
    files.set(name.replace(".safetensors", ".bin"), Buffer.from("a pickle"));
    // Told from the variant by one more byte of padding.
    files.set(name, padded(content));
  }
  files.set("README.md", Buffer.from("# A tiny model\n"));
  files.set("safety_checker/config.json", Buffer.from("{}"));
  files.set("safety_checker/model.safetensors", Buffer.from("not needed"));
  files.set("größe 猫.txt", Buffer.from("a name beyond ASCII"));
  return files;
}

/** The same tensors behind a header that is eight spaces longer. */
function padded(content: Buffer): Buffer {
  const length = Number(content.readBigUInt64LE());
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(length + 8));
  return Buffer.concat([
    size,
    content.subarray(8, 8 + length),
    Buffer.from(" ".repeat(8)),
    content.subarray(8 + length),
  ]);
}
