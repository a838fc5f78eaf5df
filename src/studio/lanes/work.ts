/**
 * @file What the work of a lane has in common.
 */
import { randomUUID } from "node:crypto";
import type { Picture } from "../../keepsake/picture.ts";
import { parametersText } from "../../keepsake/picture-parameters.ts";
import type { JobProgress, PictureId } from "../api.ts";
import type { OpenLibrary } from "./open-library.ts";
import type { News, Place } from "./protocol.ts";

/** What a task is done with. */
export interface Work {
  readonly place: Place;
  readonly library: OpenLibrary;
  /** Fires when the task is to stop. */
  readonly signal: AbortSignal;
  readonly tell: (news: News) => void;
}

/** Hands a drawn picture to the server. */
export async function handOver(picture: Picture, { tell }: Work): Promise<PictureId> {
  const { image, prompt, seed, index, settings } = picture;
  const { width, height } = image;
  const id = randomUUID();
  const parameters = settings && parametersText({ ...settings, prompt, seed, index, width, height });
  const png = await picture.png({ metadata: false });
  tell({ kind: "picture", picture: { id, png, ...(parameters !== undefined && { parameters }) } });
  return id;
}

/** How many pieces, at most, the speed is measured on. */
const RECENT = 20;

/** The time that is left, from the last pieces of work. */
export class Pace {
  readonly #times: { readonly done: number; readonly at: number }[] = [{ done: 0, at: performance.now() }];

  /** @param done - pieces that are done, of `count` */
  after(done: number, count: number): Pick<JobProgress, "done" | "count" | "secondsLeft"> {
    const at = performance.now();
    const [first] = this.#times;
    this.#times.push({ done, at });
    if (this.#times.length > RECENT) this.#times.shift();
    const pieces = done - first.done;
    if (pieces <= 0) return { done, count };
    return { done, count, secondsLeft: ((count - done) * (at - first.at)) / pieces / 1000 };
  }
}
