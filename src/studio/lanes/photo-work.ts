/**
 * @file Photos as training will see them: decoded, cropped and looked at, here and not in the server's own thread.
 */
import { codecs } from "../../io/images/codecs.ts";
import { decodeImage, encodePng, resizeAndCrop } from "../../io/images/image.ts";
import { decodeMask } from "../../io/images/mask.ts";
import type { RgbImage } from "../../io/images/rgb-image.ts";
import { cut, pixelsOfCrop } from "../../training/photos/photo-framing.ts";
import { readMask } from "../../training/photos/photo-masks.ts";
import { differenceHash, isBlurred } from "../../training/photos/photo-look.ts";
import type { Crop } from "../api.ts";
import type { Look, LookTask, MaskTask } from "./protocol.ts";

/** Long side of what the page shows, in pixels. */
const SHOWN = 1024;

/** A crop is moved and zoomed many times: the last photos stay decoded, up to so many bytes. */
const MOST_DECODED = 300e6;
const decodedPhotos = new Map<string, RgbImage>();

export async function look(task: LookTask): Promise<Look> {
  const { name, resolution } = task;
  const picture = await decodedPhoto(task);
  const { width, height } = picture;
  const crop = task.crop ?? middleOf(picture);
  const square = pixelsOfCrop(name, crop, picture);
  // Without a crop of its own, a photo is cut as one that lies in a folder.
  const seen = await resizeAndCrop(task.crop === undefined ? picture : cut(picture, square), resolution, resolution);
  return {
    ...{ width, height, crop, side: square.side },
    cropped: await encodePng(seen),
    ...(task.whole && { whole: await shown(picture) }),
    ...{ hash: differenceHash(seen), isBlurred: isBlurred(seen) },
  };
}

/** The mask at its photo's size. @throws KeepsakeError if it is of other proportions, or leaves nothing of the crop */
export async function fitMask(task: MaskTask): Promise<Uint8Array> {
  const { name, crop, bytes } = task;
  const picture = await decodedPhoto(task);
  const own = { name: `the mask of ${name}`, bytes: task.mask };
  const { width, height, data } = await decodeMask(own);
  const isAlike = Math.abs(width * picture.height - height * picture.width) <= Math.max(picture.width, picture.height);
  const sharp = await codecs();
  const grey = sharp(data, { raw: { width, height, channels: 1 } });
  // A mask of other proportions stays as it is, and is refused with the words that every command has for it.
  const scaled = isAlike ? grey.resize(picture.width, picture.height, { fit: "fill" }) : grey;
  const fitting = { ...own, bytes: new Uint8Array(await scaled.toColourspace("b-w").png().toBuffer()) };
  const square = crop && pixelsOfCrop(name, crop, picture);
  await readMask({ name, bytes }, picture, { own: fitting, alpha: false, resolution: 64, square });
  return fitting.bytes;
}

async function decodedPhoto({ id, name, bytes }: Pick<LookTask, "id" | "name" | "bytes">): Promise<RgbImage> {
  const known = decodedPhotos.get(id);
  const picture = known ?? (await decodeImage({ name, bytes }));
  decodedPhotos.delete(id);
  decodedPhotos.set(id, picture);
  let size = [...decodedPhotos.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  for (const [old, { data }] of decodedPhotos) {
    if (size <= MOST_DECODED) break;
    decodedPhotos.delete(old);
    size -= data.byteLength;
  }
  return picture;
}

function middleOf({ width, height }: RgbImage): Crop {
  const side = Math.min(width, height);
  return { x: (width - side) / 2 / width, y: (height - side) / 2 / height, size: 1 };
}

async function shown({ width, height, data }: RgbImage): Promise<Uint8Array> {
  const sharp = await codecs();
  const small = sharp(data, { raw: { width, height, channels: 3 } });
  return small.resize(SHOWN, SHOWN, { fit: "inside", withoutEnlargement: true }).jpeg({ quality: 85 }).toBuffer();
}
