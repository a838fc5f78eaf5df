/**
 * @file What several commands have in common.
 */
import { Option, type Command } from "commander";
import { CHECKPOINT_FAMILIES, type FamilyName } from "../../diffusion/family/families.ts";
import type { PredictionType } from "../../diffusion/schedulers/index.ts";
import type { Provider } from "../../graph/index.ts";
import type { Keepsake } from "../../keepsake/keepsake.ts";
import { builtInNouns } from "../../library/model/model-profile.ts";
import type { UnfinishedRun } from "../../library/run/unfinished-run.ts";
import { shellPath } from "../../shell.ts";
import { modelOnDisk } from "../hub-model.ts";

/** Where concepts are kept unless --library says otherwise. */
export const DEFAULT_LIBRARY = "keepsake-library";

/** What commands say of the model that they work on. */
export interface ModelOptions {
  readonly model?: string;
  readonly vae?: string;
  readonly config?: string;
  readonly predictionType?: PredictionType;
  readonly family?: FamilyName;
  /** Whether a model of the hub that is not in the cache is downloaded without asking. */
  readonly yes?: boolean;
}

/** Help for --model of commands that may begin with a model. */
export const MODEL_TO_BEGIN_WITH =
  "checkpoint: a folder in the diffusers layout, a .safetensors file, or <owner>/<name> of the Hugging Face Hub";

/**
 * Adds the options that name a model.
 *
 * @param model - help for --model
 * @param part - what the help of each begins with, if the options are of a part of the command only
 */
export function withModelOptions(command: Command, model: string, part = ""): Command {
  return command
    .option("--model <path>", `${part}${model}`)
    .option("--vae <path>", `${part}another VAE than the checkpoint's: a file, or a folder with its config`)
    .option("--config <folder>", `${part}configs for a single file of unusual size, in the diffusers layout`)
    .addOption(
      new Option("--prediction-type <name>", `${part}what the model predicts, if its file does not say`).choices([
        "epsilon",
        "v_prediction",
      ]),
    )
    .addOption(
      new Option(
        "--family <name>",
        `${part}which kind of model it is, if its defaults for drawing are not right`,
      ).choices(CHECKPOINT_FAMILIES),
    )
    .option("--yes", `${part}download a model of the Hugging Face Hub without asking`);
}

/** What commands say of the library that they work on. */
export interface LibraryOptions extends ModelOptions {
  readonly library: string;
  readonly provider?: Provider;
  readonly threads?: number;
}

/**
 * Works on a library, and frees what that took. The facade is loaded here, not with the command: help and mistakes in a
 * command line need none of it.
 *
 * @param create - whether there may be no library yet
 */
export async function withKeepsake<Result>(
  { library, model, vae, config, predictionType, family, yes = false, provider, threads }: LibraryOptions,
  work: (keepsake: Keepsake) => Promise<Result>,
  create = true,
): Promise<Result> {
  const { Keepsake } = await import("../../keepsake/keepsake.ts");
  const program = { ...(provider !== undefined && { provider }), ...(threads !== undefined && { threads }) };
  const asked = { model: await modelOnDisk(model, yes), vae, config, predictionType, family };
  const keepsake = await Keepsake.open(library, { lazy: true, create, program, ...asked });
  try {
    return await work(keepsake);
  } finally {
    await keepsake.close();
  }
}

/** For the help of commands that ask the built-in model for something. */
export function aboutBuiltInModel(): string {
  return paragraph(`The built-in model knows few words, and these things: ${builtInNouns().join(", ")}.`);
}

/** A long line as a paragraph of a help text. */
function paragraph(text: string, width = 120): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines[lines.length - 1];
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return `\n${lines.join("\n")}`;
}

/** How a command that is shown to be copied says which library it is about. */
export function libraryOption(library: string): string {
  return library === DEFAULT_LIBRARY ? "" : ` --library ${shellPath(library)}`;
}

/**
 * An unfinished run, and the commands that go on with it or give it up. Each stands in a line of its own, to be copied.
 */
export function unfinishedRunLines({ unfinishedRun: run }: { readonly unfinishedRun?: UnfinishedRun }): string[] {
  if (run === undefined) return [];
  const { concept, step, command, giveUp } = run;
  if (run.inUse) return [`Another process is at work here; step ${step} of learning <${concept}> is saved.`];
  const facts = `There is an unfinished run of <${concept}> (step ${step} is saved). Go on with it, or give it up:`;
  return [facts, `  ${command}`, `  ${giveUp}`];
}

/** As much of a state's id as is shown. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
