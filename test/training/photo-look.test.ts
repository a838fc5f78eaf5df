/**
 * @file What can be seen on photos: blur, and two that are almost the same.
 */
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage, resizeAndCrop } from "../../src/io/images/image.ts";
import { differenceHash, isAlmostSame, isBlurred } from "../../src/training/photos/photo-look.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { writePhoto } from "../keepsake/support.ts";

const inFolder = temporaryFolder();
const EXAMPLES = join(import.meta.dirname, "..", "..", "examples", "concepts");
const example = (concept: string, file: string) => decodeImage(join(EXAMPLES, concept, "train", file));

/** An example as it is seen after sharp has changed it. */
async function changed(concept: string, change: (image: Sharp) => Sharp) {
  const file = inFolder("changed.png");
  await change(sharp(join(EXAMPLES, concept, "train", "00.png"))).toFile(file);
  return resizeAndCrop(await decodeImage(file), 64, 64);
}

describe("isBlurred", () => {
  it.each(["mochi", "cinder", "pip", "tilda"])(
    "finds the drawings of %s sharp, and blurred where they were blurred",
    async (name) => {
      expect(isBlurred(await example(name, "00.png"))).toBe(false);
      expect(isBlurred(await changed(name, (image) => image.blur(16)))).toBe(true);
    },
  );

  it("takes little contrast for no blur, and one colour for blur", async () => {
    expect(isBlurred(await changed("mochi", (image) => image.linear(0.2, 100)))).toBe(false);
    expect(isBlurred({ width: 20, height: 20, data: new Uint8Array(1200).fill(90) })).toBe(true);
  });
});

describe("isAlmostSame", () => {
  it("tells a photo that was saved, brightened or moved a little from another one", async () => {
    const hash = differenceHash(await example("mochi", "00.png"));
    const variants = [
      (image: Sharp) => image.jpeg({ quality: 50 }),
      (image: Sharp) => image.linear(1.1, 5),
      (image: Sharp) => image.extract({ left: 2, top: 2, width: 252, height: 252 }),
    ];
    for (const variant of variants) {
      expect(isAlmostSame(hash, differenceHash(await changed("mochi", variant)))).toBe(true);
    }
    for (const file of ["01.png", "02.png", "03.png", "04.png", "05.png"]) {
      expect(isAlmostSame(hash, differenceHash(await example("mochi", file)))).toBe(false);
    }
    await writePhoto(inFolder("noise.png"), "noise", 64, 64);
    expect(isAlmostSame(hash, differenceHash(await decodeImage(inFolder("noise.png"))))).toBe(false);
  });
});
