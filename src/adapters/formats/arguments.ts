/**
 * @file Checks of what callers hand in, for those whom no compiler tells: a reader or writer that is called wrongly
 * says how it is called, instead of failing somewhere inside.
 */
import { KeepsakeError } from "../../errors.ts";
import { adaptedComponents, type AdaptableModules } from "../modules.ts";

/** @throws KeepsakeError ("usage") unless it is a path */
export function requirePath(call: string, path: unknown): string {
  if (typeof path === "string" && path !== "") return path;
  throw new KeepsakeError("usage", `${call}: the first argument is the path of a file or folder, got ${kindOf(path)}.`);
}

/** @throws KeepsakeError ("usage") unless it is an adapter of one of these kinds */
export function requireAdapter(call: string, adapter: unknown, kinds: readonly string[]): void {
  const kind = typeof adapter === "object" && adapter !== null && "kind" in adapter ? adapter.kind : undefined;
  if (kinds.some((known) => known === kind)) return;
  const got = typeof kind === "string" ? `a ${kind}` : kindOf(adapter);
  throw new KeepsakeError("usage", `${call}: the second argument is an adapter (${kinds.join(" or ")}), got ${got}.`);
}

/** @throws KeepsakeError ("usage") unless it is the layers of a model */
export function requireModules(call: string, model: AdaptableModules | undefined): void {
  const maps: unknown[] =
    typeof model === "object" && model !== null ? adaptedComponents.map((each) => model[each]) : [];
  const given = maps.filter((map) => map !== undefined);
  if (given.length > 0 && given.every((map) => map instanceof Map)) return;
  const expected = "{ unet: discoverModules(tensors of the UNet), text_encoder: ... }";
  throw new KeepsakeError(
    "usage",
    `${call}: the second argument is the model's layers, ${expected}, got ${kindOf(model)}.`,
  );
}

/** @throws KeepsakeError ("usage") unless it is a type that adapters are written in */
export function requireDType(call: string, dtype: string | undefined): void {
  if (dtype === undefined || dtype === "F32" || dtype === "F16") return;
  throw new KeepsakeError("usage", `${call}: dtype is F32 or F16, got ${kindOf(dtype)}.`);
}

/** What a value is, for a message. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
