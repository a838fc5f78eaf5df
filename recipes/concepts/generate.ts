/**
 * @file Draws all views of the ten concepts: `npx tsx recipes/concepts/generate.ts [folder]` (default: examples/concepts).
 * Writes `<name>/train/00.png` to `05.png` with a caption each, `<name>/test/00.png` to `05.png`, and `concepts.json`.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { writeFileAtomic } from "../../src/io/atomic.ts";
import { encodePng } from "../../src/io/images/image.ts";
import type { RgbImage } from "../../src/io/images/rgb-image.ts";
import { paintBackground } from "../world/backgrounds.ts";
import { Canvas } from "../world/canvas.ts";
import { settingOf } from "../world/captions.ts";
import { CONCEPTS, type Concept } from "./concepts.ts";
import { n } from "./svg.ts";
import { viewsOf, type View } from "./views.ts";

const size = 256;

async function paintView(concept: Concept, view: View): Promise<RgbImage> {
  const canvas = new Canvas(size);
  paintBackground(canvas, view.background);
  const scale = (view.scale * size) / 200;
  const transform = `translate(${n(view.x * size)} ${n(view.y * size)}) rotate(${n(view.rotation)}) scale(${n(scale)}) translate(-100 -100)`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}"><g transform="${transform}">${concept.draw(view.pose)}</g></svg>`;
  const data = await sharp(canvas.toBytes(), { raw: { width: size, height: size, channels: 3 } })
    .composite([{ input: Buffer.from(svg) }])
    .removeAlpha()
    .raw()
    .toBuffer();
  return { width: size, height: size, data };
}

const folder = process.argv[2] ?? "examples/concepts";
const index = [];
for (const concept of CONCEPTS) {
  const views: Record<"train" | "test", { file: string; setting: string }[]> = { train: [], test: [] };
  for (const part of ["train", "test"] as const) {
    await mkdir(join(folder, concept.name, part), { recursive: true });
    for (const [i, view] of viewsOf(concept, part).entries()) {
      const file = `${concept.name}/${part}/${String(i).padStart(2, "0")}.png`;
      const setting = settingOf(view.background);
      // Without the mark of a drawn picture: these are the photos of the examples.
      await writeFileAtomic(join(folder, file), await encodePng(await paintView(concept, view)));
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
