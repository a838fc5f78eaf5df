/** @file Which family a checkpoint is of, by what the published ones say of themselves, and what is done with it. */
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseUNet2DConditionConfig } from "../../src/diffusion/config/unet-2d-condition-config.ts";
import { MODEL_FAMILIES } from "../../src/diffusion/family/families.ts";
import { familyOfFolder, recogniseFamily } from "../../src/diffusion/family/recognise.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { createScheduler } from "../../src/diffusion/schedulers/index.ts";
import { ARCHITECTURES } from "../../src/diffusion/single-file/architectures.ts";
import { readJson } from "../../src/io/json.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { fixture } from "./support.ts";

const inFolder = temporaryFolder();

const { sd1, sd2, sdxl } = ARCHITECTURES;
const EULER = { _class_name: "EulerDiscreteScheduler", timestep_spacing: "trailing", prediction_type: "epsilon" };
const LEADING = { ...EULER, timestep_spacing: "leading" };

/** What a checkpoint of these configs is, and whether that was a guess. */
function recognised(
  unet: object,
  scheduler: Record<string, unknown>,
  path: string,
  asked?: "sdxl" | "sd2-base" | "sd1",
) {
  const facts = { unet: parseUNet2DConditionConfig("unet/config.json", unet), scheduler, path };
  const { family, note } = recogniseFamily(facts, asked);
  return [family.name, note !== undefined];
}

describe("a family is recognised by its configs", () => {
  const pndm = { _class_name: "PNDMScheduler", prediction_type: "epsilon" };
  const threeLevels = {
    block_out_channels: [320, 640, 1280],
    down_block_types: ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    up_block_types: ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
  };
  it.each<[string, object, Record<string, unknown>]>([
    ["sd1", sd1.unet, pndm],
    ["sd2-base", sd2.unet, pndm],
    ["sd2-768-v", sd2.unet, { _class_name: "DDIMScheduler", prediction_type: "v_prediction" }],
    ["sdxl", { ...sdxl.unet, sample_size: 128 }, LEADING],
    // BK-SDM Base has all blocks, of one layer each; Small no middle, Tiny one level less.
    ["small-sd", { ...sd1.unet, layers_per_block: 1 }, pndm],
    ["small-sd", { ...sd1.unet, layers_per_block: 1, mid_block_type: null }, pndm],
    ["small-sd", { ...sd1.unet, ...threeLevels, layers_per_block: 1, mid_block_type: null }, pndm],
    ["small-sd", { ...sd2.unet, layers_per_block: 1 }, pndm],
    ["small-sdxl", { ...sdxl.unet, sample_size: 128, mid_block_type: "UNetMidBlock2D" }, LEADING],
    ["sd-turbo", { ...sd2.unet, sample_size: 64 }, EULER],
    ["sdxl-turbo", { ...sdxl.unet, sample_size: 64 }, { ...EULER, _class_name: "EulerAncestralDiscreteScheduler" }],
    ["lcm", { ...sd1.unet, time_cond_proj_dim: 256 }, { _class_name: "LCMScheduler" }],
    // Trailing steps alone make no Turbo.
    ["sdxl", { ...sdxl.unet, sample_size: 128 }, EULER],
    ["sd2-768-v", sd2.unet, { ...EULER, prediction_type: "v_prediction" }],
    ["sd2-base", sd2.unet, { ...EULER, rescale_betas_zero_snr: true }],
    ["sd1", sd1.unet, EULER],
  ])("%s", (name, unet, scheduler) => {
    expect(recognised(unet, scheduler, "/models/mine")).toEqual([name, false]);
  });

  it("also in a folder without weights, and not where there is no model", async () => {
    expect((await familyOfFolder(fixture("models/tiny-sdxl")))?.name).toBe("sdxl");
    expect(await familyOfFolder(fixture("models"))).toBeUndefined();
  });
});

