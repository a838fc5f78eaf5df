/**
 * @file `keepsake learn`: a thin shell over `Keepsake.learn`.
 */
import { Command } from "commander";
import { ADAPTER_KINDS } from "../../../adapters/kinds.ts";
import { KeepsakeError } from "../../../errors.ts";
import { INTERRUPTED, stopSignal } from "../../exit.ts";
import { duration } from "../../options.ts";
import { Output } from "../../output.ts";
import { shellPath, shellQuote } from "../../../shell.ts";
import { conceptName } from "../../../prompts/concept-name.ts";
import { aboutBuiltInModel, DEFAULT_LIBRARY, withKeepsake } from "../shared.ts";
import { learningRequest, withLearningOptions, type LearningOptions } from "./learn-options.ts";
import { describePlan } from "./learn-plan-report.ts";
import { validationOf, withValidationOptions, type ValidationOptions } from "./training-options.ts";
import { ABOUT_PREVIEWS, describeLearned, reportLearning, wasStopped } from "./learn-report.ts";

interface LearnOptions extends LearningOptions, ValidationOptions {
  readonly class?: string;
  readonly more: boolean;
  readonly replace: boolean;
  readonly budget?: number;
  readonly plan: boolean;
}

const EXAMPLES = `
Examples:
  keepsake learn mochi ./photos/mochi --class cat
  keepsake learn mochi ./photos/mochi --class cat --model ./stable-diffusion-v1-5
  keepsake learn tilda ./photos/tilda --class teapot --strategy ewc-dc --strategy-option lambda=10
  keepsake learn mug mug1.jpg mug2.jpg mug3.jpg mug4.jpg --class mug --steps 600
  keepsake learn mochi ./photos/mochi --class cat --plan
  keepsake learn mochi ./photos/mochi --class cat --budget 30m
  keepsake learn mochi ./photos/mochi-in-spring --more

A text file beside a photo (3.txt, 3.caption or 3.jpg.txt for 3.jpg; UTF-8) may say what it shows beside the thing, such
as "on the beach": the thing is then learned apart from its surroundings, and can be drawn better in others. What is
beyond a prompt's length is cut off, and said. A mask beside a photo (3.mask.png for 3.jpg, of its size; white where the
thing is, black around it) keeps the background out of the loss. "keepsake photos" shows what is made of the photos. Of
a folder the subfolders are not searched, and pictures that Keepsake drew are left out.

The photos are read, never stored. While the concept is being learned, the library holds a snapshot of the run (numbers
of the adapter and the token, and a checksum by which the photos are recognised); it is deleted when the run ends.
Ctrl-C finishes the current step and saves it; the same command then goes on. A class noun of several words or tokens is
fine: the new token starts as the mean of their embeddings.

A name that the library knows is refused, unless --more or --replace says what is meant. --more goes on teaching the
concept with these photos: its token begins as it was learned, and the strategy keeps what it was as it keeps the other
concepts. --replace begins it anew: its token starts as the class noun again. What the shared adapter learned from it
stays there, as after "keepsake forget", unless it is the only concept. Both keep its place in the list, and one undo
takes either back.

Before a run its time, memory and disk are told, from the operations of its programs and the speed of this machine now.
A budget chooses the number of steps by them: no fewer than an eighth of the usual ones, and no more than four times as
many. A resumed run keeps the steps with which it was begun. So it is with checkpointing, which rounds
differently: the library records it with the unfinished run. To have the same bytes where less or more memory is free,
name the option yourself.

The further training options do what they do in other trainers. --warmup-steps counts within the steps. With --ema the
concept is the average of the last steps. --gradient-accumulation 4 with --batch-size 1 is a batch of 4 in the memory
of 1. With --prior-weight the model first draws pictures of the class, before it is taught, and learns from them
beside the photos, so that the class is not changed into the concept; they are never written, and drawn again when a
run is resumed. --validation tells the error on a photo that is held back, at noise that is always the same: where it
rises, the concept is learned by heart.

Adapters:
${ADAPTER_KINDS.map(({ name, summary }) => `  ${name}: ${summary}`).join("\n")}
VeRA has rank 256 unless told otherwise and no alpha; its few numbers usually need a larger --lr than a LoRA's.

${ABOUT_PREVIEWS}`;

export function learnCommand(): Command {
  const command = new Command("learn")
    .summary("teach the model a concept from 4-10 photos")
    .description(
      "Teach the model a concept from 4-10 photos of it. It is called <name> in prompts, angle brackets included.",
    )
    .argument("<name>", "what to call it: small letters, digits, - and _")
    .argument("<photos...>", "photos, or folders of photos")
    .option("--class <noun>", "what it is, e.g. cat (required, unless the library knows it)")
    .option("--more", "go on teaching a concept that the library knows, with new photos", false)
    .option("--replace", "begin a concept that the library knows anew", false)
    .option("--budget <time>", "choose the steps so that the run ends in it, e.g. 90s, 30m, 2h", duration)
    .option("--plan", "say what the run would take, and write nothing", false);
  return withValidationOptions(withLearningOptions(command))
    .addHelpText("after", EXAMPLES)
    .addHelpText("after", aboutBuiltInModel)
    .action(learn);
}

async function learn(name: string, photos: string[], options: LearnOptions): Promise<void> {
  const { class: classNoun, more, replace } = options;
  // Not a required option of Commander's, which would ask for it before the name and the photos.
  if (classNoun === undefined && !more && !replace) throw await withoutClass(name, photos, options.library);
  const output = new Output(options);
  const { budget } = options;
  const request = {
    ...{ ...learningRequest(options), name, photos, more, replace },
    ...(classNoun !== undefined && { classNoun }),
    ...(budget !== undefined && { budget }),
    ...validationOf(options),
  };
  if (options.plan) {
    const plan = await withKeepsake(options, (keepsake) => keepsake.plan(request));
    output.listing(describePlan(plan), plan);
    return;
  }
  const onProgress = reportLearning(output);
  const result = await withKeepsake(options, (keepsake) =>
    keepsake.learn({ ...request, signal: stopSignal(), onProgress }),
  );
  output.result(describeLearned(result, options.library), result);
  if (wasStopped(result)) process.exitCode = INTERRUPTED;
}

/** What to do about a concept of which nobody says what it is: a library may know it. */
async function withoutClass(name: string, photos: readonly string[], folder: string): Promise<KeepsakeError> {
  const [{ Library }, { askedConcept }] = await Promise.all([
    import("../../../library/library.ts"),
    import("../../../keepsake/training/asked-concept.ts"),
  ]);
  askedConcept({ name: conceptName(name) }, await Library.openIfExists(folder), folder);
  const library = folder === DEFAULT_LIBRARY ? "" : ` --library ${shellPath(folder)}`;
  const example = `keepsake learn ${shellQuote(name)} ${photos.map(shellPath).join(" ")} --class cat${library}`;
  return new KeepsakeError("usage", `Say what the thing is with --class <noun>, e.g. ${example}`);
}
