/**
 * @file `keepsake learn-all`: a thin shell over `Keepsake.learnAll`.
 */
import { Command } from "commander";
import type { Thing } from "../../../keepsake/learn-all.ts";
import { KeepsakeError } from "../../../errors.ts";
import { INTERRUPTED, stopSignal } from "../../exit.ts";
import { duration } from "../../options.ts";
import { Output } from "../../output.ts";
import { withKeepsake } from "../shared.ts";
import { learningRequest, withLearningOptions, type LearningOptions } from "./learn-options.ts";
import { ABOUT_PREVIEWS, describeLearned, reportLearning, wasStopped } from "./learn-report.ts";

const EXAMPLES = `
Examples:
  keepsake learn-all mochi:cat=./photos/mochi tilda:teapot=./photos/tilda
  keepsake learn-all mochi:cat=./photos/mochi tilda:teapot=./photos/tilda --budget 30m
  keepsake learn-all rex:dog=./rex "mug:coffee mug=./mug" --strategy ewc-dc --library my-library

Each thing is given as name:class=photos, photos being a folder or one photo, and is learned as by "keepsake learn" with
the same options, but for --plan, --more, --replace and --validation. Each is a change of its own, so "keepsake undo"
takes them back one by one. All photos are looked at before the first thing is learned. What the library knows already
is skipped: after Ctrl-C, a kill or a power cut the same command goes on, and ends in the same bytes. A budget is shared
out over the things that are still to be learned.

${ABOUT_PREVIEWS}`;

export function learnAllCommand(): Command {
  const command = new Command("learn-all")
    .summary("teach the model several concepts, one after another")
    .description("Teach the model several concepts, one after another, each from 4-10 photos of it.")
    .argument("<thing...>", "name:class=photos, e.g. mochi:cat=./photos/mochi")
    .option("--budget <time>", "choose the steps so that all are learned in it, e.g. 30m, 2h", duration);
  return withLearningOptions(command).addHelpText("after", EXAMPLES).action(learnThings);
}

interface LearnAllOptions extends LearningOptions {
  readonly budget?: number;
}

async function learnThings(things: string[], options: LearnAllOptions): Promise<void> {
  const output = new Output(options);
  const { budget } = options;
  const request = { ...learningRequest(options), things: things.map(parseThing), budget };
  const onProgress = reportLearning(output);
  const results = await withKeepsake(options, (keepsake) =>
    keepsake.learnAll({ ...request, signal: stopSignal(), onProgress }),
  );
  const rest = things.length - results.length;
  const untouched = rest === 0 ? [] : [`Not begun: ${rest}. The same command goes on from there.`];
  output.result(
    [...results.map((result) => describeLearned(result, options.library)), ...untouched].join("\n"),
    results,
  );
  if (rest > 0 || results.some(wasStopped)) process.exitCode = INTERRUPTED;
}

/**
 * A name holds no colon, so the first one ends it; a class noun holds no equals sign, so the photos may lie anywhere.
 */
function parseThing(text: string): Thing {
  const parts = /^([^:=]*):([^=]*)=(.+)$/s.exec(text);
  if (parts === null) {
    const example = "mochi:cat=./photos/mochi";
    throw new KeepsakeError("usage", `"${text}" does not say what to learn: write name:class=photos, e.g. ${example}.`);
  }
  const [, name, classNoun, photos] = parts;
  return { name, classNoun, photos: [photos] };
}