describe("a name", () => {
  it("tells a Turbo model where nothing else does, and that is said", () => {
    const unet = { ...sdxl.unet, sample_size: 128 };
    expect(recognised(unet, LEADING, "/x/DreamTurboXL.safetensors")).toEqual(["sdxl-turbo", true]);
    const snapshot = "/cache/models--stabilityai--sd-turbo/snapshots/0123456789012345678901234567890123456789";
    expect(recognised(sd2.unet, LEADING, snapshot)).toEqual(["sd-turbo", true]);
    const facts = { unet: parseUNet2DConditionConfig("", sd2.unet), scheduler: LEADING, path: snapshot };
    expect(recogniseFamily(facts).note).toBe(
      "By its name, stabilityai/sd-turbo is SD-Turbo, which draws with 4 steps and no guidance, unless you say --steps " +
        "and --guidance. If it is not, say --family sd2-base.",
    );
    // Folders that it lies in have nothing to say, and there is none of Stable Diffusion 1.
    expect(recognised(unet, LEADING, "/turbo/model")).toEqual(["sdxl", false]);
    expect(recognised(sd1.unet, LEADING, "/x/turbo")).toEqual(["sd1", false]);
  });

  it("says nothing where the configs or a person do", () => {
    expect(recognised({ ...sd2.unet, sample_size: 64 }, EULER, "/x/sd-turbo")).toEqual(["sd-turbo", false]);
    expect(recognised(sdxl.unet, LEADING, "/x/turbo.safetensors", "sdxl")).toEqual(["sdxl", false]);
    expect(() => recognised(sdxl.unet, LEADING, "/x/turbo.safetensors", "sd2-base")).toThrow(
      "/x/turbo.safetensors: this is no model of the family sd2-base; it can be sdxl, sdxl-turbo.",
    );
  });
});

describe("the table", () => {
  it("has a scheduler for each family that takes its options", () => {
    for (const { scheduler, prediction, architecture = "sd1", steps } of Object.values(MODEL_FAMILIES)) {
      const config = { ...ARCHITECTURES[architecture].noise, ...scheduler, prediction_type: prediction };
      const made = createScheduler(scheduler._class_name, config);
      made.setTimesteps(steps);
      expect(made.timesteps.length).toBeGreaterThanOrEqual(steps);
      // Turbo models begin with pure noise.
      if (scheduler.timestep_spacing === "trailing") expect(made.timesteps).toEqual([999, 749, 499, 249]);
    }
  });
});

describe("a model draws as its family does", () => {
  const steps = async (pipeline: StableDiffusionPipeline, options: { guidanceScale?: number; steps?: number } = {}) => {
    let count = 0;
    const size = { width: 64, height: 64 };
    const [{ decoded }] = await pipeline.generate({ prompt: "a cat", ...size, ...options, onStep: () => count++ });
    return { count, decoded };
  };

  it("SDXL-Turbo in four steps, without guidance; 0 and 1 are both none", async () => {
    const folder = inFolder("model");
    await cp(fixture("models/tiny-sdxl"), folder, { recursive: true });
    const edit = async (file: string, options: object) => {
      const json = (await readJson(join(folder, file))) as object;
      await writeFile(join(folder, file), JSON.stringify({ ...json, ...options }));
    };
    await edit("unet/config.json", { sample_size: 64 });
    await edit("scheduler/scheduler_config.json", EULER);
    const turbo = await StableDiffusionPipeline.load(folder, { threads: 1 });
    expect(turbo.family.name).toBe("sdxl-turbo");
    const usual = await steps(turbo);
    expect(usual.count).toBe(4);
    expect((await steps(turbo, { guidanceScale: 0 })).decoded).toEqual(usual.decoded);
    expect((await steps(turbo, { guidanceScale: 2 })).decoded).not.toEqual(usual.decoded);
    await turbo.dispose();
    const asked = await StableDiffusionPipeline.load(folder, { threads: 1 }, { family: "sdxl" });
    expect([asked.family.name, asked.family.guidanceScale]).toEqual(["sdxl", 5]);
  });

  it("of the size in the table if its config says none", async () => {
    const folder = inFolder("sizeless");
    await cp(fixture("models/small-sd1"), folder, { recursive: true });
    const file = join(folder, "unet", "config.json");
    const config = (await readJson(file)) as Record<string, unknown>;
    await writeFile(file, JSON.stringify({ ...config, sample_size: undefined }));
    const { defaultSize } = await StableDiffusionPipeline.load(folder);
    expect(defaultSize).toEqual({ width: 512, height: 512 });
  });
});
