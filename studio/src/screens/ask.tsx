/** @file Ask: which of mine is this? The answers narrow while the model compares. */
import { DropZone } from "../parts/drop-zone.tsx";
import { Bars } from "../parts/bars.tsx";
import { Meter } from "../parts/meter.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { tellFault } from "../state/messages.ts";
import { addAskPhoto, photos } from "../state/photos.ts";
import { shareDone } from "../state/progress.ts";
import { address, server } from "../state/server.ts";
import { concepts, isOver, type JobOf, latest, start } from "../state/studio.ts";
import { text } from "../strings.ts";

export function Ask() {
  const job = latest("ask");
  const ask = async (files: readonly File[]) => {
    const [file] = files;
    if (file === undefined) return;
    await tellFault(async () => {
      const { id } = await addAskPhoto(file);
      await start({ kind: "ask", photo: id });
    });
  };
  if (concepts.value.length === 0) return <PageHead title={text.ask.title} lead={text.ask.empty} />;
  return (
    <>
      <PageHead title={text.ask.title} lead={text.ask.lead} />
      <div class={job === undefined ? "ask ask-first" : "ask"}>
        {job !== undefined && <Answer job={job} />}
        <DropZone
          title={job === undefined ? text.ask.drop : text.ask.dropAnother}
          takesMany={false}
          isSmall={job !== undefined}
          onFiles={(files) => void ask(files)}
        />
      </div>
    </>
  );
}

function Answer({ job }: { readonly job: JobOf<"ask"> }) {
  const { progress, result, fault, request } = job;
  const isHeld = photos.value.some(({ id }) => id === request.photo);
  const bars = result?.kind === "ask" ? result.bars : (progress.bars ?? []);
  return (
    <section class="answer" aria-label={text.ask.answer}>
      {isHeld && <img class="answer-photo" src={address.whole(request.photo)} alt={text.ask.photo} />}
      <div class="answer-bars">
        <h2 aria-live="polite">
          {result?.kind === "ask"
            ? text.ask.answerOf(result.answer)
            : fault === undefined
              ? text.ask.looking
              : fault.message}
        </h2>
        {!isOver(job) && (
          <>
            <Meter label={text.jobs.ask} share={shareDone(job)} />
            <button type="button" class="button-plain" onClick={() => void tellFault(() => server.stopJob(job.id))}>
              {text.common.stop}
            </button>
          </>
        )}
        <Bars bars={bars} />
        {result?.kind === "ask" && <p class="hint">{text.ask.honest}</p>}
      </div>
    </section>
  );
}
