/**
 * A day with files: a LoRA goes out of a library, pictures are drawn with it, and it comes into another one.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { MODEL, writePhotos } from "../keepsake/support.ts";
import { failureLine, generate, keepsake, learn, succeeded } from "./support.ts";

const inFolder = temporaryFolder();
const library = inFolder("library");
const lora = inFolder("out", "pets.safetensors");
const token = inFolder("out", "pets-embeddings", "dog.safetensors");

beforeAll(async () => {
  const dog = await writePhotos(inFolder("dog"), "dog");
  succeeded(await keepsake(learn(library, "dog", [dog], "--strategy", "kv-nullspace", "--lr", "0.01")));
});

describe("keepsake export", () => {
  it("writes LoRA and token, says where and how well, and replaces nothing without --force", async () => {
    const args = ["export", lora, "--format", "kohya", "--library", library];
    const { stdout, stderr } = succeeded(await keepsake(args));
    expect(stdout).toMatch(
      /^Wrote .*pets\.safetensors: kohya, rank 2, relative error \d\.\de-[789]; [\d.]+ kB in all\.$/m,
    );
    expect(stdout).toContain(`<dog> is in ${token}.`);
    expect(stderr).toBe("");
    const before = readFileSync(lora);
    const line = failureLine(await keepsake(args), 5);
    expect(line).toContain(
      "pets-embeddings/dog.safetensors is there already; give another name, or replace it with --force",
    );
    expect(readFileSync(lora)).toEqual(before);
    const half = succeeded(await keepsake([...args, "--force", "--fp16"]));
    expect(half.stdout).toMatch(/relative error \d\.\de-[789], rounded to half precision; /);
    const again = succeeded(await keepsake([...args, "--force", "--fp16", "--rank", "1", "--json"]));
    expect(JSON.parse(again.stdout)).toEqual({
      ...{ format: "kohya", to: lora, tokens: [{ token: "<dog>", file: token }], notes: [] },
      ...{ adapter: { rank: 1, error: expect.any(Number) as number }, size: expect.any(Number) as number },
    });
    expect(readFileSync(lora).length).toBeLessThan(before.length);
    succeeded(await keepsake([...args, "--force"]));
    expect(readFileSync(lora)).toEqual(before);
    const peft = inFolder("out", "pets");
    succeeded(await keepsake(["export", peft, "--format", "peft", "--force", "--library", library]));
    expect(readdirSync(peft).sort()).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
  });

  it("says what is wrong with a command", async () => {
    const run = (...args: string[]) => keepsake(["export", ...args, "--library", library]);
    expect(failureLine(await run(), 2)).toContain("for example: keepsake export pets.safetensors");
    expect(failureLine(await run("x.safetensors", "--exact", "--rank", "2"), 2)).toContain("contradict each other");
    expect(failureLine(await run("x.safetensors", "--format", "onnx"), 2)).toContain("textual-inversion");
  });
});

describe("keepsake generate with files", () => {
  it("draws with --lora and --embedding, without a library", async () => {
    const [plain, file] = [inFolder("plain.png"), inFolder("with.png")];
    const draw = (to: string, ...more: string[]) =>
      keepsake(generate(undefined, "a <dog>", to, "--model", MODEL, ...more), { cwd: inFolder() });
    const drawn = succeeded(await draw(file, "--lora", `${lora}:1.5`, "--lora", `${lora}:-0.5`));
    expect(drawn.stderr).not.toContain("does not know");
    succeeded(await draw(plain, "--embedding", token));
    const pixels = async (path: string) => (await sharp(path).raw().toBuffer()).toString("hex");
    expect(await pixels(file)).not.toBe(await pixels(plain));
    for (const path of [file, plain]) {
      const [, parameters] = (await sharp(path).metadata()).comments ?? [];
      expect(parameters.text).toBe("a <dog>\nSteps: 3, Sampler: PLMS, CFG scale: 7.5, Seed: 0, Size: 32x40");
      expect(readFileSync(path).includes("pets")).toBe(false);
    }
    expect(failureLine(await draw(plain, "--lora", `${lora}:1000`), 2)).toContain("The strength must be");
    expect(failureLine(await draw(plain, "--embedding", lora), 3)).toContain("this is a LoRA");
  });
});

describe("keepsake import", () => {
  it("makes the file a concept of another library", async () => {
    const other = inFolder("other");
    const args = ["import", lora, "--class", "dog", "--name", "dog", "--library", other];
    const { stdout } = succeeded(await keepsake([...args, "--model", MODEL]));
    expect(stdout).toBe(`Imported <dog>. Draw it: keepsake generate "a photo of a <dog>" --library ${other}\n`);
    const listed = succeeded(await keepsake(["list", "--library", other])).stdout;
    expect(listed).toMatch(/^<dog> {2}dog {2}imported/m);
    expect(succeeded(await keepsake(["history", "--library", other])).stdout).toContain("imported dog");
    const line = failureLine(await keepsake(["import", join(MODEL, "unet", "config.json"), "--class", "x"]), 3);
    expect(line).toContain("config.json");
    expect(existsSync(join(inFolder(), "keepsake-library"))).toBe(false);
  });
});
