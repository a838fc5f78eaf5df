/**
 * @file All kinds of adapters by name. To add one: one file beside this one, and one line here; or from outside
 * {@link registerAdapterKind}.
 */
import { Registry } from "../registry.ts";
import type { AdapterKind } from "./adapter.ts";
import { doraKind } from "./dora.ts";
import { loraKind } from "./lora.ts";
import { veraKind } from "./vera.ts";

const kinds = new Registry<AdapterKind>("an adapter", [loraKind, veraKind, doraKind]);

/** Every kind, in the order in which they are best listed; the first is the default. Registered ones come last. */
export const ADAPTER_KINDS: readonly AdapterKind[] = kinds.all;

/** The kind of an adapter that says nothing else. */
export const DEFAULT_KIND = loraKind.name;

/**
 * Adds a kind of adapter: from then on it can be asked for by its name, and libraries that record it can be used.
 *
 * @throws KeepsakeError ("usage") for a name that another kind has, or that no kind can have
 * @example
 * ```ts
 * import { findAdapterKind, registerAdapterKind } from "keepsake/adapters";
 *
 * // DoRA as it is, with another default. docs/add-an-adapter.md has a kind of its own.
 * const dora = findAdapterKind("dora");
 * registerAdapterKind({ ...dora, name: "wide-dora", summary: "DoRA, of rank 32 by default", defaultRank: 32 });
 * ```
 */
export function registerAdapterKind(kind: AdapterKind): void {
  kinds.register(kind);
}

/** Whether a kind of this name is registered. */
export function isAdapterKind(name: string): boolean {
  return kinds.has(name);
}

/** @throws KeepsakeError ("usage") for a name that no kind has */
export function findAdapterKind(name: string = DEFAULT_KIND): AdapterKind {
  return kinds.find(name);
}
