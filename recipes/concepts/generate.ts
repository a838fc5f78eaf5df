/**
 * @file Draws all views of concepts, six to learn from and six to test with:
 * `npx tsx recipes/concepts/generate.ts [folder]` the ten of `examples/concepts/`; with `--generated 50 [--seed 1]` so
 * many new ones instead. Writes `<name>/train/00.png` to `05.png` with a caption each, `<name>/test/00.png` to
 * `05.png`, and `concepts.json`.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../src/io/atomic.ts";
import { encodePng } from "../../src/io/images/image.ts";
import { settingOf } from "../world/captions.ts";
import { CONCEPTS, type Concept } from "./concepts.ts";
import { generatedConcept } from "./generated.ts";
import { paintView } from "./paint-view.ts";
import { viewsOf } from "./views.ts";
import { trainingSeed } from "../../src/cli/options.ts";
import { atLeastOne, readArguments, tool } from "../../scripts/tool.ts";

const size = 256;

const command = tool("Draws all views of concepts, six to learn from and six to test with.")
  .argument("[folder]", "where they go (default: examples/concepts, or build/concepts for generated ones)")
  .option("--generated <n>", "number of new concepts, instead of the ten examples", atLeastOne)
  .option("--seed <n>", "seed of the new concepts", trainingSeed, 1);
const { generated, seed } = readArguments(command).opts<{ generated?: number; seed: number }>();
const concepts: readonly Concept[] =
  generated === undefined ? CONCEPTS : Array.from({ length: generated }, (_, i) => generatedConcept(seed, i));
const folder = command.args[0] ?? (generated === undefined ? "examples/concepts" : "build/concepts");
const index = [];
for (const concept of concepts) {
  const views: Record<"train" | "test", { file: string; setting: string }[]> = { train: [], test: [] };
  for (const part of ["train", "test"] as const) {
    await mkdir(join(folder, concept.name, part), { recursive: true });
    for (const [i, view] of viewsOf(concept, part).entries()) {
      const file = `${concept.name}/${part}/${String(i).padStart(2, "0")}.png`;
      const setting = settingOf(view.background);
      // Without the mark of a drawn picture: these are the photos of the examples.
      await writeFileAtomic(join(folder, file), await encodePng(await paintView(concept, view, size)));
      if (part === "train") await writeFileAtomic(join(folder, file.replace(".png", ".txt")), `${setting}\n`);
      views[part].push({ file, setting });
    }
  }
  const { name, classNoun, description, confusedWith } = concept;
  index.push({ name, classNoun, description, ...(confusedWith === undefined ? {} : { confusedWith }), ...views });
}
await writeFileAtomic(
  join(folder, "concepts.json"),
  `${JSON.stringify({ license: "CC0-1.0", concepts: index }, undefined, 2)}\n`,
);
