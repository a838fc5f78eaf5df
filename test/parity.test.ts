/** @file `npm run parity`: the fixtures here pass, and what does not is reported. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatResult, formatSummary } from "../scripts/parity/report.ts";
import { runParity } from "../scripts/parity/run.ts";
import { readJson } from "../src/io/json.ts";
import { type TensorToWrite, SafetensorsFile, writeSafetensors } from "../src/io/safetensors/safetensors.ts";

const fixtures = join(import.meta.dirname, "fixtures");

/** A tree with the models of the fixtures and nothing else. */
let tree: string;

beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), "keepsake-parity-"));
  await symlink(join(fixtures, "models"), join(tree, "models"));
});

afterEach(async () => {
  await rm(tree, { recursive: true, force: true });
});

/** Puts a case of the fixtures into the tree, under another name. */
async function copyCase(from: string, to: string): Promise<void> {
  await mkdir(resolve(tree, to, ".."), { recursive: true });
  for (const ending of [".json", ".safetensors"]) await cp(join(fixtures, from + ending), join(tree, to + ending));
}

/** Changes the values of one tensor of a case in the tree. */
async function changeTensor(name: string, tensor: string, change: (values: Float32Array) => void): Promise<void> {
  const path = join(tree, `${name}.safetensors`);
  const file = await SafetensorsFile.open(path);
  const tensors = new Map<string, TensorToWrite>();
  for (const { name: key, shape, dtype } of file.tensors.values()) {
    const data = dtype === "F32" ? await file.readFloat32(key) : await file.readBytes(key);
    if (key === tensor && data instanceof Float32Array) change(data);
    tensors.set(key, { shape, data, dtype });
  }
  await writeSafetensors(path, tensors);
}

/** Changes fields of a case's JSON in the tree. */
async function changeJson(name: string, changes: Readonly<Record<string, unknown>>): Promise<void> {
  const path = join(tree, `${name}.json`);
  const json = await readJson(path);
  await writeFile(path, JSON.stringify({ ...(json as object), ...changes }));
}

const statusByName = async (only?: string) =>
  Object.fromEntries((await runParity(tree, { only })).map((result) => [result.name, result.ok]));

describe("a tree of reference values", () => {
  it("passes where this implementation gives the same values", async () => {
    const results = await runParity(fixtures);
    expect(results.filter(({ ok }) => !ok).map(formatResult)).toEqual([]);
    const folders = new Set(results.map(({ name }) => name.split("/", 1)[0]));
    expect([...folders].sort()).toEqual([
      "classifier",
      "e2e",
      "forward",
      "lora",
      "models",
      "schedulers",
      "single-file",
      "textual-inversion",
      "textual-inversion-sdxl",
      "tokenizer",
      "training",
    ]);
  });

  it("is recognised by what its cases hold, not by their names", async () => {
    await copyCase("forward/unet-micro-unet-sd1", "forward/a");
    await copyCase("forward/text-sd1", "forward/b");
    await copyCase("training/full-micro-unet-sd1", "elsewhere/c");
    expect(await statusByName()).toMatchObject({ "forward/a": true, "forward/b": true, "elsewhere/c": true });
  });

  it("reports each case in one line: its worst error, the tolerance and the tensor", async () => {
    await copyCase("forward/unet-micro-unet-sd1", "forward/unet");
    const results = await runParity(tree, { only: "forward/" });
    expect(results.map(formatResult)).toEqual([
      expect.stringMatching(/^ok {3}forward\/unet {2}worst \d\.\de-\d of 1\.0e-4 \(sample_out\)$/),
    ]);
    expect(formatSummary(results)).toMatch(/^all 1 cases pass/);
  });
});

describe("a case that does not match", () => {
  it("fails by its name, tensor and first module that deviates", async () => {
    await copyCase("forward/unet-micro-unet-sd1", "forward/good");
    await copyCase("forward/unet-micro-unet-sd1", "forward/bad");
    await changeTensor("forward/bad", "sample_out", (values) => (values[3] += 1e-3));
    await changeTensor("forward/bad", "debug.mid_block", (values) => (values[0] += 1));
    const results = await runParity(tree, { only: "forward/" });
    expect(results.map(({ name, ok }) => [name, ok])).toEqual([
      ["forward/bad", false],
      ["forward/good", true],
    ]);
    expect(results.map(formatResult)[0]).toMatch(/^FAIL forward\/bad .*sample_out.*: debug\.mid_block$/);
    expect(formatSummary(results)).toMatch(/^1 of 2 cases fail/);
  });

  it.each([
    ["forward/text-sd1", "pooled"],
    ["forward/vae-sd1-encode", "kl"],
    ["forward/clip", "logits_per_image"],
    ["training/full-micro-unet-sd1", "losses"],
    ["training/full-micro-unet-sd1", "grad.conv_in.weight"],
    ["training/lora-train", "grad.token_embedding_rows"],
    ["training/lora-train", "final.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_A"],
    ["classifier/diffusion-classifier", "posterior"],
    ["e2e/sd1", "image"],
  ])("%s notices a change of %s", async (from, tensor) => {
    await copyCase(from, "cases/changed");
    await changeTensor("cases/changed", tensor, (values) => {
      for (const i of values.keys()) values[i] *= 1.01;
    });
    const [result] = await runParity(tree, { only: "cases/changed" });
    expect(result.ok).toBe(false);
    expect(formatResult(result)).toContain(tensor.replace(/^(final|step1)\..*/, "$1."));
  });

  it("fails for a single-file checkpoint with one number that is not the folder's", async () => {
    await mkdir(join(tree, "single-file"));
    for (const file of await readdir(join(fixtures, "single-file"))) {
      await cp(join(fixtures, "single-file", file), join(tree, "single-file", file));
    }
    const changed = join(tree, "single-file", "sd2-sgm-names-fp16.safetensors");
    const bytes = await readFile(changed);
    const { byteOffset } = (await SafetensorsFile.open(changed)).info(
      "conditioner.embedders.0.model.transformer.resblocks.22.attn.in_proj_weight",
    );
    bytes[byteOffset] ^= 1;
    await writeFile(changed, bytes);
    expect(await statusByName("single-file/")).toEqual({
      "single-file/sd1-old-names-fp16.safetensors": true,
      "single-file/sd2-sgm-names-fp16.safetensors": false,
      "single-file/sdxl-full-fp16.safetensors": true,
    });
  });

  it("fails when the prompts do not give the token ids", async () => {
    await copyCase("forward/text-sd1", "forward/text");
    await changeJson("forward/text", { prompts: ["a photo of a cat", "", "an oil painting", "nothing else"] });
    expect(await statusByName("forward/")).toEqual({ "forward/text": false });
  });

  it("fails when the reference holds NaN", async () => {
    await copyCase("forward/unet-micro-unet-sd1", "forward/unet");
    await changeTensor("forward/unet", "sample_out", (values) => (values[0] = NaN));
    expect(await statusByName("forward/")).toEqual({ "forward/unet": false });
  });
});

