/**
 * @file Drawn pictures and exported files, which are in memory until the studio ends or many newer ones are there.
 */
import { withText } from "../io/images/png-chunks.ts";
import { PARAMETERS_KEY } from "../keepsake/picture-parameters.ts";
import type { PictureId } from "./api.ts";
import type { DrawnPicture, ExportedFile } from "./lanes/protocol.ts";

/** How many pictures are kept. */
export const MOST_PICTURES = 400;
const MOST_BYTES = 400e6;
const MOST_FILES = 4;

/** The newest pictures. */
export class Pictures {
  readonly #pictures = new Map<PictureId, DrawnPicture>();
  readonly #files = new Map<string, ExportedFile>();
  #bytes = 0;

  add(picture: DrawnPicture): void {
    this.#pictures.set(picture.id, picture);
    this.#bytes += picture.png.byteLength;
    for (const [id, { png }] of this.#pictures) {
      if (this.#pictures.size <= MOST_PICTURES && this.#bytes <= MOST_BYTES) break;
      this.#pictures.delete(id);
      this.#bytes -= png.byteLength;
    }
  }

  has(id: PictureId): boolean {
    return this.#pictures.has(id);
  }

  /** A PNG file. @param metadata - whether it says how it was drawn */
  png(id: PictureId, metadata: boolean): Uint8Array | undefined {
    const picture = this.#pictures.get(id);
    if (picture?.parameters === undefined || !metadata) return picture?.png;
    return withText(picture.png, PARAMETERS_KEY, picture.parameters);
  }

  addFile(file: ExportedFile): void {
    this.#files.set(file.id, file);
    const [oldest] = this.#files.keys();
    if (this.#files.size > MOST_FILES) this.#files.delete(oldest);
  }

  /** An exported file, which is gone from here afterwards. */
  takeFile(id: string): ExportedFile | undefined {
    const file = this.#files.get(id);
    this.#files.delete(id);
    return file;
  }
}
