/**
 * @file Which names in a library's folder are ours. Nothing else is ever removed.
 */
import { isLockLeftover } from "./lock/lock.ts";

/** Whether a file is named as those are that become another file when they are whole. */
export function isTemporary(name: string): boolean {
  return /^\.keepsake-[0-9a-f]{16}\.tmp$/.test(name);
}

/** Whether a file in a library's folder was left half-written by a killed process, if nobody is at work there. */
export function isLeftover(name: string): boolean {
  return isLockLeftover(name) || isTemporary(name);
}

/** What systems put into folders by themselves. */
const OF_SYSTEMS: ReadonlySet<string> = new Set([
  ...[".DS_Store", ".localized", ".Spotlight-V100", ".Trashes", ".fseventsd"],
  ...["Thumbs.db", "desktop.ini", "$RECYCLE.BIN", "System Volume Information", "lost+found"],
]);

/** Whether a file that is not ours belongs to a person or another program. */
export function isForeign(name: string): boolean {
  return !OF_SYSTEMS.has(name) && !name.startsWith("._");
}
