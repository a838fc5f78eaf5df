import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { pictureFiles } from "../../src/io/images/picture-names.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { generatePictures, learnConcept, type GenerateRequest, type LearnProgress } from "./one-shot.ts";
import { learnQuickly, MODEL, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
const library = inFolder("library");
/** The smallest without a warning. */
const size = { width: 64, height: 64 };
let photos: string;

beforeAll(async () => {
  photos = await writePhotos(inFolder("photos"), "rex");
  await learnQuickly({ library, name: "rex", photos: [photos], training: { steps: 1 } });
});

/** Draws one small picture; what was said about it, and where it is. */
async function draw(prompt: string, request: Partial<GenerateRequest> = {}) {
  const warnings: string[] = [];
  const files = await generatePictures({
    ...{ prompt, library, steps: 1, ...size, guidanceScale: 2, program: { threads: 1 } },
    ...{ files: pictureFiles(inFolder("pictures"), prompt, request.seed ?? 0, 1), existing: "beside" },
    onWarning: (message) => warnings.push(message),
    ...request,
  });
  return { files, names: files.map((file) => basename(file)), warnings };
}

describe("pictures in a folder", () => {
  it("do not replace each other, whatever setting they differ in, and have the same names again", async () => {
    const settings = [
      {},
      { guidanceScale: 7 },
      { negativePrompt: "cat" },
      { steps: 2 },
      { scheduler: "euler" },
      { height: 72 },
    ];
    const all = async () => {
      const files: string[] = [];
      for (const setting of settings) files.push(...(await draw("a dog", setting)).files);
      files.push(...(await draw("A dog?")).files);
      return files;
    };
    const first = await all();
    expect(new Set(first).size).toBe(settings.length + 1);
    expect(basename(first[0])).toBe("a-dog-0-0.png");
    const bytes = first.map((file) => readFileSync(file));
    expect(await all()).toEqual(first);
    expect(first.map((file) => readFileSync(file))).toEqual(bytes);
  });

  it("are drawn from seeds of 64 bits", async () => {
    const { names } = await draw("a dog", { seed: 2n ** 64n - 1n });
    expect(names).toEqual(["a-dog-18446744073709551615-0.png"]);
    expect((await failure(draw("a dog", { seed: 2 ** 60 }))).kind).toBe("usage");
    expect((await failure(draw("a dog", { seed: 0.5 }))).kind).toBe("usage");
  });
});

describe("a picture in a file", () => {
  it("replaces another one with a word about it", async () => {
    const file = inFolder("x.png");
    const named = { files: [file], existing: "replace" } as const;
    expect((await draw("a dog", named)).warnings).toEqual([]);
    expect((await draw("a dog", named)).warnings).toEqual([]);
    expect((await draw("two dogs", named)).warnings).toEqual([`${file} held another drawing, which is replaced.`]);
    expect((await failure(draw("a dog", { files: [inFolder("x.jpg")] }))).kind).toBe("usage");
  });
});

describe("a file that Keepsake did not draw", () => {
  it("is never replaced, nor what a link leads to", async () => {
    const [photo, link] = [inFolder("photo.png"), inFolder("link.previews.png")];
    writeFileSync(photo, "a photo");
    symlinkSync(photo, link);
    for (const file of [photo, link]) {
      const { kind, message } = await failure(draw("a dog", { files: [file], existing: "replace" }));
      expect([kind, message]).toEqual([
        "input",
        expect.stringContaining(`${file} holds something that Keepsake did not`),
      ]);
    }
    expect(readFileSync(photo, "utf8")).toBe("a photo");
  });
});

describe("a prompt without end", () => {
  it("is refused before anything is drawn", async () => {
    const { kind, message } = await failure(draw("a".repeat(130_000)));
    expect([kind, message]).toEqual([
      "usage",
      "The prompt has 130000 characters, at most 20000 can be read; shorten it.",
    ]);
  });
});

describe("a library", () => {
  it("that was asked for must be there", async () => {
    const { kind, message } = await failure(draw("a dog", { library: inFolder("libary"), model: MODEL }));
    expect([kind, message]).toEqual(["state", expect.stringContaining("did you mean ")]);
    expect(message).toContain(library);
  });
});

describe("what a prompt seems to mean", () => {
  it("is told once, however many pictures there are", async () => {
    const files = pictureFiles(inFolder("more"), "rex", 0, 2);
    const { warnings } = await draw("rex", { files, negativePrompt: "<nobody>" });
    expect(warnings).toEqual([expect.stringContaining("write <rex>"), expect.stringContaining("<nobody>")]);
  });

  it("is drawn wherever in a long prompt it stands, and with any weight", async () => {
    const many = "many words ".repeat(50);
    const pixels = async (prompt: string) => {
      const { files, warnings } = await draw(prompt, { metadata: false });
      expect(warnings).toEqual([]);
      return readFileSync(files[0]);
    };
    expect(await pixels(`${many}<rex>`)).not.toEqual(await pixels(`${many}dog`));
    expect(await pixels("a (<rex>:1.4)")).not.toEqual(await pixels("a <rex>"));
  });

  it("is nothing where there are brackets alone", async () => {
    const { kind, message } = await failure(draw("([])"));
    expect([kind, message]).toEqual(["usage", "The prompt is empty; say what to draw."]);
  });

  it("has no effect where nothing is led away from", async () => {
    const { warnings } = await draw("a dog", { guidanceScale: 1, negativePrompt: "a cat" });
    expect(warnings).toEqual([expect.stringContaining("the negative prompt has no effect")]);
  });
});

describe("words that the built-in model does not know", () => {
  it("are named, with things that it knows, once for all pictures", async () => {
    const files = pictureFiles(inFolder("tower"), "tower", 0, 2);
    const onBuiltIn = { library: undefined, model: undefined, files };
    const { warnings } = await draw("the Eiffel tower behind a cat", { ...onBuiltIn, negativePrompt: "a bicycle" });
    expect(warnings).toEqual([
      expect.stringMatching(/^The model does not know "eiffel", .*"bicycle", and draws nonsense for it; it knows /),
    ]);
    expect((await draw("a cat", onBuiltIn)).warnings).toEqual([]);
  });
});

describe("a size far from the model's", () => {
  it("is warned of, with the model's own", async () => {
    const warnings = async (width: number) => (await draw("a dog", { width })).warnings;
    expect(await warnings(64)).toEqual([]);
    expect(await warnings(256)).toEqual([]);
    for (const width of [56, 264]) {
      expect(await warnings(width)).toEqual([
        expect.stringContaining(`${width}x64 pixels are far from the 128x128 that this model was trained on`),
      ]);
    }
  });
});

describe("learning on the built-in model", () => {
  it("says that it is a toy, and which words it does not know", async () => {
    const told: LearnProgress[] = [];
    const warnings: string[] = [];
    await failure(
      learnConcept({
        ...{ library: inFolder("toy"), name: "bike", photos: [inFolder("no photos")], classNoun: "bicycle" },
        training: { resolution: 256 },
        onProgress: (progress) => told.push(progress),
        onWarning: (message) => warnings.push(message),
      }),
    );
    expect(told).toEqual([
      { kind: "note", message: expect.stringMatching(/built-in model is a toy .*--model <path>\.$/) as string },
    ]);
    expect(warnings).toEqual([
      expect.stringContaining('does not know "bicycle"'),
      expect.stringContaining("256x256 pixels are far from the 64x64"),
    ]);
  });

  it("does not say so of another model", async () => {
    const told: string[] = [];
    const onWarning = (message: string) => told.push(message);
    const request = { library: inFolder("other"), name: "bike", photos: [photos], classNoun: "bicycle" };
    await learnQuickly({
      ...request,
      training: { steps: 1, resolution: 64 },
      onProgress: ({ kind }) => told.push(kind),
      onWarning,
    });
    expect(told).toEqual(["photos", "preparing", "preparing", "step"]);
  });
});

describe("names that do not exist", () => {
  it("are wrong commands", async () => {
    const learn = (request: object) =>
      failure(learnQuickly({ library: inFolder("wrong"), name: "x", photos: [photos], ...request }));
    const lrScheduler = await learn({ training: { lrScheduler: "fast" } });
    expect([lrScheduler.kind, lrScheduler.message]).toEqual([
      "usage",
      expect.stringContaining("constant, linear, cosine"),
    ]);
    expect((await learn({ strategy: "ewx" })).kind).toBe("usage");
    expect((await learn({ adapter: { kind: "loha" } })).kind).toBe("usage");
    expect((await learn({ adapter: { targets: "magic" } })).kind).toBe("usage");
    const program: object = { provider: "tpu" };
    expect((await failure(draw("a dog", { program }))).kind).toBe("usage");
    expect((await failure(draw("a dog", { scheduler: "magic" }))).kind).toBe("usage");
  });
});
