/** @file Watch: a training run as it goes, and what it does to every earlier concept meanwhile. */
import type { JobProgress } from "../../../src/studio/api.ts";
import { formatAbout, formatCount } from "../parts/format.ts";
import { Icon } from "../parts/icon.tsx";
import { LossChart } from "../parts/loss/loss-chart.tsx";
import { Meter } from "../parts/meter.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Unfinished } from "../parts/unfinished.tsx";
import { tellFault } from "../state/messages.ts";
import { shareDone } from "../state/progress.ts";
import { hrefOf } from "../state/router.ts";
import { server } from "../state/server.ts";
import { concepts, isOver, type JobOf, putJob, studio, training } from "../state/studio.ts";
import { text } from "../strings.ts";
import { WatchSamples } from "./watch-samples.tsx";

export function Watch() {
  const job = training.value;
  if (job === undefined) {
    return (
      <>
        <PageHead title={text.watch.title} lead={text.watch.empty} />
        <Unfinished />
        <a class="button-main" href={hrefOf("teach")}>
          {text.watch.toTeach}
        </a>
      </>
    );
  }
  const { request, progress, status, fault } = job;
  return (
    <>
      <PageHead
        title={text.watch.titleOf(request.name, status, request.again)}
        lead={status === "failed" && studio.value?.library.exists === false ? undefined : text.watch.about[status]}
      >
        <Controls job={job} />
      </PageHead>
      {fault !== undefined && (
        <p class="banner banner-fault" role="alert">
          {fault.message}
        </p>
      )}
      {!isOver(job) && <Status job={job} />}
      {(status === "failed" || status === "stopped") && <Unfinished />}
      <WatchSamples name={request.name} again={request.again} samples={progress.samples ?? []} isRunning={!isOver(job)}>
        <Loss progress={progress} />
      </WatchSamples>
      {progress.notes !== undefined && progress.notes.length > 0 && (
        <ul class="notes">
          {progress.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function Controls({ job }: { readonly job: JobOf<"learn"> }) {
  const { id, status, canResume, request } = job;
  const act = (work: () => ReturnType<typeof server.stopJob>) =>
    void tellFault(async () => {
      putJob(await work());
    });
  if (status === "running" || status === "waiting") {
    return (
      <button
        type="button"
        class="button"
        onClick={() => {
          act(() => server.stopJob(id));
        }}
      >
        <Icon name="stop" />
        {text.watch.stop}
      </button>
    );
  }
  if (status === "done") {
    return (
      <>
        <a class="button" href={hrefOf("remember")}>
          {text.watch.toRemember}
        </a>
        {concepts.value.some(({ name }) => name === request.name) && (
          <a class="button-main" href={hrefOf("draw", { prompt: text.draw.example(`<${request.name}>`) })}>
            {text.watch.toDraw(request.name)}
          </a>
        )}
      </>
    );
  }
  // The banner of an unfinished run has the way on, and the way out.
  if (canResume !== true || studio.value?.unfinished !== undefined) return null;
  return (
    <button
      type="button"
      class="button-main"
      onClick={() => {
        act(() => server.resumeJob(id));
      }}
    >
      <Icon name="play" />
      {text.watch.resume}
    </button>
  );
}

function Status({ job }: { readonly job: JobOf<"learn"> }) {
  const { phase, done, count, secondsLeft } = job.progress;
  return (
    <section class="status" aria-label={text.watch.progress}>
      <div class="status-line">
        <span class="status-left">
          {secondsLeft === undefined ? text.watch.leftUnknown : text.watch.left(formatAbout(secondsLeft))}
        </span>
        <span class="muted">
          {text.watch.phaseOf(phase)}
          {done !== undefined && count !== undefined && ` · ${text.watch.of(formatCount(done), formatCount(count))}`}
        </span>
      </div>
      <Meter label={text.watch.learning(job.request.name, job.request.again)} share={shareDone(job)} />
    </section>
  );
}

function Loss({ progress }: { readonly progress: JobProgress }) {
  const { losses = [], firstStep = 1, count } = progress;
  if (losses.length === 0) return null;
  return (
    <section class="watch-loss" aria-labelledby="loss">
      <h2 id="loss">{text.watch.loss}</h2>
      <p class="hint">{text.watch.lossHint}</p>
      <LossChart losses={losses} firstStep={firstStep} steps={Math.max(count ?? 0, firstStep + losses.length - 1)} />
    </section>
  );
}
