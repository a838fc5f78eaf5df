/**
 * @file What the commands that learn say: progress, and what came of it.
 */
import { eachOnce } from "../../../each-once.ts";
import type { LearnAllProgress, SkippedThing } from "../../../keepsake/learn-all.ts";
import type { PreparedPart } from "../../../keepsake/learn-request.ts";
import type { LearnResult } from "../../../keepsake/learn-and-preview.ts";
import { fewPhotosWarning } from "../../../training/photos/photo-warnings.ts";
import type { PhotosFound } from "../../../training/photos/photos.ts";
import type { PreviewReport } from "../../../keepsake/previews/preview-last-learn.ts";
import type { PreviewProgress } from "../../../keepsake/previews/previews.ts";
import { isShort, planLine, SHORT_MEMORY } from "./learn-plan-report.ts";
import { formatTable, TimeLeft, type Output } from "../../output.ts";
import { formatDuration } from "../../../units.ts";
import { libraryOption } from "../shared.ts";

/** What the measure of the previews means. */
const ABOUT_CHANGE = "0 %: drawn as before, to the pixel; 100 %: as different as two drawings from different noise";

/** For the help of these commands. */
export const ABOUT_PREVIEWS = `With the built-in model every training run ends with a preview sheet; with others --previews <file> asks for one, and
"keepsake previews" draws it afterwards. It has a row for each concept: two pictures of it as it was drawn before and,
from the same noise, two as it is drawn now; the new concept, which had no name before, is drawn as its class noun.
Forgetting can be seen, and how much the pictures of each earlier concept have changed is said in per cent
(${ABOUT_CHANGE}).
Your photos are not on the sheet: it is a file, and photos are never written to disk.`;

/** What came of a thing, for people; the commands that it names can be copied. */
export function describeLearned(result: LearnResult | SkippedThing, library: string): string {
  const { token, previews } = result;
  const where = libraryOption(library);
  const stopped = `The previews were stopped: "keepsake previews${where}" draws them.`;
  const shown = previews === undefined ? "" : `\n${previews === "stopped" ? stopped : describePreviews(previews)}`;
  switch (result.status) {
    case "interrupted":
      return `Stopped at step ${result.step} of ${result.steps}; the same command goes on from there.`;
    case "skipped":
      return `The library knows ${token} already.${shown}`;
    case "learned":
      return `Learned ${token}. Draw it: keepsake generate "a photo of a ${token}"${where}${shown}`;
  }
}

/** Whether the command that comes to this result was stopped before its end. */
export function wasStopped({ status, previews }: LearnResult | SkippedThing): boolean {
  return status === "interrupted" || previews === "stopped";
}

/** Where the sheet is, what is on it, and how much the earlier concepts have changed. */
export function describePreviews({ sheet, concepts, changes }: PreviewReport): string {
  const rows = concepts.map((name) => `<${name}>`).join(", ");
  const lines = [`Previews: ${sheet} (rows: ${rows}; left before, right now)`];
  if (changes.length === 0) return lines.join("\n");
  const table = changes.map(({ concept, change }) => [`<${concept}>`, `${(100 * change).toFixed(1)} %`.padStart(7)]);
  return [...lines, formatTable([["changed", ""], ...table]), `(${ABOUT_CHANGE})`].join("\n");
}

function photosLine({ count, captioned, masked }: PhotosFound): string {
  const photos = `${count} ${count === 1 ? "photo" : "photos"}`;
  const withCaption = captioned === 0 ? "" : `, ${captioned} with a caption`;
  return `${photos}${withCaption}${masked === 0 ? "" : `, ${masked} with a mask`}`;
}

const PREPARING: Readonly<Record<PreparedPart, string>> = {
  plan: "planning the run (minutes for SDXL)",
  photos: "encoding the photos",
  "first step": "compiling the first step",
};

/** Tells on stderr what there is to tell while one thing after another is learned. */
export function reportLearning(output: Output): (progress: LearnAllProgress) => void {
  let timeLeft = new TimeLeft();
  let average: number | undefined;
  // One command that learns several things says so once.
  const tellOfModel = eachOnce((message) => {
    output.info(message);
  });
  const warn = eachOnce((message) => {
    output.warn(message);
  });
  const onPreviews = reportPreviews(output);
  return (progress) => {
    switch (progress.kind) {
      case "thing":
        output.info(`${progress.name} (${progress.index + 1} of ${progress.count})`);
        break;
      case "skipped":
        output.info(`the library knows ${progress.name} already`);
        break;
      case "photos": {
        [timeLeft, average] = [new TimeLeft(), undefined];
        for (const line of progress.warnings) output.warn(line);
        output.info(photosLine(progress));
        const few = fewPhotosWarning(progress.count);
        if (few !== undefined) output.warn(few);
        break;
      }
      case "warning":
        warn(progress.message);
        break;
      case "note":
        tellOfModel(progress.message);
        break;
      case "preparing":
        output.progress(PREPARING[progress.part], true);
        break;
      case "plan":
        output.info(planLine(progress.plan));
        if (isShort(progress.plan)) output.warn(SHORT_MEMORY);
        break;
      case "resumed":
        output.info(`going on from step ${progress.step}`);
        break;
      case "step": {
        const { step, steps, loss } = progress;
        average = average === undefined ? loss : 0.95 * average + 0.05 * loss;
        const left = timeLeft.after(step, steps);
        const rest = left === undefined ? "" : `, ${formatDuration(left)} left`;
        const isMilestone = step === steps || step % Math.max(1, Math.round(steps / 10)) === 0;
        output.progress(`step ${step}/${steps}, loss ${average.toFixed(4)}${rest}`, isMilestone);
        break;
      }
      case "class pictures":
      case "replayed pictures": {
        const { kind, done, count } = progress;
        const what = kind === "class pictures" ? "of the class" : "of what the model knows";
        output.progress(`pictures ${what} ${done}/${count}`, done === count);
        break;
      }
      case "validation":
        output.info(`step ${progress.step}: error on what is held back ${progress.error.toFixed(4)}`);
        break;
      case "sample": {
        const { concept, step, file } = progress;
        output.info(`sample of <${concept}> at step ${step}${file === undefined ? "" : `: ${file}`}`);
        break;
      }
      case "learned":
        output.info(`learned ${progress.token}; drawing previews`);
        break;
      case "previews":
        onPreviews(progress);
    }
  };
}

/** Tells on stderr how far one sheet of previews after another is. */
export function reportPreviews(output: Output): (progress: PreviewProgress) => void {
  let timeLeft = new TimeLeft();
  let last = Infinity;
  return ({ done, count }) => {
    if (done < last) timeLeft = new TimeLeft();
    last = done;
    const left = timeLeft.after(done, count);
    const rest = left === undefined ? "" : `, ${formatDuration(left)} left`;
    output.progress(`previews ${done}/${count}${rest}`, done === count);
  };
}
