import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { pictureFiles } from "../../src/io/images/picture-names.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { MODEL, treeOf, writePhoto, writePhotos } from "../keepsake/support.ts";
import { generate, keepsake, keepsakeHere, learn, succeeded, type Outcome } from "./support.ts";

const inFolder = temporaryFolder();
const library = inFolder("my library – ü 猫");
let dog: string;
let firstRun: Outcome;
let modelBefore: Record<string, string> | undefined;

beforeAll(async () => {
  modelBefore = treeOf(MODEL);
  dog = await writePhotos(inFolder("dog"), "dog");
  const mug = inFolder("one mug.png");
  await writePhoto(mug, "mug");
  firstRun = succeeded(await keepsake(learn(library, "dog", [dog])));
  succeeded(await keepsakeHere(learn(library, "mug", [mug, dog], "--class", "coffee mug")));
});

describe("keepsake learn", () => {
  it("says its result on stdout and its progress on stderr", () => {
    expect(firstRun.stdout).toBe(
      `Learned <dog>. Draw it: keepsake generate "a photo of a <dog>" --library '${library}'\n`,
    );
    expect(firstRun.stderr).toContain("2 photos\n");
    expect(firstRun.stderr).toContain("warning: 4 to 10 photos");
    expect(firstRun.stderr).toMatch(/^step 6\/6, loss \d+\.\d+, 0 s left$/m);
  });

  it("gives the same bytes for the same seed, and never changes the model", async () => {
    const again = inFolder("again");
    succeeded(await keepsakeHere(learn(again, "dog", [dog])));
    const blobs = (folder: string) => readdirSync(join(folder, "blobs"));
    const other = inFolder("other");
    succeeded(await keepsakeHere(learn(other, "dog", [dog], "--seed", "1")));
    expect(blobs(other)).not.toEqual(blobs(again));
    // The first library has gone on learning since: only its first token can be compared.
    expect(blobs(library)).toEqual(expect.arrayContaining(blobs(again).filter((name) => isToken(again, name))));
    expect(treeOf(MODEL)).toEqual(modelBefore);
  });

  const isToken = (folder: string, blob: string) => {
    const manifest = readFileSync(join(folder, "library.json"), "utf8");
    return manifest.includes(`"embedding": "${blob.replace(".safetensors", "")}"`);
  };

  it("prints one JSON document on stdout with --json, and nothing else", async () => {
    const { stdout } = succeeded(await keepsakeHere(learn(inFolder("json"), "cup", [dog], "--steps", "2", "--json")));
    expect(JSON.parse(stdout)).toEqual({
      ...{ status: "learned", name: "cup", token: "<cup>", step: 2, steps: 2, strategy: "sequential" },
      evaluations: { learn: { forward: 0, forwardBackward: 2 } },
      losses: [expect.any(Number), expect.any(Number)],
    });
  });
});

