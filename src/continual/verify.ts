/**
 * @file Looks a whole library over and changes nothing: every file is hashed again and compared with what the manifest says of
 * it, and what does not belong there is pointed out.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import { checkBlobs, faultIn, type Finding, type ModelNeeds } from "./library/blob-checks.ts";
import { BlobStore } from "./library/blobs.ts";
import { adapterLength, isLeftover, Library } from "./library/library.ts";
import { lockState } from "./library/lock.ts";
import { allStates, manifestPath } from "./library/manifest.ts";
import { hasEnded, readSnapshot, snapshotPath } from "./library/run-snapshot.ts";
import { blobsOf, type AdapterEntry } from "./library/state.ts";
import { findUnfinishedRun, type UnfinishedRun } from "./library/unfinished-run.ts";
import { checkpointFolder } from "./model-folder.ts";
import { identifyModel, isModelOf } from "./model-fingerprint.ts";

export type { Finding } from "./library/blob-checks.ts";

export interface VerifyReport {
  /** What is damaged, missing or not what the manifest says, in the current state and in those that are kept. */
  readonly faults: readonly Finding[];
  /** What killed processes left behind: harmless, and cleared away by the next command that changes the library. */
  readonly leftovers: readonly Finding[];
  /** Whether shapes were compared with the model: not if it cannot be read where the library says, or is another one. */
  readonly model: "checked" | "unreadable" | "another";
  /** The run that the next `learn` can go on with. */
  readonly unfinishedRun?: UnfinishedRun;
  /** Files that were hashed. */
  readonly blobs: number;
}

/**
 * Hashes every file of a library again and compares it with the manifest. No lock is needed: when the library is changed
 * meanwhile, the look begins again.
 *
 * @throws KeepsakeError if the folder holds no library
 */
export async function verifyLibrary(folder: string): Promise<VerifyReport> {
  for (;;) {
    const library = await openOrFault(folder);
    if (!(library instanceof Library)) return { faults: [library], leftovers: [], model: "unreadable", blobs: 0 };
    const report = await look(library);
    const after = await openOrFault(folder);
    const isSame = after instanceof Library && JSON.stringify(after.manifest) === JSON.stringify(library.manifest);
    if (isSame) return report;
  }
}

async function openOrFault(folder: string): Promise<Library | Finding> {
  const file = manifestPath(folder);
  const library = await Library.openIfExists(folder).catch((error: unknown) => ({ file, fault: faultIn(file, error) }));
  return library ?? Library.open(folder);
}

async function look(library: Library): Promise<VerifyReport> {
  const { folder, manifest } = library;
  const blobs = new BlobStore(folder);
  const states = allStates(manifest);
  const wasInUse = (await lockState(folder)) === "held";
  const { model, needs } = await lookAtModel(library);
  const { faults, count } = await checkBlobs(blobs, states, needs);
  const run = await lookAtRun(library);
  const unneeded = await blobs.others(new Set(states.flatMap(blobsOf)));
  const leftovers = [
    ...run.leftovers,
    ...(await findLeftovers(folder)),
    ...unneeded.map((file) => ({ file, fault: "no state needs this file" })),
  ];
  // While somebody is at work there, such files are no leftovers, and the snapshot may be replaced as it is read.
  const isInUse = wasInUse || (await lockState(folder)) === "held";
  return {
    faults: isInUse ? faults : [...faults, ...run.faults],
    leftovers: isInUse ? [] : leftovers,
    model,
    ...(run.unfinishedRun && { unfinishedRun: run.unfinishedRun }),
    blobs: count,
  };
}

/** The model is no part of the library: that it cannot be read is no fault of it. */
async function lookAtModel(library: Library): Promise<{ model: VerifyReport["model"]; needs?: ModelNeeds }> {
  try {
    const pipeline = await StableDiffusionPipeline.load(checkpointFolder(library.manifest.model.folder));
    if (!isModelOf(library, await identifyModel(pipeline))) return { model: "another" };
    const lengths = new Map<string, number>();
    const lengthOf = (adapter: AdapterEntry) => {
      const key = `${adapter.kind ?? ""} ${adapter.rank} ${adapter.targets}`;
      const length = lengths.get(key) ?? adapterLength(pipeline, adapter);
      lengths.set(key, length);
      return length;
    };
    return { model: "checked", needs: { adapterLength: lengthOf, width: pipeline.textEncoder.config.hiddenSize } };
  } catch (error) {
    if (error instanceof KeepsakeError) return { model: "unreadable" };
    throw error;
  }
}

interface RunFindings {
  readonly faults: Finding[];
  readonly leftovers: Finding[];
  readonly unfinishedRun?: VerifyReport["unfinishedRun"];
}

async function lookAtRun(library: Library): Promise<RunFindings> {
  const file = snapshotPath(library.folder);
  try {
    const snapshot = await readSnapshot(library.folder);
    if (snapshot === undefined) return { faults: [], leftovers: [] };
    if (hasEnded(snapshot, library)) return { faults: [], leftovers: [{ file, fault: "the run of it has ended" }] };
    const unfinishedRun = await findUnfinishedRun(library);
    return { faults: [], leftovers: [], ...(unfinishedRun && { unfinishedRun }) };
  } catch (error) {
    return { faults: [{ file, fault: faultIn(file, error) }], leftovers: [] };
  }
}

async function findLeftovers(folder: string): Promise<Finding[]> {
  const lock = (await lockState(folder)) === "dead" ? [{ file: join(folder, "lock"), fault: "its owner is dead" }] : [];
  const files = (await readdir(folder)).filter(isLeftover).sort();
  return [...lock, ...files.map((name) => ({ file: join(folder, name), fault: "a write that was cut off" }))];
}
