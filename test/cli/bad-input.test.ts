/**
 * @file What a user can give that cannot work: one clear line that names the file and the fault, an exit code that is
 * not 0, and every folder as it was before.
 */
import { cpSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { readLora } from "../../src/adapters/formats/index.ts";
import { discoverModules } from "../../src/adapters/modules.ts";
import { SafetensorsFile } from "../../src/io/safetensors/safetensors.ts";
import { MODEL, treeOf, writePhotos } from "../keepsake/support.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { failureLine, generate, keepsake, keepsakeHere, learn, succeeded, type RunOptions } from "./support.ts";

const inFolder = temporaryFolder();
const USAGE = 2;
const INPUT = 3;
const ENVIRONMENT = 4;
const STATE = 5;
/** Knows <dog>. */
const library = inFolder("library");
let photos: string;
let models = 0;

beforeAll(async () => {
  photos = await writePhotos(inFolder("photos"), "dog");
  succeeded(await keepsakeHere(learn(library, "dog", [photos])));
});

/** Runs a command that must fail and change nothing, with options in a process of its own, and returns its one line. */
async function refused(args: readonly string[], exitCode: number, options?: RunOptions): Promise<string> {
  const before = treeOf(inFolder());
  const cwd = inFolder();
  const run = options === undefined ? keepsakeHere(args, { cwd }) : keepsake(args, { cwd, ...options });
  const line = failureLine(await run, exitCode);
  expect(treeOf(inFolder())).toEqual(before);
  // eslint-disable-next-line no-control-regex -- control characters must not reach a terminal
  expect(line).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  return line;
}

/** A copy of the model, one of whose files has been changed. */
function brokenModel(file: string, change: (path: string) => void): string {
  const model = inFolder(`model ${models++}`);
  cpSync(MODEL, model, { recursive: true });
  change(join(model, file));
  return model;
}

function editText(from: string, to: string): (path: string) => void {
  return (path) => {
    const before = readFileSync(path, "utf8");
    expect(before).toContain(from);
    writeFileSync(path, before.replace(from, to));
  };
}

/** Learning and drawing with a model: both must say the same. */
async function refusedModel(model: string): Promise<string> {
  const drawn = await refused(generate(undefined, "a dog", inFolder("out"), "--model", model), INPUT);
  expect(await refused([...learn(inFolder("new"), "cat", [photos]), "--model", model], INPUT)).toBe(drawn);
  return drawn;
}

describe("a model", () => {
  it("with truncated weights", async () => {
    const model = brokenModel("unet/diffusion_pytorch_model.safetensors", (path) => {
      truncateSync(path, 100_000);
    });
    const line = await refusedModel(model);
    expect(line).toContain(join(model, "unet", "diffusion_pytorch_model.safetensors"));
    expect(line).toMatch(/truncated|incomplete|cut off|shorter/);
  });

  it("with an unknown block type", async () => {
    const model = brokenModel("unet/config.json", editText('"CrossAttnUpBlock2D"', '"FancyUpBlock2D"'));
    const line = await refusedModel(model);
    expect(line).toContain(join(model, "unet", "config.json"));
    expect(line).toContain("FancyUpBlock2D");
  });

  it("that cannot draw pictures as small as those asked for", async () => {
    const model = brokenModel("unet/config.json", editText('"downsample_padding": 1', '"downsample_padding": 0'));
    const small = generate(undefined, "a dog", inFolder("out"), "--model", model, "--width", "8", "--height", "8");
    expect(await refused(small, USAGE)).toMatch(/too small for this UNet.*ask for a larger one/);
  });

  it("that is not there, or no model", async () => {
    expect(await refusedModel(inFolder("nowhere"))).toContain(`${inFolder("nowhere")}: there is no such folder`);
    expect(await refusedModel(photos)).toContain(`${photos}: model_index.json is missing`);
    expect(await refusedModel(join(photos, "0.png"))).toContain("this is a file");
  });

  it("that is not where the library says any more", async () => {
    const moved = inFolder("moved");
    cpSync(library, moved, { recursive: true });
    editText(MODEL, "/nowhere")(join(moved, "library.json"));
    const line = await refused(generate(moved, "a dog", inFolder("out")), INPUT);
    expect(line).toContain(`/nowhere: the model of ${moved} is not there any more; say where it is with --model`);
  });

  it("other than the library's", async () => {
    const model = brokenModel("text_encoder/model.safetensors", (path) => {
      const bytes = readFileSync(path);
      bytes[bytes.length - 1] ^= 1;
      writeFileSync(path, bytes);
    });
    const words = `${library} was made on another model`;
    expect(await refused(generate(library, "a dog", inFolder("out"), "--model", model), STATE)).toContain(words);
    expect(await refused([...learn(library, "cat", [photos]), "--model", model], STATE)).toContain(words);
  });

  it("other than the one that a LoRA was made for", async () => {
    const folder = join(MODEL, "..", "micro-unet-sd1", "unet");
    const unet = await SafetensorsFile.open(join(folder, "diffusion_pytorch_model.safetensors"));
    const modules = { unet: discoverModules([...unet.tensors.values()]) };
    const lora = join(MODEL, "..", "..", "lora", "kv-diffusers.safetensors");
    const { kind, message } = await failure(readLora(lora, modules));
    expect(kind).toBe("input");
    expect(message).toContain(lora);
    expect(message).toContain("model");
  });
});

/** A PNG file of any size that ends soon after its header. */
function hugePng(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    checksum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, checksum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8); // 8 bits, RGB
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", Buffer.alloc(9)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The beginning of a HEIC file, and no more. */
const HEIC_STUB = "\0\0\0\x18ftypheic\0\0\0\0mif1heic";

describe("photos", () => {
  const cases: { what: string; name: string; content: string | Buffer; words: string }[] = [
    { what: "a text file named .jpg", name: "notes.jpg", content: "dear diary", words: "is not a picture" },
    { what: "a PNG of 30000 x 30000 pixels", name: "huge.png", content: hugePng(30000, 30000), words: "30000 x 30000" },
    { what: "a damaged HEIC photo", name: "a.heic", content: HEIC_STUB, words: "it cannot be decoded as HEIC" },
    { what: "one named .jpg", name: "b.jpg", content: HEIC_STUB, words: "is damaged or incomplete" },
    { what: "an SVG drawing", name: "a.svg", content: "<svg xmlns=''/>", words: "is an SVG drawing" },
    { what: "an empty file", name: "empty.png", content: "", words: "is empty" },
    { what: "a truncated photo", name: "cut.png", content: hugePng(64, 64), words: "is damaged or incomplete" },
  ];

  it.each(cases)("$what", async ({ name, content, words }) => {
    const file = inFolder(name);
    writeFileSync(file, content);
    for (const given of [[file], [photos, file]]) {
      const line = await refused(learn(inFolder("new"), "cat", given), INPUT);
      expect(line).toContain(file);
      expect(line).toContain(words);
    }
  });

  it("a folder without pictures, also one with hidden or RAW files only", async () => {
    const folder = inFolder("empty");
    mkdirSync(folder);
    writeFileSync(join(folder, "readme.txt"), "");
    writeFileSync(join(folder, ".thumb.jpg"), "");
    const words = `${folder} holds no pictures`;
    expect(await refused(learn(inFolder("new"), "cat", [folder]), INPUT)).toContain(words);
    writeFileSync(join(folder, "IMG.DNG"), "");
    expect(await refused(learn(library, "cat", [photos, folder]), INPUT)).toContain("IMG.DNG is of a format");
  });

  it("files that are not there, whatever they are called", async () => {
    const line = await refused(learn(inFolder("new"), "cat", ["\u001b[31mred\u009b\nx.jpg"]), INPUT);
    expect(line).toContain("Cannot read \ufffd[31mred\ufffd x.jpg: no such file or folder");
  });
});

describe("words", () => {
  it.each([
    { what: "an empty prompt", args: generate(library, "", "out"), code: USAGE, words: "The prompt is empty" },
    { what: "a prompt of spaces", args: generate(library, " \n\t", "out"), code: USAGE, words: "The prompt is empty" },
    {
      what: "a name that is taken",
      args: learn(library, "dog", ["photos"]),
      code: STATE,
      words: 'already knows "dog"',
    },
    { what: "a name that is a path", args: learn(library, "../x", ["photos"]), code: USAGE, words: '"../x" cannot be' },
    { what: "no name", args: learn(library, "", ["photos"]), code: USAGE, words: '"" cannot be the name of a concept' },
    { what: "a name in Cyrillic", args: learn(library, "кот", ["photos"]), code: USAGE, words: "small letters a-z" },
    { what: "a name of control characters", args: learn(library, "\u001b[2J", ["x"]), code: USAGE, words: "cannot be" },
    {
      what: "an empty class noun",
      args: learn(library, "cat", ["photos"], "--class", " "),
      code: USAGE,
      words: "The class noun is empty",
    },
    {
      what: "an unknown scheduler",
      args: generate(library, "x", "out", "--scheduler", "magic"),
      code: USAGE,
      words: 'scheduler "magic" is not supported: choose one of',
    },
    {
      what: "a size that is no multiple of 8",
      args: generate(library, "x", "out", "--width", "65"),
      code: USAGE,
      words: "both sides must be multiples of 8",
    },
    {
      what: "another rank than the library's",
      args: learn(library, "cat", ["photos"], "--rank", "3"),
      code: USAGE,
      words: "has rank 2; leave the option out",
    },
    {
      what: "unknown targets",
      args: learn("new", "cat", ["photos"], "--targets", "magic"),
      code: USAGE,
      words: "magic",
    },
  ])("$what", async ({ args, code, words }) => {
    expect(await refused(args, code)).toContain(words);
  });
});

describe("a library", () => {
  it("that is not there, though it was asked for: the libraries near it are named", async () => {
    const line = await refused(generate(inFolder("libary"), "a dog", inFolder("out")), STATE);
    expect(line).toContain(`${inFolder("libary")}: no library here yet; did you mean `);
    expect(line).toContain(library);
  });

  it("that is damaged", async () => {
    const damaged = inFolder("damaged");
    cpSync(library, damaged, { recursive: true });
    truncateSync(join(damaged, "library.json"), 100);
    for (const args of [generate(damaged, "a dog", "out"), learn(damaged, "cat", [photos])]) {
      expect(await refused(args, STATE)).toContain(`${join(damaged, "library.json")}: the manifest is damaged`);
    }
  });

  it("that is a file", async () => {
    const file = join(photos, "0.png");
    const line = await refused(learn(file, "cat", [photos]), ENVIRONMENT);
    expect(line).toContain(`Cannot make the folder ${file}: this path, or a part of it, is a file`);
  });
});

describe("a sheet of previews", () => {
  it("takes the place of no photo, and nothing is learned before that is said", async () => {
    const photo = join(photos, "0.png");
    const words = `${photo} holds something that Keepsake did not draw, and is not replaced`;
    expect(await refused(learn(library, "cat", [photos], "--previews", photo), INPUT)).toContain(words);
    expect(await refused(["previews", "--library", library, "-o", photo], INPUT)).toContain(words);
  });
});

describe("a disk", () => {
  it.each(["/proc/new/folder", "/proc/self"])("that cannot be written to (%s)", async (folder) => {
    expect(await refused(generate(library, "a dog", folder), ENVIRONMENT)).toContain(folder);
    // What is in /proc/self already is no library, which is found out first.
    const code = folder === "/proc/self" ? STATE : ENVIRONMENT;
    expect(await refused(learn(folder, "cat", [photos]), code)).toContain(folder);
  });

  it("where a file is in the way of the output folder", async () => {
    const file = join(photos, "0.png");
    for (const output of [file.replace(".png", ".png/below"), join(file, "x.png")]) {
      expect(await refused(generate(library, "a dog", output), ENVIRONMENT)).toContain(
        "is a file; choose another folder",
      );
    }
    const folder = inFolder("folder.png");
    mkdirSync(folder);
    expect(await refused(generate(library, "a dog", folder), INPUT)).toContain("folder.png is a folder");
  });

  it("that is full: pictures and libraries are written whole or not at all", async () => {
    // A limit on the size of files stands for the disk: the picture, the adapter and the snapshot are larger.
    const full = { fileSizeLimit: 2 };
    const words = "the file is larger than the file system or a limit of this session allows";
    expect(await refused(generate(library, "a dog", inFolder("out")), ENVIRONMENT, full)).toContain(words);
    expect(await refused(learn(library, "cat", [photos]), ENVIRONMENT, full)).toContain(words);
    const withSnapshots = learn(inFolder("new"), "cat", [photos], "--snapshot-every", "1");
    expect(await refused(withSnapshots, ENVIRONMENT, full)).toContain(words);
  });

  it("that lets nothing be deleted: what was learned is there, and what is left over goes with the next change", async () => {
    const learned = inFolder("nothing deleted");
    cpSync(library, learned, { recursive: true });
    const on = (...args: string[]) => keepsakeHere([...args, "--library", learned]);
    succeeded(await on("history", "--keep", "0"));
    const hooks = ["refuse-removal"];
    const line = failureLine(await keepsake(learn(learned, "cat", [photos]), { hooks }), ENVIRONMENT);
    expect(line).toContain(join(learned, "blobs"));
    expect(line).toContain("permission denied");
    expect(succeeded(await on("list")).stdout).toContain("<cat>");
    expect(succeeded(await on("verify")).stdout).toContain("leftover: ");
    succeeded(await on("history", "--keep", "1"));
    expect(succeeded(await on("verify")).stdout).not.toContain("leftover");
  });
});
