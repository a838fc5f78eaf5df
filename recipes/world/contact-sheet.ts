/**
 * @file Writes sheets of pictures with their captions, to be looked at.
 *
 * `npx tsx recipes/world/contact-sheet.ts <folder> --seed 1 --count 96 --size 64 --sheet samples`; other sheets are
 * `held-out`, `pairs`, `nouns` and `groups`.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Option } from "commander";
import { writeFileAtomic } from "../../src/io/atomic.ts";
import { writePng } from "../../src/io/images/image.ts";
import { pictureGrid } from "../../src/io/images/picture-grid.ts";
import { NOUN_NAMES } from "../figures/nouns.ts";
import { captionedGroup } from "./groups.ts";
import { captionedScene, World, type CaptionedScene } from "./world.ts";
import { trainingSeed } from "../../src/cli/options.ts";
import { atLeastOne, readArguments, tool } from "../../scripts/tool.ts";

const SHEETS = ["samples", "held-out", "pairs", "nouns", "groups"] as const;
const FOLDER = join("build", "contact-sheets");

const command = tool("Writes sheets of pictures with their captions, to be looked at.")
  .argument("[folder]", `where they go (default: ${FOLDER})`)
  .option("--seed <n>", "seed of the pictures", trainingSeed, 1)
  .option("--count <n>", "pictures of a sheet", atLeastOne, 96)
  .option("--size <pixels>", "their side", atLeastOne, 64)
  .option("--columns <n>", "pictures of a row", atLeastOne, 12)
  .addOption(new Option("--sheet <name>", "what is on it").choices(SHEETS).default(SHEETS[0]));
const { seed, count, size, columns, sheet } = readArguments(command).opts<{
  seed: number;
  count: number;
  size: number;
  columns: number;
  sheet: (typeof SHEETS)[number];
}>();
const folder = command.args[0] ?? FOLDER;
const numbers = Array.from({ length: count }, (_, i) => i);
/** Designs of each noun on the sheet of nouns. */
const DESIGNS = 3;

function samples(): CaptionedScene[] {
  switch (sheet) {
    case "samples":
      return numbers.map((i) => captionedScene(seed, i));
    case "held-out":
      return numbers.map((i) => captionedScene(seed, i, { split: "held out" }));
    case "pairs":
      return numbers.map((i) => captionedScene(seed, i, { layouts: { pair: 1 } }));
    case "groups":
      return Array.from({ length: Math.ceil(count / 16) }, (_, i) => captionedGroup(seed, i, 16)).flat();
    case "nouns":
      return NOUN_NAMES.flatMap((noun, i) =>
        Array.from({ length: DESIGNS }, (_, design) =>
          captionedScene(seed, DESIGNS * i + design, {
            nouns: [noun],
            layouts: { single: 1 },
            sizes: { large: 1 },
            plain: design === 0 ? 1 : 0,
          }),
        ),
      );
  }
}

const world = new World();
const all = samples();
await mkdir(folder, { recursive: true });
for (let first = 0; first < all.length; first += count) {
  const part = all.slice(first, first + count);
  const rendered = await world.render(
    part.map(({ scene }) => scene),
    size,
  );
  const pictures = rendered.map((data) => ({ width: size, height: size, data }));
  const name = `${sheet}-${first / count}`;
  await writePng(join(folder, `${name}.png`), pictureGrid(pictures, columns));
  const lines = part.map(({ caption }, i) => `${Math.floor(i / columns) + 1}.${(i % columns) + 1} ${caption}`);
  await writeFileAtomic(join(folder, `${name}.txt`), `${lines.join("\n")}\n`);
}
