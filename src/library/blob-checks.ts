/**
 * @file Compares the blobs of a library with what its manifest says of them: content, names, shapes and numbers.
 */
import { DEFAULT_KIND, isAdapterKind } from "../adapters/kinds.ts";
import { KeepsakeError } from "../errors.ts";
import type { SafetensorsFile } from "../io/safetensors/safetensors.ts";
import type { BlobStore } from "./blobs.ts";
import type { AdapterEntry, LibraryState } from "./manifest/state.ts";

/** Something about one file, in one line. */
export interface Finding {
  readonly file: string;
  readonly fault: string;
}

/** What the model needs. */
export interface ModelNeeds {
  /** Numbers of an adapter. */
  readonly adapterLength: (adapter: AdapterEntry) => number;
  /** Numbers of one embedding. */
  readonly width: number;
}

/** @returns what is wrong with a blob that is whole, or undefined */
type Check = (file: SafetensorsFile) => Promise<string | undefined>;

/**
 * Hashes every blob of the given states and checks it.
 *
 * @param needs - absent: shapes are compared with the manifest alone
 */
export async function checkBlobs(
  blobs: BlobStore,
  states: readonly LibraryState[],
  needs: ModelNeeds | undefined,
): Promise<{ readonly faults: Finding[]; readonly count: number }> {
  const checks = new Map<string, Check[]>();
  const require = (blob: string, check: Check) => checks.set(blob, [...(checks.get(blob) ?? []), check]);
  for (const { adapter, strategy, concepts } of states) {
    if (adapter !== undefined) require(adapter.blob, adapterCheck(adapter, needs));
    if (strategy?.memory !== undefined) require(strategy.memory, finiteNumbers);
    for (const { name, vectors, embedding } of concepts)
      require(embedding, embeddingCheck(name, vectors, needs?.width));
  }
  const faults: Finding[] = [];
  for (const [blob, required] of checks) {
    // Several states may say the same of a blob.
    for (const fault of new Set(await faultsOf(blobs, blob, required))) faults.push({ file: blobs.path(blob), fault });
  }
  return { faults, count: checks.size };
}

async function faultsOf(blobs: BlobStore, blob: string, checks: readonly Check[]): Promise<string[]> {
  try {
    const file = await blobs.open(blob);
    const faults: string[] = [];
    for (const check of checks) faults.push((await check(file)) ?? "");
    return faults.filter((fault) => fault !== "");
  } catch (error) {
    return [faultIn(blobs.path(blob), error)];
  }
}

/**
 * What an error says of a file, without the file's name.
 *
 * @throws the error itself if it is not meant for people
 */
export function faultIn(file: string, error: unknown): string {
  if (!(error instanceof KeepsakeError)) throw error;
  const start = `${file}: `;
  const fault = error.message.startsWith(start) ? error.message.slice(start.length) : error.message;
  return fault.replace(/\.$/, "");
}

function adapterCheck(adapter: AdapterEntry, needs: ModelNeeds | undefined): Check {
  return async (file) => {
    const { shape } = file.info("lora");
    // Of a kind that is not registered nothing is known.
    const needed = isAdapterKind(adapter.kind ?? DEFAULT_KIND) ? (needs?.adapterLength(adapter) ?? shape[0]) : shape[0];
    if (shape.length !== 1 || shape[0] !== needed) {
      const { rank, targets } = adapter;
      return `the adapter has shape [${shape.join(", ")}], but rank ${rank} and targets ${targets} need [${needed ?? 1}]`;
    }
    return finiteNumbers(file);
  };
}

function embeddingCheck(name: string, vectors: number, width: number | undefined): Check {
  return async (file) => {
    const { shape } = file.info("embedding");
    const needed = [vectors, width ?? shape[1] ?? 1];
    if (shape.length !== 2 || shape.some((length, i) => length !== needed[i])) {
      return `the embedding of "${name}" has shape [${shape.join(", ")}], but it should have [${needed.join(", ")}]`;
    }
    return finiteNumbers(file);
  };
}

async function finiteNumbers(file: SafetensorsFile): Promise<string | undefined> {
  for (const { name } of file.tensors.values()) {
    const values = await file.readFloat32(name);
    if (!values.every(Number.isFinite)) return `${name} holds numbers that are not finite`;
  }
  return undefined;
}
