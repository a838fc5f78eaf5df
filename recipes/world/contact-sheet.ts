/**
 * @file Writes sheets of pictures with their captions, to be looked at.
 *
 * `npx tsx recipes/world/contact-sheet.ts <folder> --seed 1 --count 96 --size 64 --sheet samples`; other sheets are
 * `held-out`, `pairs`, `nouns` and `groups`.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomic } from "../../src/io/atomic.ts";
import { writePng } from "../../src/io/images/image.ts";
import { pictureGrid } from "../../src/io/images/picture-grid.ts";
import { NOUN_NAMES } from "../figures/nouns.ts";
import { captionedGroup } from "./groups.ts";
import { captionedScene, World, type CaptionedScene } from "./world.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "96" },
    size: { type: "string", default: "64" },
    columns: { type: "string", default: "12" },
    sheet: { type: "string", default: "samples" },
  },
});
const folder = positionals[0] ?? join("build", "contact-sheets");
const [seed, count, size, columns] = [values.seed, values.count, values.size, values.columns].map(Number);
const numbers = Array.from({ length: count }, (_, i) => i);
/** Designs of each noun on the sheet of nouns. */
const DESIGNS = 3;

function samples(): CaptionedScene[] {
  switch (values.sheet) {
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
    default:
      throw new RangeError(`There is no sheet "${values.sheet}".`);
  }
}

const world = new World();
const all = samples();
await mkdir(folder, { recursive: true });
for (let first = 0, sheet = 0; first < all.length; first += count, sheet += 1) {
  const part = all.slice(first, first + count);
  const rendered = await world.render(
    part.map(({ scene }) => scene),
    size,
  );
  const pictures = rendered.map((data) => ({ width: size, height: size, data }));
  const name = `${values.sheet}-${sheet}`;
  await writePng(join(folder, `${name}.png`), pictureGrid(pictures, columns));
  const lines = part.map(({ caption }, i) => `${Math.floor(i / columns) + 1}.${(i % columns) + 1} ${caption}`);
  await writeFileAtomic(join(folder, `${name}.txt`), `${lines.join("\n")}\n`);
}