describe("keepsake generate", () => {
  const draw = async (folder: string, ...more: string[]) => {
    const outcome = succeeded(await keepsakeHere(generate(library, "<dog> and <mug>, Öl", folder, ...more)));
    return outcome.stdout.trimEnd().split("\n");
  };

  it("draws pictures of the asked size with both concepts, which say who drew them and how, and prints where they are", async () => {
    const files = await draw(inFolder("new", "pictures"), "-n", "2");
    expect(files).toEqual([0, 1].map((i) => inFolder("new", "pictures", `dog-and-mug-öl-0-${i}.png`)));
    for (const [i, file] of files.entries()) {
      const { format, width, height, exif, icc, xmp, iptc, comments } = await sharp(file).metadata();
      expect([format, width, height, exif, icc, xmp, iptc]).toEqual([
        ...["png", 32, 40, undefined, undefined, undefined, undefined],
      ]);
      const position = i === 0 ? "" : `, Batch pos: ${i}`;
      const settings = `Steps: 3, Sampler: PLMS, CFG scale: 7.5, Seed: 0, Size: 32x40${position}`;
      expect(comments).toEqual([
        { keyword: "Software", text: "Keepsake" },
        { keyword: "parameters", text: `<dog> and <mug>, Öl\n${settings}` },
      ]);
      await sharp(file).raw().toBuffer();
    }
    expect(readdirSync(inFolder("new", "pictures"))).toHaveLength(2);
    const [bare] = await draw(inFolder("bare"), "--no-metadata");
    expect((await sharp(bare).metadata()).comments).toEqual([{ keyword: "Software", text: "Keepsake" }]);
    const pixels = (file: string) => sharp(file).raw().toBuffer();
    expect((await pixels(bare)).equals(await pixels(files[0]))).toBe(true);
  });

  it("draws the same bytes for the same seed, however many pictures, and others for another seed", async () => {
    const read = async (...more: string[]) =>
      (await draw(inFolder("seeds"), ...more)).map((file) => readFileSync(file));
    const [first, second] = await read("-n", "2", "--seed", "7");
    expect(await read("--seed", "7")).toEqual([first]);
    expect(second).not.toEqual(first);
    const [other] = await read("--seed", "8");
    expect(other).not.toEqual(first);
  });

  it("writes one picture to a file that is named, and prints JSON on request", async () => {
    const file = inFolder("one \u001b[31m.png");
    const outcome = succeeded(await keepsakeHere(generate(library, "a \u001b[2J\u009b<dog>", file, "--json")));
    expect(JSON.parse(outcome.stdout)).toEqual({ prompt: "a \u001b[2J\u009b<dog>", seed: 0, pictures: [file] });
    // eslint-disable-next-line no-control-regex -- control characters must not reach a terminal
    expect(outcome.stdout + outcome.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(await sharp(file).metadata()).toMatchObject({ format: "png" });
    const plain = succeeded(await keepsakeHere(generate(library, "a \u001b[2J<cat>", file)));
    // eslint-disable-next-line no-control-regex -- control characters must not reach a terminal
    expect(plain.stdout + plain.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(plain.stderr).toContain(`does not know <cat>`);
  });

  it("says a large seed to the last digit", async () => {
    const args = generate(library, "<dog>", inFolder("large"), "--seed", "18446744073709551615", "--json");
    const { stdout } = succeeded(await keepsakeHere(args));
    expect(stdout).toContain('"seed": 18446744073709551615,');
    expect(readdirSync(inFolder("large"))).toEqual(["dog-18446744073709551615-0.png"]);
  });

  it("draws all of a long prompt, with weights, and writes what was asked for", async () => {
    const file = inFolder("long.png");
    const prompt = `${"a photo of a dog, ".repeat(20)}(<dog>:1.2)`;
    succeeded(await keepsakeHere(generate(library, prompt, file, "--clip-skip", "2")));
    const { comments } = await sharp(file).metadata();
    expect(comments?.find(({ keyword }) => keyword === "parameters")?.text).toMatch(
      /^(a photo of a dog, ){20}\(<dog>:1\.2\)\nSteps: .*, Clip skip: 2$/s,
    );
    const other = inFolder("without.png");
    succeeded(await keepsakeHere(generate(library, prompt, other)));
    expect(await sharp(other).raw().toBuffer()).not.toEqual(await sharp(file).raw().toBuffer());
  });

  it("draws with a model alone where there is no library", async () => {
    const file = inFolder("alone.png");
    const args = generate(undefined, "a dog", file, "--model", MODEL, "--scheduler", "euler");
    succeeded(await keepsakeHere(args, { cwd: inFolder() }));
    expect(await sharp(file).metadata()).toMatchObject({ format: "png" });
  });

  it("reads a scheduler config that Python wrote", async () => {
    const model = inFolder("python model");
    cpSync(MODEL, model, { recursive: true });
    const config = join(model, "scheduler", "scheduler_config.json");
    const text = readFileSync(config, "utf8").replace("{", '{ "lambda_min_clipped": -Infinity,');
    writeFileSync(config, text);
    const file = inFolder("python", "x.png");
    const args = generate(undefined, "a dog", file, "--model", model, "--scheduler", "dpmpp2m");
    succeeded(await keepsakeHere(args, { cwd: inFolder() }));
  });
});

describe("learning and drawing", () => {
  it("need no network and start no program", async () => {
    const hooks = ["no-network"];
    const offline = inFolder("offline");
    for (const args of [learn(offline, "dog", [dog]), generate(offline, "<dog>", inFolder("offline pictures"))]) {
      expect(succeeded(await keepsake(args, { hooks })).stderr).not.toContain("NETWORK");
    }
  });
});

describe("the names of pictures", () => {
  it("tell prompt, seed and number, in letters of any language, and fit any disk", () => {
    expect(pictureFiles("out", "A <dog>, 2 mugs!", 7, 2)).toEqual([
      "out/a-dog-2-mugs-7-0.png",
      "out/a-dog-2-mugs-7-1.png",
    ]);
    expect(pictureFiles("out", "../../etc \u0000\u001b", 0, 1)).toEqual(["out/etc-0-0.png"]);
    expect(pictureFiles("out", "?!", 0, 1)).toEqual(["out/picture-0-0.png"]);
    expect(pictureFiles("out", "हिन्दी", 0, 1)).toEqual(["out/हिन्दी-0-0.png"]);
    const [long] = pictureFiles("out", "𠮷".repeat(1000), 0, 1);
    expect(long).toBe(`out/${"𠮷".repeat(15)}-0-0.png`);
  });
});
