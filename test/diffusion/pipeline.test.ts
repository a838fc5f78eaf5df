import { copyFile, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { AdapterBinding } from "../../src/diffusion/module.ts";
import { type GenerateOptions, type GeneratedImage, StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { PromptEncoder } from "../../src/diffusion/prompt-encoder.ts";
import { KeepsakeError } from "../../src/errors.ts";
import { add, input } from "../../src/graph/index.ts";
import { readJson } from "../../src/io/json.ts";
import { SafetensorsFile, type TensorToWrite, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { fixture, openCase, relativeError } from "./support.ts";

const model = fixture("models/tiny-sd1");
let pipeline: StableDiffusionPipeline;
beforeAll(async () => {
  pipeline = await StableDiffusionPipeline.load(model);
});
afterAll(() => pipeline.dispose());

/** Small, short and stochastic: every stream of random numbers is used. */
const sketch = { prompt: "a red cat", width: 16, height: 24, steps: 3, scheduler: "euler-a", seed: 5 } as const;

async function draw(options: Partial<GenerateOptions> = {}): Promise<GeneratedImage[]> {
  return pipeline.generate({ ...sketch, ...options });
}

async function drawOne(options: Partial<GenerateOptions> = {}): Promise<GeneratedImage> {
  const [picture] = await draw(options);
  if (picture === undefined) throw new Error("no picture");
  return picture;
}

const embedding = (token: string, width: number) => ({ token, vectors: new Float32Array(width), count: 1 });

describe("StableDiffusionPipeline", () => {
  it("draws what diffusers draws, latents of every step included", async () => {
    const golden = await openCase("e2e/sd1");
    const settings = (await readJson(fixture("e2e/sd1.json"))) as { prompt: string; negative_prompt: string };
    const steps: Float32Array[] = [];
    const [picture] = await pipeline.generate({
      prompt: settings.prompt,
      negativePrompt: settings.negative_prompt,
      scheduler: "DDIMScheduler",
      steps: 8,
      guidanceScale: 7.5,
      height: 64,
      width: 128,
      initialLatents: [await golden.read("initial_latents")],
      onStep: ({ latents }) => steps.push(latents),
    });
    const all = [...(await golden.read("initial_latents")), ...steps.flatMap((latents) => Array.from(latents))];
    await golden.expectClose("latents", Float32Array.from(all), 1e-3);
    const decoded = picture.decoded;
    await golden.expectClose("decoded", decoded, 1e-3);
    await golden.expectClose(
      "image",
      decoded.map((value) => Math.min(1, Math.max(0, value / 2 + 0.5))),
      1e-3,
    );
    expect(picture.image).toMatchObject({ width: 128, height: 64 });
    expect(picture.image.data.length).toBe(128 * 64 * 3);
  });

  it("makes a picture that depends on its seed and index alone", async () => {
    const three = await draw({ n: 3 });
    expect(three.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect((await drawOne({ firstIndex: 2 })).image.data).toEqual(three[2].image.data);
    expect(three[1].image.data).not.toEqual(three[2].image.data);
    expect((await drawOne({ seed: 6 })).image.data).not.toEqual(three[0].image.data);
  });

  it("needs no second prompt at guidance 1, and mixes the two predictions otherwise", async () => {
    const plain = await drawOne({ guidanceScale: 1, negativePrompt: "a blue dog" });
    expect((await drawOne({ guidanceScale: 1 })).decoded).toEqual(plain.decoded);
    // With the prompt as its own negative, guidance has no direction to go.
    const same = await drawOne({ guidanceScale: 4, negativePrompt: sketch.prompt });
    expect(relativeError(same.latents, plain.latents)).toBeLessThan(1e-4);
    expect(relativeError((await drawOne({ guidanceScale: 4 })).latents, plain.latents)).toBeGreaterThan(1e-3);
  });

  it("reports each step and stops when told to", async () => {
    const seen: string[] = [];
    await draw({ n: 2, onStep: ({ index, step, steps }) => seen.push(`${index}: ${step}/${steps}`) });
    expect(seen).toEqual(["0: 1/3", "0: 2/3", "0: 3/3", "1: 1/3", "1: 2/3", "1: 3/3"]);
    const controller = new AbortController();
    const stopped = draw({
      signal: controller.signal,
      onStep: () => {
        controller.abort(new Error("enough"));
      },
    });
    await expect(stopped).rejects.toThrow("enough");
  });

  it("draws a prompt of any length, in parts, beside a short one", async () => {
    const words = Array.from({ length: 90 }, (_, i) => (i % 2 === 0 ? "cat" : "dog"));
    const long = await drawOne({ prompt: words.join(" "), negativePrompt: "a tree" });
    const otherEnd = await drawOne({ prompt: [...words.slice(0, -1), "mug"].join(" "), negativePrompt: "a tree" });
    expect(otherEnd.decoded).not.toEqual(long.decoded);
    // The one that needs more parts may be the negative prompt.
    await expect(drawOne({ negativePrompt: words.join(" ") })).resolves.toMatchObject({ index: 0 });
    const warnings: string[] = [];
    await draw({ prompt: words.join(" "), onWarning: (message) => warnings.push(message) });
    expect(warnings).toEqual([expect.stringContaining("pixels are far from")]);
  });

  it("draws weights: those of one as if there were none", async () => {
    const plain = await drawOne();
    expect((await drawOne({ prompt: "a (red:1) cat" })).decoded).toEqual(plain.decoded);
    expect((await drawOne({ prompt: "a (red:1.4) cat" })).decoded).not.toEqual(plain.decoded);
    expect((await drawOne({ negativePrompt: "(red)" })).decoded).not.toEqual(
      (await drawOne({ negativePrompt: "red" })).decoded,
    );
    expect((await drawOne({ clipSkip: 1 })).decoded).toEqual(plain.decoded);
    expect((await drawOne({ clipSkip: 2 })).decoded).not.toEqual(plain.decoded);
  });

  it("asks an adapter for its numbers in every call", async () => {
    const shift = new Float32Array(1);
    const shiftInput = input("shift", [1]);
    const adapter: AdapterBinding = {
      adapt: (component, module, _x, y) =>
        component === "unet" && module.endsWith("attn2.to_v") ? add(y, shiftInput) : y,
      feeds: () => ({ shift }),
    };
    const plain = await drawOne();
    expect((await drawOne({ adapter })).decoded).toEqual(plain.decoded);
    shift[0] = 1;
    expect((await drawOne({ adapter })).decoded).not.toEqual(plain.decoded);
    expect((await drawOne()).decoded).toEqual(plain.decoded);
  });

  it.each<[string, Partial<GenerateOptions>, RegExp]>([
    ["an odd size", { width: 60 }, /60x24 does not fit: both sides must be multiples of 8/],
    ["no pictures", { n: 0 }, /number of pictures is 0/],
    ["guidance that is not a number", { guidanceScale: NaN }, /guidance scale is NaN/],
    ["no steps", { steps: 0 }, /step/],
    ["a layer that is not there", { clipSkip: 40 }, /Clip skip is 40, and this model's text encoder has \d+ layers/],
    ["an unknown scheduler", { scheduler: "magic" }, /magic/],
    [
      "an embedding for another model",
      { learnedEmbeddings: [embedding("<cat>", 7)] },
      /<cat> has 7 numbers per vector/,
    ],
    ["a token that exists", { learnedEmbeddings: [embedding("cat", 32)] }, /"cat" exists already/],
  ])("explains what is wrong with %s", async (_, options, message) => {
    await expect(draw(options)).rejects.toThrow(message);
    await expect(draw(options)).rejects.toThrow(KeepsakeError);
  });

  it("knows the size that the model was trained on, and the checkpoint's scheduler", () => {
    expect(pipeline.defaultSize).toEqual({ height: 128, width: 128 });
    expect(pipeline.createScheduler().className).toBe("PNDMScheduler");
  });

  it("refuses parts that do not belong together", async () => {
    const folder = join(await mkdtemp(join(tmpdir(), "keepsake-pipeline-")), "model");
    onTestFinished(() => rm(join(folder, ".."), { recursive: true }));
    await cp(model, folder, { recursive: true });
    await cp(fixture("models/micro-unet-sd1/unet"), join(folder, "unet"), { recursive: true });
    await expect(StableDiffusionPipeline.load(folder)).rejects.toThrow(
      /expects text embeddings of width 12, 12, the text encoder gives 32/,
    );
    await cp(fixture("models/micro-unet-sdxl/unet"), join(folder, "unet"), { recursive: true });
    await expect(StableDiffusionPipeline.load(folder)).rejects.toThrow(
      /expects text embeddings of width 12, 12, the text encoder gives 32/,
    );
    await copyFile(join(model, "unet", "config.json"), join(folder, "unet", "config.json"));
    await writeFile(join(folder, "scheduler", "scheduler_config.json"), "[]");
    await expect(StableDiffusionPipeline.load(folder)).rejects.toThrow(
      /scheduler_config\.json: expected a JSON object/,
    );
  });
});

describe("PromptEncoder", () => {
  it("encodes prompts with learned tokens as diffusers does after load_textual_inversion", async () => {
    const golden = await openCase("textual-inversion/textual-inversion");
    const { prompts } = (await readJson(fixture("textual-inversion/textual-inversion.json"))) as { prompts: string[] };
    const learnedEmbeddings = [];
    for (const name of ["single", "multi"]) {
      const file = await SafetensorsFile.open(fixture(`textual-inversion/${name}.safetensors`));
      for (const token of file.tensors.keys()) {
        const vectors = await file.readFloat32(token);
        learnedEmbeddings.push({ token, vectors, count: vectors.length / 32 });
      }
    }
    const encoder = new PromptEncoder(pipeline.text, {});
    onTestFinished(() => encoder.clear());
    const encoded = await encoder.encode(prompts, { learnedEmbeddings });
    const states = encoded.flatMap(({ encoderHiddenStates }) => Array.from(encoderHiddenStates));
    await golden.expectClose("last_hidden_state", Float32Array.from(states));
  });
});

describe("a pipeline with an LCM UNet", () => {
  it("feeds it the guidance scale, and no negative prompt", async () => {
    const folder = await mkdtemp(join(tmpdir(), "keepsake-lcm-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await cp(fixture("models/small-sd1"), folder, { recursive: true });
    const unet = join(folder, "unet");
    const config = (await readJson(join(unet, "config.json"))) as object;
    await writeFile(join(unet, "config.json"), JSON.stringify({ ...config, time_cond_proj_dim: 8 }));
    const path = join(unet, "diffusion_pytorch_model.safetensors");
    const file = await SafetensorsFile.open(path);
    const tensors = new Map<string, TensorToWrite>();
    for (const [name, { shape }] of file.tensors) {
      tensors.set(name, { shape, dtype: "F32", data: await file.readFloat32(name) });
    }
    const channels = file.info("time_embedding.linear_1.weight").shape[1] ?? 0;
    const weight = { shape: [channels, 8], data: new Float32Array(channels * 8).fill(0.5), dtype: "F32" } as const;
    await writeSafetensors(path, tensors.set("time_embedding.cond_proj.weight", weight));

    const lcm = await StableDiffusionPipeline.load(folder);
    onTestFinished(() => lcm.dispose());
    const options = { prompt: "a red cat", width: 16, height: 16, steps: 2, scheduler: "lcm" } as const;
    const latents = async (rest: Partial<GenerateOptions>) => {
      const [picture] = await lcm.generate({ ...options, ...rest });
      return picture?.latents;
    };
    const drawn = await latents({ guidanceScale: 8 });
    expect(await latents({ guidanceScale: 8, negativePrompt: "a dog" })).toEqual(drawn);
    expect(await latents({ guidanceScale: 2 })).not.toEqual(drawn);
    expect(await latents({ guidanceScale: 1 })).not.toEqual(drawn);
  });
});
