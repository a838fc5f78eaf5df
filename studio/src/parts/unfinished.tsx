/** @file A training run that was stopped or killed: it can go on, or be given up. */
import { tell, tellFault } from "../state/messages.ts";
import { go } from "../state/router.ts";
import { server } from "../state/server.ts";
import { finish, isOver, jobsOf, studio, training } from "../state/studio.ts";
import { change } from "../state/teaching.ts";
import { text } from "../strings.ts";

export function Unfinished() {
  const unfinished = studio.value?.unfinished;
  const isRunning = training.value !== undefined && !isOver(training.value);
  if (unfinished === undefined || isRunning) return null;
  const { name, classNoun, step, steps } = unfinished;
  const job = jobsOf("learn").find(({ request, canResume }) => request.name === name && canResume === true);
  const goOn = async () => {
    if (job === undefined) {
      change({ name, classNoun });
      go("teach");
      return;
    }
    const isResumed = await tellFault(() => server.resumeJob(job.id));
    if (isResumed !== undefined) go("watch");
  };
  const giveUp = async () => {
    const ended = await tellFault(() => finish({ kind: "forget", name }));
    if (ended?.fault !== undefined) tell(ended.fault.message);
  };
  return (
    <section class="banner" aria-label={text.unfinished.label}>
      <p>
        {text.unfinished.line(name, step, steps)} {job === undefined && text.unfinished.dropAgain}
      </p>
      <div class="actions">
        <button type="button" class="button-plain" onClick={() => void giveUp()}>
          {text.unfinished.giveUp}
        </button>
        <button type="button" class="button-main" onClick={() => void goOn()}>
          {job === undefined ? text.unfinished.toTeach : text.unfinished.goOn}
        </button>
      </div>
    </section>
  );
}
