/**
 * @file Who holds a lock, and whether that very process is still there. A number alone does not tell: numbers are used
 * again, and another container or machine counts its own.
 */
import { lstat, readFile, readlink } from "node:fs/promises";
import { hostname, uptime } from "node:os";
import { KeepsakeError } from "../../errors.ts";
import { describeReadError } from "../../io/read-file.ts";

export interface Owner {
  /** 16 hexadecimal digits, never used twice. */
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  readonly command: string;
  /** Absent: the lock was written by an earlier version, or is damaged. */
  readonly origin?: Origin;
}

/** What makes a process number mean one process. */
export interface Origin {
  /** Of the running kernel: its boot id on Linux; elsewhere when it was started, in seconds since 1970. */
  readonly boot: string | number;
  /** On Linux the namespaces of process numbers and of clocks; processes in other ones cannot be asked. */
  readonly namespaces: string;
  /** When the process was started, in the kernel's own count; empty: unknown. */
  readonly started: string;
  /** Whether the owner touches the lock again and again (see heartbeat.ts). */
  readonly beats: boolean;
}

/** The owner of a lock that holds nothing: after a power cut, or because it is being written just now. */
export const NOBODY = "0".repeat(16);

/** More than a lock can have. */
const MAX_SIZE = 4096;

/** Of clocks that are set now and then, in seconds. */
const BOOT_TOLERANCE = 60;

/** The text of a lock. Its first four lines are what earlier versions wrote. */
export function formatOwner({ id, pid, host, command, origin }: Owner): string {
  return [id, pid, host, command.replace(/\s+/g, " "), JSON.stringify(origin), ""].join("\n");
}

/**
 * Reads a lock.
 *
 * @returns undefined if there is none
 * @throws KeepsakeError if something else has its name
 */
export async function readOwner(path: string): Promise<Owner | undefined> {
  const status = await lstat(path).catch((error: unknown) => {
    ignoreMissing(path, error);
  });
  if (status === undefined) return undefined;
  // A pipe would never end, and a link may lead anywhere.
  if (!status.isFile()) throw notALock(path, status.isDirectory() ? "a folder" : "a link, a pipe or a device");
  if (status.size > MAX_SIZE) throw notALock(path, "a file of something else");
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    ignoreMissing(path, error);
  });
  if (text === undefined) return undefined;
  const [id = "", pid = "", host = "", command, origin = ""] = text.split("\n");
  if (/^[0-9a-f]{16}$/.test(id) && /^[1-9]\d{0,9}$/.test(pid) && command !== undefined) {
    const known = parseOrigin(origin);
    return { id, pid: Number(pid), host, command, origin: known };
  }
  // A power cut may leave it empty, cut off or filled with zeros.
  if (!/^[0-9a-f]{0,16}(\n\d{0,10}(\n.*)?)?$/.test(text.replaceAll("\0", "")))
    throw notALock(path, "a file of something else");
  return { id: NOBODY, pid: process.pid, host: hostname(), command: "" };
}

/** What is known of this process. */
export async function ownOrigin(): Promise<Omit<Origin, "beats">> {
  const [boot, pids, clocks] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => undefined),
    readlink("/proc/self/ns/pid").catch(() => ""),
    readlink("/proc/self/ns/time").catch(() => ""),
  ]);
  return {
    boot: boot?.trim() ?? Math.round(Date.now() / 1000 - uptime()),
    namespaces: `${pids} ${clocks}`,
    started: (await findProcess(process.pid))?.started ?? "",
  };
}

/**
 * Whether the process that wrote a lock is still there.
 *
 * @returns `unknown` if it cannot be asked: it is in another container or machine, or a part of this process
 */
export async function askOwner({ pid, host, origin }: Owner): Promise<"alive" | "dead" | "unknown"> {
  if (origin === undefined) {
    if (host !== hostname()) return "unknown";
    // What this process holds it knows; this number was that of a process before a restart.
    return pid === process.pid ? "dead" : askProcess(pid, "");
  }
  const own = await ownOrigin();
  if (!isSameBoot(origin.boot, own.boot, host) || origin.namespaces !== own.namespaces) return "unknown";
  if (pid === process.pid && origin.started === own.started) return "unknown";
  return askProcess(pid, origin.started);
}

function isSameBoot(boot: string | number, own: string | number, host: string): boolean {
  if (typeof boot === "string" || typeof own === "string") return boot === own;
  return host === hostname() && Math.abs(boot - own) <= BOOT_TOLERANCE;
}

async function askProcess(pid: number, started: string): Promise<"alive" | "dead"> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if (!isCode(error, "EPERM")) return "dead";
  }
  const found = await findProcess(pid);
  if (found === undefined) return "alive";
  const isAnother = started !== "" && found.started !== started;
  return isAnother || found.isZombie ? "dead" : "alive";
}

/** @returns undefined where the system does not tell */
async function findProcess(pid: number): Promise<{ started: string; isZombie: boolean } | undefined> {
  // In a container that sees the /proc of another one the numbers there are not those that we know.
  if ((await readlink("/proc/self").catch(() => "")) !== String(process.pid)) return undefined;
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The second field, a name in brackets, may hold brackets and spaces; the third is the state, the 20th the number of
  // threads, the 22nd the start.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, threads, started] = [fields?.[0], fields?.[17], fields?.[19]];
  if (state === undefined || started === undefined) return undefined;
  // The state is that of the first thread. Of a process that is killed others may still end a write or a renaming.
  return { started, isZombie: (state === "Z" || state === "X") && Number(threads) <= 1 };
}

function parseOrigin(text: string): Origin | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!("boot" in value && "namespaces" in value && "started" in value && "beats" in value)) return undefined;
  const { boot, namespaces, started, beats } = value;
  if (typeof boot !== "string" && typeof boot !== "number") return undefined;
  if (typeof namespaces !== "string" || typeof started !== "string" || typeof beats !== "boolean") return undefined;
  return { boot, namespaces, started, beats };
}

function notALock(path: string, what: string): KeepsakeError {
  return new KeepsakeError(
    "state",
    `${path}: this is ${what}, and no lock of Keepsake; move it elsewhere or delete it.`,
  );
}

function ignoreMissing(path: string, error: unknown): undefined {
  if (!isCode(error, "ENOENT")) throw describeReadError(path, error);
}

export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