describe("the command", () => {
  /** Exit status and output. */
  const run = (...options: readonly string[]) =>
    new Promise<{ status: number | null; output: string }>((done) => {
      const script = join(import.meta.dirname, "../scripts/parity.ts");
      const child = execFile(process.execPath, ["--import", "tsx", script, ...options], (_error, stdout, stderr) => {
        done({ status: child.exitCode, output: stdout + stderr });
      });
    });

  it("exits with 0 when all cases pass", async () => {
    const { status, output } = await run(fixtures, "--only", "tokenizer/");
    expect(status).toBe(0);
    expect(output).toMatch(/^ok {3}tokenizer\/[^]*\nall \d+ cases pass/);
  });

  it("exits with 1 when one fails, and as JSON says which", async () => {
    await copyCase("forward/unet-micro-unet-sd1", "forward/unet");
    await changeTensor("forward/unet", "sample_out", (values) => (values[0] += 1));
    const { status, output } = await run(tree, "--json", "--only", "forward");
    expect(status).toBe(1);
    const lines = output
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(lines).toEqual([expect.objectContaining({ case: "forward/unet", ok: false }), { cases: 1, failed: 1 }]);
  });

  it("exits with 1 and one line for a folder without cases", async () => {
    await rm(join(tree, "models"));
    const { status, output } = await run(tree);
    expect(status).toBe(1);
    expect(output).toMatch(/^parity: .*no case in this folder\n$/);
  });
});

describe("what cannot be checked", () => {
  const failure = async (name: string) => (await runParity(tree, { only: name }))[0].failure;

  it("fails for an unknown kind of case", async () => {
    await copyCase("forward/unet-micro-unet-sd1", "forward/unknown");
    await changeJson("forward/unknown", { inputs: { sample: {} } });
    expect(await failure("forward/unknown")).toMatch(/unknown kind of case, with inputs sample and outputs/);
  });

  it("fails for an output that the kind does not have", async () => {
    await copyCase("forward/unet-micro-unet-sd1", "forward/unet");
    const file = await SafetensorsFile.open(join(tree, "forward/unet.safetensors"));
    const tensors = new Map<string, TensorToWrite>([["surprise", { shape: [1], data: Float32Array.of(1) }]]);
    for (const { name, shape, dtype } of file.tensors.values()) {
      tensors.set(name, { shape, dtype, data: await file.readBytes(name) });
    }
    await writeSafetensors(file.path, tensors);
    expect(await failure("forward/unet")).toMatch(/no output "surprise"/);
  });

  it("fails for a model that is not there", async () => {
    await copyCase("forward/unet-micro-unet-sd1", "forward/unet");
    await changeJson("forward/unet", { model: "models/missing/unet" });
    expect(await failure("forward/unet")).toMatch(/missing/);
  });

  it("fails for a damaged JSON, and a table of another kind", async () => {
    await mkdir(join(tree, "training"));
    await mkdir(join(tree, "schedulers"));
    await writeFile(join(tree, "training/broken.json"), "{");
    await writeFile(join(tree, "schedulers/other.json"), '{"rows": []}');
    expect(await statusByName("broken")).toEqual({ "training/broken": false });
    expect(await failure("schedulers/other")).toMatch(/unknown kind of case, with the fields rows/);
  });

  it("refuses a folder without cases, one that is not there, and a filter that matches none", async () => {
    await rm(join(tree, "models"));
    await expect(runParity(tree)).rejects.toThrow(/no case/);
    await expect(runParity(join(tree, "nowhere"))).rejects.toThrow(/nowhere/);
    await copyCase("forward/unet-micro-unet-sd1", "forward/unet");
    await expect(runParity(tree, { only: "training" })).rejects.toThrow(/none of the 1 cases/);
  });
});
