/** @file All kinds of adapters by name. To add one: one file beside this one, and one line here; or from outside {@link registerAdapterKind}. */
import { KeepsakeError } from "../errors.ts";
import type { AdapterKind } from "./adapter.ts";
import { doraKind } from "./dora.ts";
import { loraKind } from "./lora.ts";
import { veraKind } from "./vera.ts";

const kinds: AdapterKind[] = [loraKind, veraKind, doraKind];

/** Every kind, in the order in which they are best listed; the first is the default. Registered ones come last. */
export const ADAPTER_KINDS: readonly AdapterKind[] = kinds;

/** The kind of an adapter that says nothing else. */
export const DEFAULT_KIND = loraKind.name;

/**
 * Adds a kind of adapter: from then on it can be asked for by its name, and libraries that record it can be used.
 *
 * @throws KeepsakeError ("usage") for a name that another kind has, or that no kind can have
 * @example
 * registerAdapterKind({ ...loraKind, name: "my-lora", create: (model, options, start) => createMine(model, options, start) });
 */
export function registerAdapterKind(kind: AdapterKind): void {
  if (kinds.includes(kind)) return;
  const { name } = kind;
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    const rule = "lower-case letters, digits and -, beginning with a letter";
    throw new KeepsakeError("usage", `"${name}" cannot be the name of an adapter: use ${rule}.`);
  }
  if (isAdapterKind(name)) {
    throw new KeepsakeError("usage", `There is an adapter "${name}" already; register it under another name.`);
  }
  kinds.push(kind);
}

/** Whether a kind of this name is registered. */
export function isAdapterKind(name: string): boolean {
  return kinds.some((kind) => kind.name === name);
}

/** @throws KeepsakeError ("usage") for a name that no kind has */
export function findAdapterKind(name: string = DEFAULT_KIND): AdapterKind {
  const found = kinds.find((kind) => kind.name === name);
  if (found !== undefined) return found;
  const known = kinds.map((kind) => kind.name).join(", ");
  throw new KeepsakeError("usage", `There is no adapter "${name}"; choose one of ${known}.`);
}
