/**
 * @file Looks a whole library over and changes nothing: every file is hashed again and compared with what the manifest
 * says of it, and what does not belong there is pointed out.
 */
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { KeepsakeError } from "../errors.ts";
import { describeReadError } from "../io/read-file.ts";
import { checkBlobs, faultIn, type Finding, type ModelNeeds } from "../library/blob-checks.ts";
import { BlobStore } from "../library/blobs.ts";
import { Library } from "../library/library.ts";
import { adapterLength } from "../adapters/new-adapter.ts";
import { lockState } from "../library/lock/lock.ts";
import { allStates, manifestPath } from "../library/manifest/manifest.ts";
import { isForeign, isLeftover } from "../library/names.ts";
import { hasEnded, readSnapshot, snapshotPath } from "../library/run/run-snapshot.ts";
import { blobsOf, type AdapterEntry } from "../library/manifest/state.ts";
import { findUnfinishedRun, type UnfinishedRun } from "../library/run/unfinished-run.ts";
import { identifyModel, isModelOf } from "../library/model/model-fingerprint.ts";

import type { Watched } from "./operation.ts";
import type { Session } from "./session.ts";

export type { Finding } from "../library/blob-checks.ts";

export interface VerifyReport {
  /** What is damaged, missing or not what the manifest says, in the current state and in those that are kept. */
  readonly faults: readonly Finding[];
  /** What killed processes left behind: harmless, and cleared away by the next command that changes the library. */
  readonly leftovers: readonly Finding[];
  /** What others put into the library's folder: no command reads it, changes it or removes it. */
  readonly foreign: readonly Finding[];
  /**
   * Whether shapes were compared with the model: not if it cannot be read where the library says, or is another one.
   */
  readonly model: "checked" | "unreadable" | "another";
  /** The run that the next `learn` can go on with. */
  readonly unfinishedRun?: UnfinishedRun;
  /** Files that were hashed. */
  readonly blobs: number;
}

/**
 * Hashes every file of a library again and compares it with the manifest. No lock is needed: when the library is
 * changed meanwhile, the look begins again.
 *
 * @throws KeepsakeError if the folder holds no library; the signal's reason when aborted
 */
export async function verifyLibrary(session: Session, { signal }: Watched<never> = {}): Promise<VerifyReport> {
  const { folder } = session;
  for (;;) {
    const library = await openOrFault(folder);
    if (!(library instanceof Library))
      return { faults: [library], leftovers: [], foreign: [], model: "unreadable", blobs: 0 };
    const report = await look(session, library, signal);
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

async function look(session: Session, library: Library, signal: AbortSignal | undefined): Promise<VerifyReport> {
  const { folder, manifest } = library;
  const blobs = new BlobStore(folder);
  const states = allStates(manifest);
  const lock = await lookAtLock(folder);
  const { model, needs } = await lookAtModel(session, library);
  const { faults, count } = await checkBlobs(blobs, states, needs, signal);
  const run = await lookAtRun(library);
  const others = await lookAtOthers(folder, blobs, new Set(states.flatMap(blobsOf)));
  const leftovers = [
    ...run.leftovers,
    ...(lock.state === "dead" ? [{ file: join(folder, "lock"), fault: "its owner is dead" }] : []),
    ...others.leftovers,
  ];
  const found = [...faults, ...lock.faults, ...others.faults];
  // While somebody is at work there, such files are no leftovers, and the snapshot may be replaced as it is read.
  const isInUse = lock.state === "held" || (await lookAtLock(folder)).state === "held";
  return {
    faults: isInUse ? found : [...found, ...run.faults],
    leftovers: isInUse ? [] : leftovers,
    foreign: others.foreign,
    model,
    ...(run.unfinishedRun && { unfinishedRun: run.unfinishedRun }),
    blobs: count,
  };
}

/** The model is no part of the library: that it cannot be read is no fault of it. */
async function lookAtModel(
  session: Session,
  library: Library,
): Promise<{ model: VerifyReport["model"]; needs?: ModelNeeds }> {
  try {
    const { pipeline } = await session.load(library);
    if (!isModelOf(library, await identifyModel(pipeline))) return { model: "another" };
    const lengths = new Map<string, number>();
    const lengthOf = (adapter: AdapterEntry) => {
      const key = `${adapter.kind ?? ""} ${adapter.rank} ${adapter.targets}`;
      const length = lengths.get(key) ?? adapterLength(pipeline, adapter);
      lengths.set(key, length);
      return length;
    };
    return { model: "checked", needs: { adapterLength: lengthOf, width: pipeline.text.width } };
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

async function lookAtLock(folder: string): Promise<{ state?: "free" | "held" | "dead"; faults: Finding[] }> {
  try {
    return { state: await lockState(folder), faults: [] };
  } catch (error) {
    const file = join(folder, "lock");
    return { faults: [{ file, fault: faultIn(file, error) }] };
  }
}

/** What is in the folders and no part of any state. */
async function lookAtOthers(
  folder: string,
  blobs: BlobStore,
  needed: ReadonlySet<string>,
): Promise<Pick<VerifyReport, "faults" | "leftovers" | "foreign">> {
  const faults: Finding[] = [];
  const found = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    faults.push({ file: folder, fault: faultIn(folder, describeReadError(folder, error)) });
    return [];
  });
  const entries = found.sort((a, b) => (a.name < b.name ? -1 : 1));
  const isCutOff = (entry: Dirent) => entry.isFile() && isLeftover(entry.name);
  const inFolder = (which: (entry: Dirent) => boolean) => entries.filter(which).map(({ name }) => join(folder, name));
  const leftovers = inFolder(isCutOff).map((file) => ({ file, fault: "a write that was cut off" }));
  const foreign = inFolder((entry) => !isCutOff(entry) && !PARTS.has(entry.name) && isForeign(entry.name));
  const others = await blobs.others(needed).catch((error: unknown) => {
    const file = join(folder, "blobs");
    faults.push({ file, fault: faultIn(file, error) });
    return { unneeded: [], foreign: [] };
  });
  return {
    faults,
    leftovers: [...leftovers, ...others.unneeded.map((file) => ({ file, fault: "no state needs this file" }))],
    foreign: [...foreign, ...others.foreign].map((file) => ({ file, fault: "not the library's" })),
  };
}

/** What the folder of a library may hold. */
const PARTS: ReadonlySet<string> = new Set(["library.json", "blobs", "lock", "run.safetensors"]);
