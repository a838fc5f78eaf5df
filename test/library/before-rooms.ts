/**
 * @file Two libraries that were made before src/ was split into rooms, on the tiny model, and what is done with them:
 * in both the concepts dog and mug are known, and a run that learns cup was stopped before its end. `stacked` was
 * learned with kv-nullspace, whose adapter carries a whole matrix, `low-rank` with ewc-dc, which keeps Fisher
 * information. They were made by {@link makeLibrary} at that commit, and `expected.json` and the pictures and adapters
 * beside it are what {@link draw}, {@link learnOn} and {@link goOn} gave there.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generatePictures } from "../keepsake/one-shot.ts";
import { Library } from "../../src/library/library.ts";
import { fixture } from "../diffusion/support.ts";
import { learnQuickly, TINY_SD1, writePhotos } from "../keepsake/support.ts";

export const FORMS = ["stacked", "low-rank"] as const;
export type Form = (typeof FORMS)[number];

const REQUESTS = {
  stacked: {
    stopAt: 2,
    adapter: { targets: "mid_block.attentions.0.transformer_blocks.0.attn2.to_v" },
    ...{ strategy: "kv-nullspace", strategyOptions: { energy: 0.5 } },
  },
  "low-rank": { stopAt: 5, adapter: {}, strategy: "ewc-dc", strategyOptions: { candidates: 2, draws: 1 } },
} as const;

/** Where the folder of the model stands in the manifests of the fixtures: every machine has another. */
const MODEL_FOLDER = "/models/tiny-sd1";

const photosOf = async (folder: string, name: string) => [await writePhotos(join(folder, name), name)];

/** How the libraries were made. */
export async function makeLibrary(folder: string, photos: string, form: Form): Promise<void> {
  const { adapter, stopAt, ...strategy } = REQUESTS[form];
  for (const name of ["dog", "mug"]) {
    const first = name === "dog" ? { adapter: { rank: 2, ...adapter } } : {};
    await learnQuickly({
      model: TINY_SD1,
      library: folder,
      name,
      classNoun: name,
      photos: await photosOf(photos, name),
      ...strategy,
      ...first,
    });
  }
  const controller = new AbortController();
  await learnQuickly({
    model: TINY_SD1,
    ...{ library: folder, name: "cup", classNoun: "cup", photos: await photosOf(photos, "cup") },
    ...{ strategy: undefined, signal: controller.signal },
    onProgress: (progress) => {
      if (progress.kind === "step" && progress.step === stopAt) controller.abort();
    },
  });
  const manifest = join(folder, "library.json");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replaceAll(TINY_SD1, MODEL_FOLDER));
}

/** A copy of a library, on the tiny model as it lies here. */
export function copyOf(form: Form, folder: string): string {
  cpSync(fixture("libraries/before-rooms", form), folder, { recursive: true });
  const manifest = join(folder, "library.json");
  writeFileSync(
    manifest,
    readFileSync(manifest, "utf8").replaceAll(MODEL_FOLDER, () => TINY_SD1),
  );
  return folder;
}

/** A picture of both concepts; without a library one of the bare model. */
export async function draw(library: string | undefined, file: string): Promise<string> {
  const options = { steps: 3, seed: 5, width: 32, height: 32, program: { threads: 1 } };
  const prompt = library === undefined ? "a dog" : "<dog> next to <mug>";
  await generatePictures({ library, model: TINY_SD1, prompt, files: [file], ...options });
  return file;
}

/** Learns another concept; the unfinished run is given up. */
export async function learnOn(library: string, photos: string): Promise<Library> {
  const hat = { name: "hat", classNoun: "hat", photos: await photosOf(photos, "hat") };
  await learnQuickly({ model: TINY_SD1, library, ...hat, strategy: undefined, restart: true });
  return Library.open(library);
}

/** Goes on with the unfinished run, as the same command does. */
export async function goOn(library: string, photos: string): Promise<Library> {
  const cup = { name: "cup", classNoun: "cup", photos: await photosOf(photos, "cup") };
  await learnQuickly({ model: TINY_SD1, library, ...cup, strategy: undefined });
  return Library.open(library);
}
