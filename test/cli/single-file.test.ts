/** @file The command line on a single-file checkpoint. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { keepsakeHere } from "./support.ts";

const inFolder = temporaryFolder();
const fixtures = join(import.meta.dirname, "..", "fixtures");
const MODEL = join(fixtures, "single-file", "sd2-sgm-names-fp16.safetensors");
const CONFIG = join(fixtures, "models", "tiny-sd2-ldm");

describe("keepsake with --model <file>", () => {
  it("makes a library that needs no word of the model again", async () => {
    const library = inFolder("library");
    const made = await keepsakeHere([
      "init",
      library,
      "--model",
      MODEL,
      "--config",
      CONFIG,
      "--vae",
      join(CONFIG, "vae"),
    ]);
    expect([made.code, made.stderr]).toEqual([0, ""]);
    const picture = inFolder("cat.png");
    const size = ["--width", "32", "--height", "32", "--steps", "1", "--threads", "1"];
    const drawn = await keepsakeHere(["generate", "a cat", "--library", library, "-o", picture, ...size]);
    expect(drawn.code).toBe(0);
    expect(existsSync(picture)).toBe(true);
  });

  it("says in one line what the file lacks", async () => {
    const { code, stdout, stderr } = await keepsakeHere(["generate", "a cat", "--model", MODEL, "--config", CONFIG]);
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toMatch(/sd2-sgm-names-fp16\.safetensors: this file of .* no VAE; give one with --vae <file>\.\n$/);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
