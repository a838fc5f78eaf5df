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

/** @returns what is wrong with the shapes of a blob that is whole, or undefined */
type Check = (file: SafetensorsFile) => string | undefined;

/** What is asked of a blob, each thing once, however many states ask it. */
type Checks = Map<string, Check>;

/**
 * Hashes every blob of the given states and checks it.
 *
 * @param needs - absent: shapes are compared with the manifest alone
 */
export async function checkBlobs(
  blobs: BlobStore,
  states: readonly LibraryState[],
  needs: ModelNeeds | undefined,
  signal?: AbortSignal,
): Promise<{ readonly faults: Finding[]; readonly count: number }> {
  const checks = new Map<string, Checks>();
  const checksOf = (blob: string): Checks => {
    const found = checks.get(blob) ?? new Map<string, Check>();
    checks.set(blob, found);
    return found;
  };
  for (const { adapter, strategy, concepts } of states) {
    if (adapter !== undefined) {
      const { blob, kind = "", rank, targets } = adapter;
      checksOf(blob).set(`adapter ${kind} ${rank} ${targets}`, adapterCheck(adapter, needs));
    }
    if (strategy?.memory !== undefined) checksOf(strategy.memory);
    for (const { name, vectors, embedding } of concepts) {
      checksOf(embedding).set(`embedding ${name} ${vectors}`, embeddingCheck(name, vectors, needs?.width));
    }
  }
  const faults: Finding[] = [];
  for (const [blob, required] of checks) {
    signal?.throwIfAborted();
    for (const fault of await faultsOf(blobs, blob, required)) faults.push({ file: blobs.path(blob), fault });
  }
  return { faults, count: checks.size };
}

async function faultsOf(blobs: BlobStore, blob: string, checks: Checks): Promise<string[]> {
  try {
    const file = await blobs.open(blob);
    const faults = [...checks.values()].map((check) => check(file));
    // Read once more, but not for each check: a thousand states may share a blob.
    return [...faults, await finiteNumbers(file)].filter((fault) => fault !== undefined);
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
  return (file) => {
    const { shape } = file.info("lora");
    // Of a kind that is not registered nothing is known.
    const needed = isAdapterKind(adapter.kind ?? DEFAULT_KIND) ? (needs?.adapterLength(adapter) ?? shape[0]) : shape[0];
    if (shape.length !== 1 || shape[0] !== needed) {
      const { rank, targets } = adapter;
      return `the adapter has shape [${shape.join(", ")}], but rank ${rank} and targets ${targets} need [${needed ?? 1}]`;
    }
    return undefined;
  };
}

function embeddingCheck(name: string, vectors: number, width: number | undefined): Check {
  return (file) => {
    const { shape } = file.info("embedding");
    const needed = [vectors, width ?? shape[1] ?? 1];
    if (shape.length !== 2 || shape.some((length, i) => length !== needed[i])) {
      return `the embedding of "${name}" has shape [${shape.join(", ")}], but it should have [${needed.join(", ")}]`;
    }
    return undefined;
  };
}

async function finiteNumbers(file: SafetensorsFile): Promise<string | undefined> {
  for (const { name } of file.tensors.values()) {
    const values = await file.readFloat32(name);
    if (!values.every(Number.isFinite)) return `${name} holds numbers that are not finite`;
  }
  return undefined;
}
