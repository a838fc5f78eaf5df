/**
 * @file Photos that were dropped. They are in the memory of this process and nowhere else: never on the disk, and gone
 * when the studio ends or the concept is learned.
 */
import { randomUUID } from "node:crypto";
import { isAlmostSame } from "../training/photos/photo-look.ts";
import type { PhotoInMemory } from "../training/photos/find-photos.ts";
import type { Crop, PhotoEdit, StudioPhoto } from "./api.ts";
import { HttpFault } from "./fault.ts";
import type { Lane } from "./lanes/lane.ts";
import type { Look, Place } from "./lanes/protocol.ts";

export const PHOTO_LIMITS = { photos: 60, photoBytes: 64_000_000, photoPixels: 100_000_000 } as const;
const MOST_BYTES = 1_000_000_000;
const LONGEST_NAME = 200;
const LONGEST_CAPTION = 2000;

interface Held {
  readonly id: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly whole: Uint8Array;
  readonly look: Look;
  /** Absent: the middle, as of a photo in a folder. */
  readonly crop?: Crop;
  readonly caption: string;
  readonly mask?: Uint8Array | undefined;
  readonly version: number;
  readonly resolution: number;
}

export class Photos {
  readonly #held = new Map<string, Held>();
  readonly #lane: Lane;
  readonly #place: () => Place;
  /** Bytes of photos that are on their way. */
  #coming = 0;

  constructor(lane: Lane, place: () => Place) {
    this.#lane = lane;
    this.#place = place;
  }

  get all(): StudioPhoto[] {
    return [...this.#held.values()].map((held) => this.#shown(held));
  }

  has(id: string): boolean {
    return this.#held.has(id);
  }

  /** @throws HttpFault where there is no room for a further photo of so many bytes */
  checkRoom(bytes: number): void {
    const { photos } = PHOTO_LIMITS;
    if (this.#held.size >= photos) throw new HttpFault(413, `At most ${photos} photos are held; remove some.`, "input");
    const size = [...this.#held.values()].reduce((sum, held) => sum + held.bytes.byteLength, this.#coming + bytes);
    if (size > MOST_BYTES) throw new HttpFault(413, "The photos are too large together; remove some.", "input");
  }

  /** @param resolution - side of the crop, in pixels. @throws LaneFault for what is no photo */
  async add(name: string, bytes: Uint8Array, resolution: number): Promise<StudioPhoto> {
    this.checkRoom(bytes.byteLength);
    this.#coming += bytes.byteLength;
    try {
      const id = randomUUID();
      const named = { id, name: plainName(name), bytes };
      const { whole, ...look } = await this.#look({ ...named, whole: true, resolution });
      this.checkRoom(0);
      if (whole === undefined) throw new Error("the lane did not show the whole photo");
      return this.#keep({ ...named, whole, look, caption: "", version: 1, resolution });
    } finally {
      this.#coming -= bytes.byteLength;
    }
  }

  async edit(id: string, { crop, caption }: PhotoEdit): Promise<StudioPhoto> {
    const held = this.#find(id);
    const look = crop === undefined ? held.look : await this.#look({ ...held, crop, whole: false });
    if (caption !== undefined && caption.length > LONGEST_CAPTION) {
      throw new HttpFault(400, `A caption has at most ${LONGEST_CAPTION} characters.`);
    }
    const now = this.#find(id);
    return this.#keep({
      ...{ ...now, look, version: now.version + 1 },
      ...(crop !== undefined && { crop: look.crop }),
      ...(caption !== undefined && { caption }),
    });
  }

  async setMask(id: string, mask: Uint8Array): Promise<StudioPhoto> {
    const { name, bytes, crop } = this.#find(id);
    const task = { kind: "mask" as const, id, name, bytes, mask, ...(crop !== undefined && { crop }) };
    const fitting = await this.#lane.run(this.#place(), task).result;
    const now = this.#find(id);
    return this.#keep({ ...now, mask: fitting, version: now.version + 1 });
  }

  removeMask(id: string): StudioPhoto {
    const held = this.#find(id);
    return this.#keep({ ...held, mask: undefined, version: held.version + 1 });
  }

  cropped(id: string): Uint8Array {
    return this.#find(id).look.cropped;
  }

  whole(id: string): Uint8Array {
    return this.#find(id).whole;
  }

  /** PNG, as large as the photo: white is the thing. @throws HttpFault if it has none */
  mask(id: string): Uint8Array {
    const { mask } = this.#find(id);
    if (mask === undefined) throw new HttpFault(404, "This photo has no mask.", "state");
    return mask;
  }

  remove(id: string): void {
    this.#held.delete(id);
  }

  /** As the facade takes it. @throws HttpFault if it is gone */
  inMemory(id: string): PhotoInMemory {
    const { name, bytes, caption, mask, crop } = this.#find(id);
    return {
      ...{ name, bytes },
      ...(caption.trim() !== "" && { caption }),
      ...(mask !== undefined && { mask }),
      ...(crop !== undefined && { crop }),
    };
  }

  #look(photo: Pick<Held, "id" | "name" | "bytes" | "resolution" | "crop"> & { readonly whole: boolean | Uint8Array }) {
    const { id, name, bytes, crop, resolution, whole } = photo;
    const task = { kind: "look" as const, id, name, bytes, resolution, whole: whole === true };
    return this.#lane.run(this.#place(), crop === undefined ? task : { ...task, crop }).result;
  }

  #keep(held: Held): StudioPhoto {
    this.#held.set(held.id, held);
    return this.#shown(held);
  }

  #find(id: string): Held {
    const held = this.#held.get(id);
    if (held === undefined) throw new HttpFault(404, "This photo is not held any more; drop it again.", "state");
    return held;
  }

  #shown(held: Held): StudioPhoto {
    const { id, name, look, caption, mask, version } = held;
    const { width, height, crop } = look;
    return {
      ...{ id, name, width, height, crop, caption, version },
      hasMask: mask !== undefined,
      warnings: this.#warnings(held),
    };
  }

  #warnings({ id, look, resolution }: Held): string[] {
    const earlier: Held[] = [];
    for (const other of this.#held.values()) {
      if (other.id === id) break;
      earlier.push(other);
    }
    const alike = earlier.find((other) => isAlmostSame(other.look.hash, look.hash));
    return [
      ...(look.side < resolution ? [`Its crop has ${look.side} x ${look.side} pixels: enlarged, it is soft.`] : []),
      ...(look.isBlurred ? ["It is blurred, which is learned too."] : []),
      ...(alike === undefined ? [] : [`It is almost the same as ${alike.name}.`]),
    ];
  }
}

/** The last part of a name, without what would rule a terminal or a page. */
function plainName(name: string): string {
  const last = name.replace(/^.*[/\\]/s, "").replace(/[\p{Cc}\p{Cf}]/gu, "");
  return Array.from(last).slice(0, LONGEST_NAME).join("") || "photo";
}
