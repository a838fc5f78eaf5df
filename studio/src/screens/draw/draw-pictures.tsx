/** @file What came of one prompt: its pictures, and the way to draw it again. */
import type { PictureId } from "../../../../src/studio/api.ts";
import { formatTime } from "../../parts/format.ts";
import { Icon } from "../../parts/icon.tsx";
import { Meter } from "../../parts/meter.tsx";
import { Picture } from "../../parts/picture.tsx";
import { changeDrawing } from "../../state/drawing.ts";
import { tellFault } from "../../state/messages.ts";
import { shareDone } from "../../state/progress.ts";
import { server } from "../../state/server.ts";
import { dropJob, isOver, type JobOf, start } from "../../state/studio.ts";
import { text } from "../../strings.ts";

export interface DrawnPicturesProps {
  readonly job: JobOf<"draw">;
  readonly onOpen: (picture: PictureId) => void;
}

export function DrawnPictures({ job, onOpen }: DrawnPicturesProps) {
  const { id, request, progress, result, status, fault, asked } = job;
  const pictures = (result?.kind === "draw" ? result.pictures : undefined) ?? progress.pictures ?? [];
  const awaited = isOver(job) ? 0 : Math.max(0, (request.n ?? 1) - pictures.length);
  const remove = () =>
    tellFault(async () => {
      await server.removeJob(id);
      dropJob(id);
    });
  return (
    <article class="drawn">
      <header>
        <h2 class="drawn-prompt">{request.prompt}</h2>
        <p class="hint">
          {text.draw.how(request.seed ?? 0, formatTime(asked))}
          {status === "waiting" && ` · ${text.draw.waiting}`}
        </p>
        <div class="actions">
          {isOver(job) ? (
            <>
              <button type="button" class="button-plain" onClick={() => void tellFault(() => start(request))}>
                <Icon name="again" />
                {text.draw.again}
              </button>
              <button
                type="button"
                class="button-plain"
                onClick={() => {
                  const { prompt, negativePrompt = "", n = 1, seed } = request;
                  const { steps, guidanceScale, scheduler, width, height } = request;
                  changeDrawing({ prompt, negativePrompt, n, seed, steps, guidanceScale, scheduler, width, height });
                }}
              >
                {text.draw.edit}
              </button>
              <button
                type="button"
                class="button-icon"
                aria-label={text.draw.removeOf(request.prompt)}
                onClick={() => void remove()}
              >
                <Icon name="close" />
              </button>
            </>
          ) : (
            <button type="button" class="button-plain" onClick={() => void tellFault(() => server.stopJob(id))}>
              <Icon name="stop" />
              {text.common.stop}
            </button>
          )}
        </div>
      </header>
      {fault !== undefined && <p class="hint hint-fault">{fault.message}</p>}
      {status === "running" && <Meter label={text.jobs.draw} share={shareDone(job)} />}
      <ul class="drawn-pictures">
        {pictures.map((picture, index) => (
          <li key={picture}>
            <button
              type="button"
              class="picture-button"
              onClick={() => {
                onOpen(picture);
              }}
            >
              <Picture id={picture} alt={text.draw.pictureOf(index + 1, request.prompt)} />
            </button>
          </li>
        ))}
        {Array.from({ length: awaited }, (_, index) => (
          <li key={`awaited-${index}`}>
            <Picture id={undefined} alt={text.draw.pictureOf(pictures.length + index + 1, request.prompt)} />
          </li>
        ))}
      </ul>
      {progress.notes?.map((note) => (
        <p key={note} class="hint">
          {note}
        </p>
      ))}
    </article>
  );
}
