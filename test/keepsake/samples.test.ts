/**
 * Pictures of a concept on the way, while it is learned.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { generatePictures, type LearnProgress } from "./one-shot.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
let photos: string;
const library = inFolder("library");
const folder = inFolder("samples");
const told: Extract<LearnProgress, { kind: "sample" }>[] = [];
const onProgress = (progress: LearnProgress) => {
  if (progress.kind === "sample") told.push(progress);
};

beforeAll(async () => {
  photos = await writePhotos(inFolder("photos"), "rex");
  await learnQuickly({ library, name: "rex", photos: [photos] });
  const samples = { every: 2, others: true, folder };
  await learnQuickly({ library, name: "mug", photos: [photos], classNoun: "cup", samples, onProgress });
});

describe("samples on the way", () => {
  it("come before the first step, every so many steps and at the end, of the concept and, if asked, of the others", () => {
    const steps = [0, 2, 4].flatMap((step) => [[step, "mug"] as const, [step, "rex"] as const]);
    expect(told.map(({ step, concept }) => [step, concept])).toEqual(steps);
    expect(told[0]).toMatchObject({ steps: 4, picture: { prompt: "a photo of a <mug>", seed: 0, index: 0 } });
    expect(told[0].picture.image).toMatchObject({ width: 32, height: 32 });
  });

  it("are not written into the library", async () => {
    for (const inside of [library, join(library, "samples")]) {
      const asked = learnQuickly({ library, name: "hat", photos: [photos], samples: { every: 2, folder: inside } });
      const { kind, message } = await failure(asked);
      expect([kind, message]).toEqual([
        "usage",
        expect.stringContaining("lies in the library, which holds no pictures"),
      ]);
    }
  });

  it("are written to a file each, with the step in its name", () => {
    const names = [0, 2, 4].flatMap((step) => [`mug-${step}.png`, `rex-${step}.png`]);
    expect(readdirSync(folder)).toEqual(names.sort());
    expect(told.map(({ file }) => file)).toEqual(told.map((each) => join(folder, `${each.concept}-${each.step}.png`)));
  });

  it("are drawn from the same noise: the last one is what keepsake generate draws", async () => {
    const file = inFolder("drawn.png");
    const size = { width: 32, height: 32 };
    const program = { threads: 1 };
    await generatePictures({ library, model: MODEL, prompt: "a photo of a <mug>", files: [file], ...size, program });
    expect(readFileSync(join(folder, "mug-4.png"))).toEqual(readFileSync(file));
    expect(readFileSync(join(folder, "mug-0.png"))).not.toEqual(readFileSync(file));
  });

  it("change nothing of what is learned, nor does a stop on the way", async () => {
    const plain = inFolder("plain");
    const request = { name: "rex", photos: [photos] };
    await learnQuickly({ library: plain, ...request });
    const sampled = inFolder("sampled");
    const controller = new AbortController();
    const stop = (progress: LearnProgress) => {
      if (progress.kind === "sample" && progress.step === 3) controller.abort();
    };
    const asked = { library: sampled, ...request, samples: { every: 3 } };
    const stopped = await learnQuickly({ ...asked, signal: controller.signal, onProgress: stop });
    expect(stopped).toMatchObject({ status: "interrupted", step: 3 });
    await learnQuickly(asked);
    expect(treeOf(sampled)).toEqual(treeOf(plain));
  });

  it("that a stop left out come when the run goes on", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const onProgress = (progress: LearnProgress) => {
      if (progress.kind === "sample") seen.push(progress.step);
      if (progress.kind === "step" && progress.step === 2) controller.abort();
    };
    const asked = { library: inFolder("left out"), name: "rex", photos: [photos], samples: { every: 2 }, onProgress };
    expect(await learnQuickly({ ...asked, signal: controller.signal })).toMatchObject({ step: 2 });
    expect(seen).toEqual([0]);
    await learnQuickly(asked);
    expect(seen).toEqual([0, 2, 4]);
  });

  it("that cannot be written are told all the same, with a warning, and the concept is learned", async () => {
    const taken = inFolder("taken");
    mkdirSync(taken);
    writeFileSync(join(taken, "rex-0.png"), "somebody's");
    const warnings: string[] = [];
    const seen: number[] = [];
    const result = await learnQuickly({
      ...{ library: inFolder("not written"), name: "rex", photos: [photos], samples: { every: 4, folder: taken } },
      onWarning: (message) => warnings.push(message),
      onProgress: (progress) => {
        if (progress.kind === "sample") seen.push(progress.step);
      },
    });
    expect(result.status).toBe("learned");
    expect(seen).toEqual([0, 4]);
    expect(warnings.join()).toContain("No more samples are written: ");
    expect(readdirSync(taken)).toEqual(["rex-0.png"]);
  });

  it("need a number of steps between them", async () => {
    const never = inFolder("never");
    const request = learnQuickly({ library: never, name: "rex", photos: [photos], samples: { every: 0 } });
    expect((await failure(request)).message).toContain("The number of steps between samples is 0, expected a whole");
    expect(existsSync(never)).toBe(false);
  });
});
