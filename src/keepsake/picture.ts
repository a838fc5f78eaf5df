/**
 * @file A picture that was drawn.
 */
import { dirname } from "node:path";
import { encodeDrawnPng } from "../io/images/image.ts";
import { checkPngFile, checkReplaceable, replaceFile, writeBeside } from "../io/images/picture-file.ts";
import type { RgbImage } from "../io/images/rgb-image.ts";
import { makeFolder } from "../io/folder.ts";
import { type DrawingSettings, PARAMETERS_KEY, parametersText } from "./picture-parameters.ts";

/** How a picture gets a file. */
export interface SaveOptions {
  /**
   * What becomes of another drawing of that name: it is replaced, or the picture goes `beside` it under a name with a
   * number (`cat-2.png`). What Keepsake did not draw is never replaced. Default `replace`.
   */
  readonly existing?: "replace" | "beside";
  /**
   * Whether the file says how the picture was drawn, as AUTOMATIC1111's program writes it: prompts, steps, sampler,
   * guidance, seed, size. Default true.
   */
  readonly metadata?: boolean;
}

/** What is known of a drawn picture. */
export type PictureFacts = Pick<Picture, "image" | "prompt" | "seed" | "index"> & Partial<Pick<Picture, "settings">>;

/** A picture that was drawn. It is in memory only until it is saved. */
export class Picture {
  /** The pixels, `[height, width, 3]` in 8-bit sRGB. */
  readonly image: RgbImage;
  readonly prompt: string;
  /** With which it was drawn; the same prompt, seed and index give the same picture. */
  readonly seed: number | bigint;
  /** Its number among the pictures of this seed. */
  readonly index: number;
  /** With which it was drawn, where that is known; without them, its file does not say how it was drawn. */
  readonly settings: DrawingSettings | undefined;

  constructor({ image, prompt, seed, index, settings }: PictureFacts) {
    this.settings = settings;
    this.image = image;
    this.prompt = prompt;
    this.seed = seed;
    this.index = index;
  }

  /** The bytes of a PNG file, marked as drawn. The same pixels, drawn in the same way, give the same bytes. */
  png({ metadata = true }: Pick<SaveOptions, "metadata"> = {}): Promise<Uint8Array> {
    const { image, prompt, seed, index, settings } = this;
    if (!metadata || settings === undefined) return encodeDrawnPng(image);
    const { width, height } = image;
    const value = parametersText({ ...settings, prompt, seed, index, width, height });
    return encodeDrawnPng(image, { key: PARAMETERS_KEY, value });
  }

  /**
   * Writes the picture as a PNG file, in one atomic step. Folders are made as needed.
   *
   * @returns the name of the file
   * @throws KeepsakeError if the name does not end in .png, or the file holds something that Keepsake did not draw, or
   *   cannot be written
   */
  async save(file: string, options: SaveOptions = {}): Promise<string> {
    return (await this.write(file, options)).file;
  }

  /** As {@link Picture.save}, and says whether something else was replaced. */
  async write(
    file: string,
    { existing = "replace", metadata }: SaveOptions = {},
  ): Promise<{ readonly file: string; readonly replaced: boolean }> {
    checkPngFile(file, "a picture");
    await makeFolder(dirname(file));
    const png = await this.png({ metadata });
    if (existing === "beside") return { file: await writeBeside(file, png), replaced: false };
    await checkReplaceable(file);
    return { file, replaced: (await replaceFile(file, png)) === "other" };
  }
}
