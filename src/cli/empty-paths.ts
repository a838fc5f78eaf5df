/**
 * @file An empty path, as of a variable that is not set (`--library "$LIBRARY"`). The system takes it for the current
 * folder, which nobody has meant.
 */
import type { Command } from "commander";
import { KeepsakeError } from "../errors.ts";

/** Arguments that are paths; of options, what stands for their value says so. */
const PATHS: ReadonlySet<string> = new Set(["folder", "file", "path", "photos", "image"]);

/**
 * @throws KeepsakeError ("usage") naming the first option or argument of a command that is to be a path and is empty
 */
export function refuseEmptyPaths(command: Command): void {
  for (const option of command.options) {
    const [, kind = ""] = /<(\w+)>/.exec(option.flags) ?? [];
    if (PATHS.has(kind) && command.getOptionValue(option.attributeName()) === "") {
      throw new KeepsakeError("usage", `${option.long} is empty; give it a ${kind}, or leave it out.`);
    }
  }
  for (const [index, argument] of command.registeredArguments.entries()) {
    const given: unknown = command.processedArgs[index];
    const values: readonly unknown[] = Array.isArray(given) ? given : [given];
    if (!PATHS.has(argument.name()) || !values.includes("")) continue;
    throw new KeepsakeError("usage", `An argument of ${command.name()} is empty; name a file or a folder.`);
  }
}
