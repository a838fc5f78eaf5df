/**
 * @file Packages with native code: they are loaded when they are first needed, and may fail to load on a machine on
 * which the rest runs.
 */
import { KeepsakeError } from "./errors.ts";

/** What the system's loader says when there is no room for a library in memory. */
const SHORTAGE = /map segment|cannot allocate|not enough memory|paging file/i;

/**
 * Loads a package with native code.
 *
 * @param name - as npm calls it
 * @throws KeepsakeError ("environment") in one line if it cannot be loaded
 */
export async function loadNativePackage<Package>(name: string, load: () => Promise<Package>): Promise<Package> {
  try {
    return await load();
  } catch (cause) {
    const lines = cause instanceof Error ? cause.message.split("\n") : [String(cause)];
    const shortage = lines.find((line) => SHORTAGE.test(line));
    const fault =
      shortage === undefined
        ? `The package ${name} cannot be loaded on this machine: ${lines[0]}; install Keepsake anew on it`
        : `There is too little free memory to load ${name} (${shortage.trim()}); close other programs`;
    throw new KeepsakeError("environment", `${fault}.`, { cause });
  }
}
