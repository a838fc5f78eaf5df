/**
 * @file Writes sheets of pictures with their captions, to be looked at.
 *
 * `npx tsx recipes/world/contact-sheet.ts <folder> [--seed 1] [--count 96] [--size 64] [--sheet samples|nouns|colors|garments|groups]`
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomic } from "../../src/io/atomic.ts";
import { writePng } from "../../src/io/images/image.ts";
import { pictureGrid } from "../../src/io/images/picture-grid.ts";
import type { Background } from "./backgrounds.ts";
import { NOUNS, STYLE_NAMES } from "./nouns.ts";
import { possibleColors } from "./sampler.ts";
import type { Scene } from "./scene.ts";
import { canWear, comesInColors, GARMENT_COLORS, GARMENT_NAMES } from "./wearing.ts";
import { captionedGroup, captionedScene, World, type CaptionedScene } from "./world.ts";

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
const folder = positionals[0] ?? "contact-sheets";
const [seed, count, size, columns] = [values.seed, values.count, values.size, values.columns].map(Number);

const plain: Background = { kind: "plain", color: "white", variation: 0 };
type Look = Pick<Scene["subjects"][number], "noun" | "style" | "color" | "wearing">;

function portrait(look: Look): CaptionedScene {
  const hat = look.wearing === undefined ? 0 : 0.1;
  const subject = { ...look, x: 0.5, y: 0.5 + hat, scale: 0.9 - 2 * hat, rotation: 0, mirror: false };
  const words = [look.style, look.color, look.noun, look.wearing?.color, look.wearing?.name];
  const layout = { kind: "single", size: "big", position: "center" } as const;
  return { scene: { background: plain, layout, subjects: [subject] }, caption: words.filter(Boolean).join(" ") };
}

function everyLook(): Look[] {
  const own = (noun: string) =>
    STYLE_NAMES.map((style): Look => ({ noun, style, color: undefined, wearing: undefined }));
  const names = NOUNS.map(({ name }) => name);
  if (values.sheet === "nouns") return names.flatMap(own);
  if (values.sheet === "colors") {
    return names
      .flatMap(own)
      .flatMap((look) => [look, ...possibleColors(look.noun, look.style).map((color) => ({ ...look, color }))]);
  }
  return names
    .filter(canWear)
    .flatMap(own)
    .flatMap((look, i) =>
      GARMENT_NAMES.map((name) => ({
        ...look,
        wearing: { name, color: comesInColors(name) ? GARMENT_COLORS[i % GARMENT_COLORS.length] : undefined },
      })),
    );
}

function samples(): CaptionedScene[] {
  switch (values.sheet) {
    case "samples":
      return Array.from({ length: count }, (_, i) => captionedScene(seed, i));
    case "groups":
      return Array.from({ length: Math.ceil(count / 32) }, (_, i) => captionedGroup(seed, i, 32)).flat();
    default:
      return everyLook().map(portrait);
  }
}

const world = await World.load();
const all = samples();
await mkdir(folder, { recursive: true });
for (let first = 0, sheet = 0; first < all.length; first += count, sheet += 1) {
  const part = all.slice(first, first + count);
  const pictures = part.map(({ scene }) => ({ width: size, height: size, data: world.render(scene, size) }));
  const name = `${values.sheet}-${sheet}`;
  await writePng(join(folder, `${name}.png`), pictureGrid(pictures, columns));
  const lines = part.map(({ caption }, i) => `${Math.floor(i / columns) + 1}.${(i % columns) + 1} ${caption}`);
  await writeFileAtomic(join(folder, `${name}.txt`), `${lines.join("\n")}\n`);
}
