/**
 * @file The library that a lane holds open.
 */
import { Keepsake } from "../../keepsake/keepsake.ts";
import type { Place } from "./protocol.ts";

/** Opens when it is first needed, and again when another model is asked for. */
export class OpenLibrary {
  #open: { readonly key: string; readonly keepsake: Keepsake } | undefined;

  async at({ library, model }: Place): Promise<Keepsake> {
    const key = JSON.stringify([library, model]);
    if (this.#open?.key === key) return this.#open.keepsake;
    await this.#open?.keepsake.close();
    this.#open = undefined;
    const keepsake = await Keepsake.open(library, { lazy: true, ...(model !== undefined && { model }) });
    this.#open = { key, keepsake };
    return keepsake;
  }
}
