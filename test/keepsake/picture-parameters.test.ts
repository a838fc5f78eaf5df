import { writeFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { schedulerNames } from "../../src/diffusion/schedulers/index.ts";
import { isDrawnPicture } from "../../src/io/images/image.ts";
import { Picture } from "../../src/keepsake/picture.ts";
import { parametersText, samplerName } from "../../src/keepsake/picture-parameters.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";

const inFolder = temporaryFolder();
const settings = { negativePrompt: "", steps: 20, sampler: "Euler a", guidanceScale: 7 };
const drawing = { ...settings, prompt: "a <mochi>", seed: 965400086, index: 0, width: 512, height: 512 };
const image = { width: 16, height: 16, data: new Uint8Array(16 * 16 * 3).fill(90) };

const commentsOf = async (png: Uint8Array) => (await sharp(png).metadata()).comments;

describe("parameters", () => {
  it("are AUTOMATIC1111's", () => {
    expect(parametersText(drawing)).toBe(
      "a <mochi>\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 965400086, Size: 512x512",
    );
    expect(parametersText({ ...drawing, clipSkip: 2 })).toMatch(/Size: 512x512, Clip skip: 2$/);
    // What is not written is 1.
    expect(parametersText({ ...drawing, clipSkip: 1 })).toBe(parametersText(drawing));
    expect(parametersText({ ...drawing, negativePrompt: "blurry, dark", seed: 2n ** 64n - 1n, index: 3 })).toBe(
      "a <mochi>\nNegative prompt: blurry, dark\n" +
        "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 18446744073709551615, Size: 512x512, Batch pos: 3",
    );
  });

  it("are read by the expression with which its program reads them", () => {
    const text = parametersText({ ...drawing, prompt: "two\r\nlines: of, \u001b[2J\u0000 text", guidanceScale: 7.5 });
    const lines = text.split("\n");
    expect(lines.slice(0, 2)).toEqual(["two", "lines: of,  [2J  text"]);
    const found = [...(lines.at(-1) ?? "").matchAll(/\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)/g)];
    expect(Object.fromEntries(found.map(([, key, value]) => [key, value]))).toEqual({
      ...{ Steps: "20", Sampler: "Euler a", "CFG scale": "7.5", Seed: "965400086", Size: "512x512" },
    });
  });

  it("name every scheduler, also that of a checkpoint", () => {
    const config = (schedulerConfig: Record<string, unknown>) => samplerName(undefined, { schedulerConfig });
    const names = schedulerNames().map((name) => samplerName(name, { schedulerConfig: {} }));
    expect(names).toEqual([
      ...["DDPM", "DDIM", "PLMS", "Euler", "Euler a", "DPM++ 2M", "UniPC", "LCM", "DPM++ 2M Karras", "DPM++ 2M SDE"],
      ...["DPM++ 2M SDE Karras", "DPM++ 2S", "Heun", "DPM2", "DPM2 a", "LMS", "DEIS", "TCD"],
    ]);
    expect(config({ _class_name: "PNDMScheduler" })).toBe("PLMS");
    const solver = { _class_name: "DPMSolverMultistepScheduler", use_karras_sigmas: true };
    expect(config(solver)).toBe("DPM++ 2M Karras");
    expect(config({ ...solver, algorithm_type: "sde-dpmsolver++" })).toBe("DPM++ 2M SDE Karras");
    expect(config({ _class_name: "MyScheduler" })).toBe("MyScheduler");
  });
});

describe("a picture's file", () => {
  const facts = { image, seed: 1, index: 0 };

  it.each(["a <mochi>, Öl", "猫 on the beach"])("says how it was drawn, in any language: %s", async (prompt) => {
    const png = await new Picture({ ...facts, prompt, settings }).png();
    expect(await commentsOf(png)).toEqual([
      { keyword: "Software", text: "Keepsake" },
      { keyword: "parameters", text: parametersText({ ...drawing, prompt, seed: 1, width: 16, height: 16 }) },
    ]);
    writeFileSync(inFolder("x.png"), png);
    expect(await isDrawnPicture(inFolder("x.png"))).toBe(true);
    expect((await sharp(png).raw().toBuffer()).every((value) => value === 90)).toBe(true);
  });

  it("says nothing but who drew it if that is asked for, or nothing is known", async () => {
    const mark = [{ keyword: "Software", text: "Keepsake" }];
    const known = new Picture({ ...facts, prompt: "a <mochi>", settings });
    expect(await commentsOf(await known.png({ metadata: false }))).toEqual(mark);
    await known.save(inFolder("y.png"), { metadata: false });
    expect((await sharp(inFolder("y.png")).metadata()).comments).toEqual(mark);
    expect(await commentsOf(await new Picture({ ...facts, prompt: "a <mochi>" }).png())).toEqual(mark);
  });

  it("is recognised with a prompt of any length", async () => {
    const png = await new Picture({ ...facts, prompt: "word ".repeat(4000), settings }).png();
    writeFileSync(inFolder("z.png"), png);
    expect(await isDrawnPicture(inFolder("z.png"))).toBe(true);
  });
});
