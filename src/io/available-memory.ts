/**
 * @file How much memory this process can still get.
 */
import { readFileSync } from "node:fs";
import { freemem, totalmem } from "node:os";

/** In bytes; Infinity where there is no limit, or none that is known. */
export interface AvailableMemory {
  /** What can be taken before others suffer: free, or held by caches, or on the swap. */
  readonly memory: number;
  /** What may still be mapped, memory or file (RLIMIT_AS, the shell's `ulimit -v`). */
  readonly addressSpace: number;
}

/**
 * What the system, a container's limit and the shell's leave. Where the system does not say it well, all the memory
 * that there is.
 */
export function availableMemory(): AvailableMemory {
  return { memory: Math.min(systemMemory(), containerMemory()), addressSpace: addressSpace() };
}

function systemMemory(): number {
  if (process.platform === "linux") {
    const facts = readText("/proc/meminfo");
    const available = kibibytes(facts, "MemAvailable");
    if (available !== undefined) return available + (kibibytes(facts, "SwapFree") ?? 0);
  }
  // What macOS calls free is what no program has touched since the start: close to nothing, on a machine at rest.
  return process.platform === "win32" || process.platform === "linux" ? freemem() : totalmem();
}

/** Of a container's memory only our own part is known: to count its file cache as taken would refuse what fits. */
function containerMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? Math.max(0, limit - process.memoryUsage.rss()) : Infinity;
}

function addressSpace(): number {
  const limit = /^Max address space +(\d+)/m.exec(readText("/proc/self/limits"))?.[1];
  if (limit === undefined) return Infinity;
  return Math.max(0, Number(limit) - (kibibytes(readText("/proc/self/status"), "VmSize") ?? 0));
}

/** The kernel's "kB" are kibibytes. */
function kibibytes(facts: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(facts)?.[1];
  return found === undefined ? undefined : Number(found) * 1024;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Another system than Linux.
    return "";
  }
}
