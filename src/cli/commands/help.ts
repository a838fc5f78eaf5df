/**
 * @file `keepsake help`: that of a command, or of all. Commander's own answers an unknown name with everything, and no
 * word about it.
 */
import { Command } from "commander";
import { KeepsakeError } from "../../errors.ts";
import { didYouMean } from "../../prompts/nearest.ts";

/** @param program - holds the commands */
export function helpCommand(program: Command): Command {
  return new Command("help")
    .description("display help for command")
    .argument("[command]", "one command")
    .helpOption(false)
    .action((name?: string) => {
      if (name === undefined) program.help();
      const command = program.commands.find((candidate) => candidate.name() === name);
      if (command !== undefined) command.help();
      const names = program.commands.map((candidate) => candidate.name());
      throw new KeepsakeError("usage", `unknown command '${name}'${didYouMean(name, names) || "; see keepsake help"}`);
    });
}
