/**
 * @file Things that are asked for by name, to which a program may add its own.
 */
import { KeepsakeError } from "./errors.ts";

/** @param what - with its article, for messages: "an adapter" */
export function checkRegisteredName(name: string, what: string): void {
  if (/^[a-z][a-z0-9-]*$/.test(name)) return;
  const rule = "lower-case letters, digits and -, beginning with a letter";
  throw new KeepsakeError("usage", `"${name}" cannot be the name of ${what}: use ${rule}.`);
}

/** Entries of one type, in the order in which they are best listed; those that are registered come last. */
export class Registry<Entry extends { readonly name: string }> {
  readonly #what: string;
  readonly #entries: Entry[];

  /** @param what - with its article, for messages: "an adapter" */
  constructor(what: string, entries: readonly Entry[]) {
    this.#what = what;
    this.#entries = [...entries];
  }

  /** Every entry, now and later. */
  get all(): readonly Entry[] {
    return this.#entries;
  }

  has(name: string): boolean {
    return this.#entries.some((entry) => entry.name === name);
  }

  /** @throws KeepsakeError ("usage") for a name that no entry has */
  find(name: string): Entry {
    const found = this.#entries.find((entry) => entry.name === name);
    if (found !== undefined) return found;
    const [, noun] = this.#what.split(" ");
    const known = this.#entries.map((entry) => entry.name).join(", ");
    throw new KeepsakeError("usage", `There is no ${noun} "${name}"; choose one of ${known}.`);
  }

  /** @throws KeepsakeError ("usage") for a name that another entry has, or that none can have */
  register(entry: Entry): void {
    if (this.#entries.includes(entry)) return;
    checkRegisteredName(entry.name, this.#what);
    if (this.has(entry.name)) {
      const fault = `There is ${this.#what} "${entry.name}" already`;
      throw new KeepsakeError("usage", `${fault}; register it under another name.`);
    }
    this.#entries.push(entry);
  }
}
