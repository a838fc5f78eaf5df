/**
 * @file The options of training that other trainers have too, all off unless given; and those that show how a run comes
 * on.
 */
import { Option, type Command } from "commander";
import { KeepsakeError } from "../../../errors.ts";
import type { LearnRequest } from "../../../keepsake/learn-and-preview.ts";
import { DEFAULT_PRIOR_PICTURES, VALIDATION_EVERY } from "../../../learning/learn-settings.ts";
import { LIMITS, REAL_LIMITS } from "../../../limits.ts";
import { realNumber, severalFiles, wholeNumber } from "../../options.ts";

/** How the options of this file are given. */
export interface TrainingOptions {
  readonly minSnrGamma?: number;
  readonly noiseOffset?: number;
  readonly warmupSteps?: number;
  readonly gradientAccumulation?: number;
  readonly ema?: number;
  readonly priorWeight?: number;
  readonly priorPictures?: number;
  readonly sampleEvery?: number;
  readonly samples?: string;
  readonly sampleOthers: boolean;
}

export interface ValidationOptions {
  readonly validation?: readonly string[];
  readonly validationEvery?: number;
}

/** Where samples go unless --samples says otherwise. */
const DEFAULT_SAMPLES = "samples";

export function withTrainingOptions(command: Command): Command {
  return command
    .optionsGroup("Further training options, off unless given:")
    .option(
      "--min-snr-gamma <x>",
      "count steps with little noise less, as min-SNR weighting does; 5 is usual",
      realNumber(REAL_LIMITS.minSnrGamma),
    )
    .option(
      "--noise-offset <x>",
      "noise that is the same all over, for darker and brighter pictures; 0.05 is usual",
      realNumber(REAL_LIMITS.noiseOffset),
    )
    .option("--warmup-steps <n>", "steps over which both rates rise from 0", wholeNumber(LIMITS.warmupSteps))
    .option(
      "--gradient-accumulation <n>",
      "batches in one step: a larger batch in the memory of a small one",
      wholeNumber(LIMITS.gradientAccumulation),
    )
    .option("--ema <decay>", "keep a moving average of the steps, e.g. 0.99", realNumber(REAL_LIMITS.emaDecay))
    .option(
      "--prior-weight <x>",
      "learn beside the photos from pictures of the class that the model draws first, in memory; 1 is usual",
      realNumber(REAL_LIMITS.priorWeight),
    )
    .option(
      "--prior-pictures <n>",
      `how many such pictures (default: ${DEFAULT_PRIOR_PICTURES})`,
      wholeNumber(LIMITS.priorPictures),
    );
}

/** Heading of a group in the help. */
const THE_RUN = "The run, and how it is shown:";

export function withWatchingOptions(command: Command): Command {
  return command
    .optionsGroup(THE_RUN)
    .option(
      "--sample-every <n>",
      "draw the concept before the first step, every so many steps and at the end, from the same noise",
      wholeNumber(LIMITS.sampleEvery),
    )
    .option("--samples <folder>", `where --sample-every writes its pictures (default: ${DEFAULT_SAMPLES})`)
    .option("--sample-others", "draw the concepts that the library knows, too, with --sample-every", false);
}

/** Of a command that learns one concept. */
export function withValidationOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--validation <photo>", "measure the error on a photo that is held back; may be repeated")
        .argParser(severalFiles)
        .helpGroup(THE_RUN),
    )
    .addOption(
      new Option("--validation-every <n>", `steps from one measurement to the next (default: ${VALIDATION_EVERY})`)
        .argParser(wholeNumber(LIMITS.sampleEvery))
        .helpGroup(THE_RUN),
    );
}

/** The settings that the options give. */
export function trainingOf(options: TrainingOptions): NonNullable<LearnRequest["training"]> {
  const { minSnrGamma, noiseOffset, warmupSteps, gradientAccumulation, ema, priorWeight, priorPictures } = options;
  return {
    ...(minSnrGamma !== undefined && { minSnrGamma }),
    ...(noiseOffset !== undefined && { noiseOffset }),
    ...(warmupSteps !== undefined && { warmupSteps }),
    ...(gradientAccumulation !== undefined && { gradientAccumulation }),
    ...(ema !== undefined && { emaDecay: ema }),
    ...(priorWeight !== undefined && { priorWeight }),
    ...(priorPictures !== undefined && { priorPictures }),
  };
}

/** @throws KeepsakeError ("usage") for options of samples without any */
export function samplesOf({ sampleEvery, samples, sampleOthers }: TrainingOptions): Pick<LearnRequest, "samples"> {
  if (sampleEvery === undefined && (samples !== undefined || sampleOthers)) {
    const option = samples === undefined ? "--sample-others" : "--samples";
    throw new KeepsakeError("usage", `${option} needs --sample-every, e.g. --sample-every 50.`);
  }
  if (sampleEvery === undefined) return {};
  return { samples: { every: sampleEvery, others: sampleOthers, folder: samples ?? DEFAULT_SAMPLES } };
}

/** @throws KeepsakeError ("usage") for options of a validation without any */
export function validationOf({ validation, validationEvery }: ValidationOptions): Pick<LearnRequest, "validation"> {
  if (validation !== undefined) {
    return { validation: { photos: validation, ...(validationEvery !== undefined && { every: validationEvery }) } };
  }
  if (validationEvery === undefined) return {};
  throw new KeepsakeError("usage", "--validation-every needs a photo: --validation <photo>.");
}
