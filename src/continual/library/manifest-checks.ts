/**
 * @file Whether what was read from a manifest is one: people can edit the file, and disks can damage it.
 */
import { ADAPTER_KINDS } from "../../adapters/kinds.ts";
import { isConceptName, tokenOf } from "../concept-name.ts";
import type { LibraryState } from "./state.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Where the model of a library is, and which one it is. */
export function isModel(value: unknown): value is { readonly folder: string; readonly fingerprint: string } {
  return hasTypes(value, { folder: "string", fingerprint: "string" });
}

/** The part of a state that manifests had from the beginning. */
export function isContent(value: unknown): value is JsonObject & Omit<LibraryState, "change"> {
  if (!isObject(value)) return false;
  const { adapter, strategy, concepts } = value;
  return (
    Array.isArray(concepts) &&
    concepts.every(isConcept) &&
    (adapter === undefined ? concepts.length === 0 : isAdapter(adapter)) &&
    (strategy === undefined || isStrategy(strategy))
  );
}

/** A state of a manifest of the present version. */
export function isState(value: unknown): value is JsonObject & LibraryState {
  return isContent(value) && isChange(value.change);
}

/** How many earlier states may be kept. */
export function isKeepCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isChange(value: unknown): boolean {
  if (!isObject(value)) return false;
  return value.kind === "undo" ? isOrigin(value.to) : isOrigin(value);
}

function isOrigin(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { kind, concept, unlearned } = value;
  if (unlearned !== undefined && typeof unlearned !== "boolean") return false;
  if (kind === "begun") return true;
  const isNamed = typeof concept === "string" && isConceptName(concept);
  return kind === "learned" ? isNamed : kind === "forgot" && (isNamed || concept === undefined);
}

function isAdapter(value: unknown): boolean {
  return (
    hasTypes(value, { rank: "number", loraAlpha: "number", targets: "string" }) &&
    isBlobName(value.blob) &&
    isCount(value.rank) &&
    Number(value.loraAlpha) > 0 &&
    isAdapterKind(value)
  );
}

/** The kind, and the key that its projections need. */
function isAdapterKind({ kind, projectionKey }: JsonObject): boolean {
  if (kind === undefined || kind === "lora") return kind === undefined && projectionKey === undefined;
  const found = ADAPTER_KINDS.find(({ name }) => name === kind);
  if (found === undefined) return false;
  return found.hasProjections ? isKeepCount(projectionKey) : projectionKey === undefined;
}

function isStrategy(value: unknown): boolean {
  return (
    hasTypes(value, { name: "string" }) &&
    isObject(value.options) &&
    Object.values(value.options).every((option) => ["number", "string", "boolean"].includes(typeof option)) &&
    (value.memory === undefined || isBlobName(value.memory))
  );
}

function isConcept(value: unknown): boolean {
  return (
    hasTypes(value, { name: "string", token: "string", classNoun: "string" }) &&
    isConceptName(String(value.name)) &&
    value.token === tokenOf(String(value.name)) &&
    isCount(value.vectors) &&
    isBlobName(value.embedding) &&
    isObject(value.training) &&
    isCount(value.training.steps) &&
    (value.strategy === undefined || typeof value.strategy === "string")
  );
}

/** Blob names come from a file that people can edit: anything but a hash could lead out of the folder. */
function isBlobName(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function hasTypes(value: unknown, types: Readonly<Record<string, "string" | "number">>): value is JsonObject {
  return isObject(value) && Object.entries(types).every(([key, type]) => typeof value[key] === type);
}
