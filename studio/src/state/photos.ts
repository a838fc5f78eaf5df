/** @file The photos to teach, which the server holds in memory, and the one to ask about. */
import { computed, signal } from "@preact/signals";
import type { PhotoEdit, StudioPhoto } from "../../../src/studio/api.ts";
import { text } from "../strings.ts";
import { tell, tellFault } from "./messages.ts";
import { server } from "./server.ts";
import { studio } from "./studio.ts";

/** All that the server holds. */
export const photos = signal<readonly StudioPhoto[]>([]);

/** Ids of photos that were dropped to ask about, not to teach. They survive a reload of the page. */
const ASKED = "keepsake-asked";
const asked = signal<readonly string[]>((sessionStorage.getItem(ASKED) ?? "").split(" ").filter(Boolean));

/** In the order in which they came. */
export const teachPhotos = computed(() => photos.value.filter(({ id }) => !asked.value.includes(id)));

/** How many are on their way to the server. */
export const arriving = signal(0);

export async function refreshPhotos(): Promise<void> {
  photos.value = await server.photos();
}

/** Sends dropped files, one after another. Text files and masks go to the photo of their name. */
export async function addPhotos(files: readonly File[]): Promise<void> {
  const { images, texts, masks } = sorted(files);
  const most = studio.value?.limits.photos ?? Infinity;
  const room = most - teachPhotos.value.length;
  if (images.length > room) tell(text.teach.tooMany(most));
  if (images.length === 0 && files.length > 0) tell(text.teach.noPictures);
  const taken = images.slice(0, Math.max(0, room));
  arriving.value += taken.length;
  for (const file of taken) {
    const photo = await tellFault(() => sendOne(file));
    arriving.value -= 1;
    if (photo === undefined) continue;
    const caption = texts.get(baseName(file.name));
    if (caption !== undefined) await editPhoto(photo.id, { caption: (await caption.text()).trim().slice(0, 1000) });
    const mask = masks.get(baseName(file.name));
    if (mask !== undefined) await setMask(photo.id, mask);
  }
}

async function sendOne(file: File): Promise<StudioPhoto> {
  const { photoBytes = Infinity } = studio.value?.limits ?? {};
  if (file.size > photoBytes) throw new Error(text.teach.tooLarge(file.name, photoBytes));
  const photo = await server.addPhoto(file, file.name);
  put(photo);
  return photo;
}

const MASK = /\.mask\.png$/i;
const TEXT = /\.(?:txt|caption)$/i;
const PICTURE = /\.(?:jpe?g|png|webp|heic|heif|avif|tiff?|gif)$/i;

function sorted(files: readonly File[]) {
  const visible = files.filter(({ name }) => !name.startsWith("."));
  const masks = visible.filter(({ name }) => MASK.test(name));
  const texts = visible.filter(({ name }) => TEXT.test(name));
  const images = visible.filter(({ name }) => PICTURE.test(name) && !MASK.test(name));
  const byName = (some: File[]) => new Map(some.map((file) => [baseName(file.name), file]));
  return {
    images: images.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true })),
    texts: byName(texts),
    masks: byName(masks),
  };
}

const baseName = (name: string) => name.replace(MASK, "").replace(TEXT, "").replace(PICTURE, "");

/** Sends the photo to ask about. Those before it are given back. */
export async function addAskPhoto(file: File): Promise<StudioPhoto> {
  const before = asked.value;
  const photo = await server.addPhoto(file, file.name);
  asked.value = [photo.id];
  sessionStorage.setItem(ASKED, photo.id);
  put(photo);
  for (const id of before) await server.removePhoto(id).catch(() => undefined);
  return photo;
}

export async function editPhoto(id: string, edit: PhotoEdit): Promise<void> {
  await tellFault(async () => {
    put(await server.editPhoto(id, edit));
  });
}

export async function setMask(id: string, png: Blob | undefined): Promise<void> {
  await tellFault(async () => {
    put(png === undefined ? await server.removeMask(id) : await server.putMask(id, png));
  });
}

export async function removePhoto(id: string): Promise<void> {
  await tellFault(async () => {
    await server.removePhoto(id);
    photos.value = photos.value.filter((photo) => photo.id !== id);
  });
}

function put(photo: StudioPhoto): void {
  const isKnown = photos.value.some(({ id }) => id === photo.id);
  photos.value = isKnown
    ? photos.value.map((known) => (known.id === photo.id && known.version <= photo.version ? photo : known))
    : [...photos.value, photo];
}
