/** @file One view of a concept as a picture. */
import sharp from "sharp";
import type { RgbImage } from "../../src/io/images/rgb-image.ts";
import { paintBackground } from "../world/backgrounds.ts";
import { Canvas } from "../world/canvas.ts";
import type { Concept } from "./concepts.ts";
import { n } from "./svg.ts";
import type { View } from "./views.ts";

/** @param size - in pixels; the picture is square */
export async function paintView(concept: Concept, view: View, size: number): Promise<RgbImage> {
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
