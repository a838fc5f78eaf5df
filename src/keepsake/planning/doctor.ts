/**
 * @file Whether Keepsake can work here: versions, processor, speed, memory, disk, what fits them, and the library's
 * health.
 */
import { totalmem } from "node:os";
import { resolve } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import type { Library } from "../../library/library.ts";
import { ownVersion } from "../../own-version.ts";
import { PROVIDERS, type Provider } from "../../graph/index.ts";
import { listProviders, onnxRuntimeVersion } from "../../graph/onnx-runtime.ts";
import { availableMemory } from "../../io/available-memory.ts";
import { freeDisk } from "../../io/free-disk.ts";
import { sharpVersion } from "../../io/images/image.ts";
import { processor, type Processor } from "../../io/processor.ts";
import { formatBytes } from "../../units.ts";
import type { Session } from "../session.ts";
import { verifyLibrary } from "../verify.ts";
import type { MachineSpeed } from "../../diffusion/machine-speed.ts";
import { machineSpeed } from "./measured-speed.ts";
import { whatFitsBuiltIn } from "./built-in-fits.ts";
import { whatFits, type FittingModel } from "./what-fits.ts";

/** What there is to know of the machine and the library. Bytes, and operations in a second. */
export interface DoctorReport {
  /** Those that can be loaded. */
  readonly versions: Readonly<Partial<Record<"keepsake" | "node" | "onnxruntime" | "sharp", string>>>;
  /** Execution providers that can be asked for and that ONNX Runtime was built with here. */
  readonly providers: readonly Provider[];
  readonly processor: Processor;
  /** Absent if it cannot be measured. */
  readonly speed?: MachineSpeed;
  readonly memory: { readonly free: number; readonly total: number };
  readonly disk: { readonly free?: number };
  readonly fits: readonly FittingModel[];
  /** Absent if there is none. */
  readonly library?: LibraryHealth;
  /** What prevents work; none if all is well. */
  readonly problems: readonly Problem[];
}

export interface LibraryHealth {
  readonly folder: string;
  /** Its model's; absent if that is not there. */
  readonly family?: string;
  readonly concepts: number;
  /** Files that are damaged or missing. */
  readonly faults: number;
  /** The concept of an unfinished run. */
  readonly unfinishedRun?: string;
}

export interface Problem {
  /** Of the machine, or of the library. */
  readonly kind: "environment" | "state";
  readonly message: string;
}

/** The built-in model learns and draws in so much memory, and a concept takes so much room on the disk. */
const LEAST_MEMORY = 400_000_000;
const LEAST_DISK = 50_000_000;

/** Looks the machine and the library over. Nothing is written, and no connection is opened. */
export async function examine(session: Session): Promise<DoctorReport> {
  const problems: Problem[] = [];
  const attempt = async <Result>(work: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof KeepsakeError)) throw error;
      problems.push({ kind: error.kind === "state" ? "state" : "environment", message: error.message });
      return undefined;
    }
  };
  const onnxruntime = await attempt(onnxRuntimeVersion);
  const sharp = await attempt(sharpVersion);
  const { memory: free } = availableMemory();
  const room = await freeDisk(session.folder);
  const speed = onnxruntime === undefined ? undefined : await attempt(() => machineSpeed(session.program));
  const builtIn = speed === undefined ? undefined : await attempt(() => whatFitsBuiltIn(session.program, free));
  if (free < LEAST_MEMORY) problems.push(tooLittle("memory", free, LEAST_MEMORY, "close other programs"));
  if (room !== undefined && room < LEAST_DISK) {
    problems.push(tooLittle(`room on the disk of ${session.folder}`, room, LEAST_DISK, "free some"));
  }
  const library = await attempt(() => healthOf(session));
  if (library !== undefined && library.faults > 0) {
    const advice = 'see "keepsake verify", and restore it from a backup or undo to a whole state';
    problems.push({ kind: "state", message: `${session.folder} is damaged: ${advice}.` });
  }
  return {
    versions: {
      ...{ keepsake: ownVersion(), node: process.versions.node },
      ...(onnxruntime !== undefined && { onnxruntime }),
      ...(sharp !== undefined && { sharp }),
    },
    providers: onnxruntime === undefined ? [] : await usableProviders(),
    processor: processor(),
    ...(speed !== undefined && { speed }),
    memory: { free, total: totalmem() },
    disk: { ...(room !== undefined && { free: room }) },
    fits: speed === undefined ? [] : [...(builtIn === undefined ? [] : [builtIn]), ...whatFits(speed, free)],
    ...(library !== undefined && { library }),
    problems,
  };
}

/** ONNX Runtime was built with more than Keepsake has been tried with. */
async function usableProviders(): Promise<Provider[]> {
  const built = await listProviders();
  return PROVIDERS.filter((name) => built.includes(name));
}

function tooLittle(what: string, bytes: number, least: number, advice: string): Problem {
  const fault = `There is too little ${what}: ${formatBytes(bytes)}, at least ${formatBytes(least)} are needed`;
  return { kind: "environment", message: `${fault}; ${advice}.` };
}

async function healthOf(session: Session): Promise<LibraryHealth | undefined> {
  const library = await session.library();
  if (library === undefined) return undefined;
  const { faults, unfinishedRun } = await verifyLibrary(session);
  const family = await titleOfModel(session, library);
  return {
    folder: resolve(session.folder),
    ...(family !== undefined && { family }),
    concepts: library.concepts.length,
    faults: faults.length,
    ...(unfinishedRun !== undefined && { unfinishedRun: unfinishedRun.concept }),
  };
}

/** Faults of the model are among those of the library. */
async function titleOfModel(session: Session, library: Library): Promise<string | undefined> {
  try {
    return (await session.load(library)).pipeline.family.title;
  } catch (error) {
    if (error instanceof KeepsakeError) return undefined;
    throw error;
  }
}
