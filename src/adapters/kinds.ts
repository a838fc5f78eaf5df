/** @file All kinds of adapters by name. To add one: one file beside this one, and one line here. */
import { KeepsakeError } from "../errors.ts";
import type { AdapterKind } from "./adapter.ts";
import { doraKind } from "./dora.ts";
import { loraKind } from "./lora.ts";
import { veraKind } from "./vera.ts";

/** Every kind, in the order in which they are best listed; the first is the default. */
export const ADAPTER_KINDS: readonly AdapterKind[] = [loraKind, veraKind, doraKind];

/** @throws KeepsakeError ("usage") for a name that no kind has */
export function findAdapterKind(name: string = loraKind.name): AdapterKind {
  const found = ADAPTER_KINDS.find((kind) => kind.name === name);
  if (found !== undefined) return found;
  const known = ADAPTER_KINDS.map((kind) => kind.name).join(", ");
  throw new KeepsakeError("usage", `There is no adapter "${name}"; choose one of ${known}.`);
}
