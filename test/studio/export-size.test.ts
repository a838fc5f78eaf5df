/** @file What the page is to save may be larger than it can be handed. */
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { exportedFiles } from "../../src/studio/lanes/export-work.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";

const inFolder = temporaryFolder();

it("Exported files are read in order, those in folders too", async () => {
  const folder = inFolder("small");
  mkdirSync(inFolder("small", "mochi-embeddings"), { recursive: true });
  writeFileSync(inFolder("small", "mochi.safetensors"), "lora");
  writeFileSync(inFolder("small", "mochi-embeddings", "mochi.safetensors"), "token");
  const files = await exportedFiles(folder, { kind: "export", format: "kohya" }, "library");
  expect(files.map(({ name, bytes }) => [name, Buffer.from(bytes).toString()])).toEqual([
    ["mochi-embeddings/mochi.safetensors", "token"],
    ["mochi.safetensors", "lora"],
  ]);
});

it("Exported files above 2 GB are refused with the command that writes them, before any of them is read", async () => {
  mkdirSync(inFolder("large"));
  writeFileSync(inFolder("large", "mochi.safetensors"), "");
  // A hole: it takes no room on the disk.
  truncateSync(inFolder("large", "mochi.safetensors"), 2.2e9);
  const request = { kind: "export", format: "kohya" } as const;
  const { kind, message } = await failure(exportedFiles(inFolder("large"), request, "my pets"));
  expect(kind).toBe("state");
  expect(message).toBe(
    "This takes 2.2 GB, and a page can save 2.0 GB at most; choose half precision, or write it with " +
      "\"keepsake export <file> --format kohya --library 'my pets'\".",
  );
  const half = { ...request, name: "mochi", fp16: true };
  expect((await failure(exportedFiles(inFolder("large"), half, "pets"))).message).toContain(
    'at most; write it with "keepsake export <file> --format kohya --concept mochi --fp16 --library pets".',
  );
});
