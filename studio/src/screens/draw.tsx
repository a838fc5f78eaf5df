/** @file Draw: a prompt with everything that was learned, and the pictures of this session. */
import { useLayoutEffect, useState } from "preact/hooks";
import type { PictureId } from "../../../src/studio/api.ts";
import { PageHead } from "../parts/page-head.tsx";
import { route } from "../state/router.ts";
import { changeDrawing } from "../state/drawing.ts";
import { concepts, type JobOf, jobsOf } from "../state/studio.ts";
import { text } from "../strings.ts";
import { DrawForm } from "./draw/draw-form.tsx";
import { DrawnPictures } from "./draw/draw-pictures.tsx";
import { PictureDialog } from "./draw/picture-dialog.tsx";

export function Draw() {
  const [open, setOpen] = useState<{ readonly job: JobOf<"draw">; readonly picture: PictureId }>();
  const asked = route.value.query.get("prompt");
  // Before anyone can type: later it would replace what they wrote.
  useLayoutEffect(() => {
    if (asked !== null) changeDrawing({ prompt: asked });
  }, [asked]);
  const drawn = jobsOf("draw");
  return (
    <>
      <PageHead title={text.draw.title} lead={concepts.value.length === 0 ? text.draw.leadEmpty : text.draw.lead} />
      <div class="draw">
        <DrawForm />
        <section class="gallery" aria-label={text.draw.gallery}>
          {drawn.length === 0 && <p class="gallery-empty">{text.draw.noPictures}</p>}
          {drawn.map((job) => (
            <DrawnPictures
              key={job.id}
              job={job}
              onOpen={(picture) => {
                setOpen({ job, picture });
              }}
            />
          ))}
        </section>
      </div>
      {open !== undefined && (
        <PictureDialog
          {...open}
          onClose={() => {
            setOpen(undefined);
          }}
        />
      )}
    </>
  );
}
