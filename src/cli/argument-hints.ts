/**
 * @file What to type instead, where a command is given too few arguments or too many.
 */
import type { Command } from "commander";
import { shellQuote } from "../shell.ts";

/** A call of each command that needs arguments. */
const EXAMPLES: Readonly<Record<string, string>> = {
  learn: "keepsake learn mochi ./photos/mochi --class cat",
  "learn-all": "keepsake learn-all mochi:cat=./photos/mochi mug:mug=./photos/mug",
  generate: 'keepsake generate "a cat on the beach"',
  classify: "keepsake classify photo.jpg",
  export: "keepsake export pets.safetensors",
  import: "keepsake import mochi.safetensors --class cat",
  forget: "keepsake forget mug",
  pull: "keepsake pull stable-diffusion-v1-5/stable-diffusion-v1-5",
};

/** Adds to the message of an error of Commander's what to type. */
export function withHint(message: string, command: Command): string {
  const example = EXAMPLES[command.name()];
  if (message.startsWith("missing required argument") && example !== undefined) {
    return `${message}; for example: ${example}`;
  }
  if (message.startsWith("too many arguments")) {
    return `${message.replace(/\.$/, "")}; ${insteadOf(command.name(), command.args)}`;
  }
  return message;
}

function insteadOf(command: string, words: readonly string[]): string {
  const [first = ""] = words;
  switch (command) {
    case "generate":
      return `put the prompt in quotes: keepsake generate ${shellQuote(words.join(" "))}`;
    case "forget":
      return `one thing is forgotten at a time: keepsake forget ${shellQuote(first)}`;
    case "help":
    case "init":
    case "pull":
    case "strategies":
      return `it takes one: keepsake ${command} ${shellQuote(first)}`;
    case "undo":
      if (/^[0-9a-f]{4,}$/.test(first)) return `to return to a state: keepsake undo --to ${first}`;
  }
  return `name a library with --library: keepsake ${command} --library ${shellQuote(first)}`;
}
