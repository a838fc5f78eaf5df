/**
 * @file `keepsake forget`: a thin shell over `Keepsake.forget` and `Keepsake.unlearn`.
 */
import { Command } from "commander";
import type { UnlearnResult } from "../../../keepsake/unlearn-concept.ts";
import { DEFAULT_UNLEARNING } from "../../../keepsake/unlearning.ts";
import { KeepsakeError } from "../../../errors.ts";
import type { Provider } from "../../../graph/index.ts";
import { stopSignal } from "../../exit.ts";
import { LIMITS } from "../../../limits.ts";
import { provider, threads, trainingSeed, wholeNumber } from "../../options.ts";
import { Output, TimeLeft } from "../../output.ts";
import { formatDuration } from "../../../units.ts";
import { DEFAULT_LIBRARY, withKeepsake, type ModelOptions, withModelOptions } from "../shared.ts";

interface ForgetOptions extends ModelOptions {
  readonly library: string;
  readonly purge: boolean;
  readonly unlearn: boolean;
  readonly steps?: number;
  readonly seed?: number;
  readonly provider?: Provider;
  readonly threads?: number;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake forget mug
  keepsake forget mug --purge
  keepsake forget mug --unlearn
  keepsake undo

Its token and name leave the current state. Other states that are kept still hold it, so that it can be undone.

--purge deletes those states for good, whatever the concept was called in them, and every name that it had. Where a name
was begun several times, and nothing tells one beginning from another, all of them go. If the concept has another name
now, its old name goes and the states in which it had that; the concept stays. The name of an unfinished run gives that
run up; a concept that the run was teaching further (learn --more or --replace) stays as it was.

What goes is the token. The adapter is shared by all concepts: it was trained on this one and keeps traces of it, from
which pictures of its kind may still take something. They are gone when the last concept is forgotten, for then the
adapter goes too, or when you return to a state from before it was learned ("keepsake undo --to"). The photos were never
kept.

With --unlearn the adapter is trained too, without any photo: on drawings of the thing that the model makes for it, its
token is made to mean no more than its class noun does to the model alone, while the other things' tokens are held where
they were. How far that went is measured and said. It is no proof that nothing is left. Ctrl-C leaves the library as it
was; undo takes it back.

The sheet of previews beside the library may show it, and is deleted unless only an old name goes. Where you had
pictures and sheets written (--previews, -o) is not recorded: those are yours to delete.`;

export function forgetCommand(): Command {
  return withModelOptions(
    new Command("forget")
      .summary("remove a concept from the library")
      .description("Remove a concept from the library: its token goes.")
      .argument("<name>", "what it is called, with or without angle brackets")
      .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY)
      .option("--purge", "also delete every other state that holds it, and all its names; cannot be undone", false)
      .option("--unlearn", "also train the adapter until the token means no more than its class noun", false)
      .option(
        "--steps <n>",
        `optimiser steps of --unlearn (default: ${DEFAULT_UNLEARNING.steps})`,
        wholeNumber(LIMITS.steps),
      )
      .option("--seed <n>", `of --unlearn: same seed, same result (default: ${DEFAULT_UNLEARNING.seed})`, trainingSeed),
    "the library's model, if it has moved",
    "of --unlearn: ",
  )
    .option("--provider <name>", "of --unlearn: cpu, webgpu, cuda, dml, coreml (default: cpu)", provider)
    .option("--threads <n>", "of --unlearn: processor threads (default: one for each core)", threads)
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(forget);
}

async function forget(name: string, options: ForgetOptions): Promise<void> {
  const output = new Output(options);
  const result = options.unlearn ? await unlearn(name, options, output) : await plainly(name, options);
  const elsewhere = options.purge && result.remains !== "concept" ? PICTURES_ELSEWHERE : "";
  const text = [
    whatWent(result),
    whatWasUnlearned(result, options),
    whatIsLeft(result),
    whatElseHadTheName(result),
    whatIsBeside(result),
    elsewhere,
  ];
  output.result(text.filter((line) => line !== "").join("\n"), result);
}

/** @throws KeepsakeError ("usage") for options of --unlearn */
function plainly(name: string, { library, purge, ...options }: ForgetOptions) {
  const { steps, seed, model, vae, config, predictionType, family, provider, threads } = options;
  const ofUnlearn = {
    ...{ steps, seed, model, vae, config, "prediction-type": predictionType, family },
    ...{ provider, threads },
  };
  const given = Object.entries(ofUnlearn).find(([, value]) => value !== undefined);
  if (given === undefined) return withKeepsake({ library }, (keepsake) => keepsake.forget({ name, purge }));
  throw new KeepsakeError("usage", `--${given[0]} is an option of --unlearn; without it nothing is trained.`);
}

async function unlearn(name: string, options: ForgetOptions, output: Output): Promise<UnlearnResult> {
  const { library, purge, steps, seed } = options;
  const timeLeft = new TimeLeft();
  return withKeepsake(options, async (keepsake) => {
    const signal = stopSignal();
    try {
      return await keepsake.unlearn({
        ...{ name, purge, steps, seed, signal },
        onProgress: ({ step, steps: all }) => {
          const left = timeLeft.after(step, all);
          const rest = left === undefined ? "" : `, ${formatDuration(left)} left`;
          output.progress(`step ${step}/${all}${rest}`, step === all || step % Math.ceil(all / 10) === 0);
        },
      });
    } catch (error) {
      if (signal.aborted && error === signal.reason) output.info(`${library} is as it was`);
      throw error;
    }
  });
}

function whatWent({ name, forgot, heldBy, purged }: UnlearnResult): string {
  switch (forgot) {
    case "run":
      return `Gave up the unfinished run of <${name}>.`;
    case "earlier":
      if (purged === 0) return `No state that is kept knew <${name}>; the name is deleted from the history.`;
      return `The current state did not know <${name}>; ${states(purged)} deleted.`;
    case "concept":
      if (purged > 0) return `Forgot <${name}>; ${states(purged)} deleted.`;
      if (heldBy === 0) return `Forgot <${name}>; no other state holds it.`;
      return `Forgot <${name}>. ${held(heldBy)} it and can bring it back (undo); --purge deletes such states.`;
  }
}

function whatWasUnlearned({ name, forgot, unlearned }: UnlearnResult, { unlearn: asked }: ForgetOptions): string {
  if (unlearned === undefined)
    return asked && forgot === "concept" ? "There was no need to train: the adapter is gone." : "";
  const { steps, distance, drift } = unlearned;
  const drawn = `Mean squared distance between what the model predicts for <${name}> and what it predicts without adapter for its class noun`;
  const fell = `${drawn}: ${distance.before.toPrecision(3)} before, ${distance.after.toPrecision(3)} after ${steps} steps.`;
  return `${fell}\nThe predictions for the other things moved by ${drift.toPrecision(3)}.`;
}

function whatIsLeft({ name, forgot, remains, knownAs, unlearned }: UnlearnResult): string {
  if (knownAs !== undefined && remains === "concept") {
    return `That was an old name: the library still knows it as <${knownAs}>.`;
  }
  if (remains === "concept") return `The library still knows <${name}>, as it was before the run.`;
  if (forgot === "run") return "";
  switch (remains) {
    case "nothing":
      return "The adapter holds nothing of it.";
    case "adapter":
      return unlearned === undefined
        ? "The adapter, which all concepts share, was trained on it and keeps traces of it."
        : "That is a measure on drawings, no proof: the adapter was trained on its photos and may keep traces of it.";
    case "unknown":
      return `The adapter keeps traces of it if <${name}> was learned before the current state.`;
  }
}

function whatElseHadTheName({ remains, knownAs }: UnlearnResult): string {
  if (knownAs === undefined || remains === "concept") return "";
  return `It was an old name of <${knownAs}>, too, which the library still knows.`;
}

function whatIsBeside({ leftBeside }: UnlearnResult): string {
  return leftBeside === undefined ? "" : `${leftBeside} is left: Keepsake did not draw it.`;
}

/** A library does not record where they are. */
const PICTURES_ELSEWHERE =
  "Pictures of it, and preview sheets that you had written elsewhere (--previews, -o), may still show it: delete them yourself.";

function states(count: number): string {
  return count === 1 ? "1 other state" : `${count} other states`;
}

function held(count: number): string {
  return count === 1 ? "1 other state still holds" : `${count} other states still hold`;
}
