/** @file Teach: photos, a name, how thorough; then a plan, and the start. */
import { DropZone } from "../parts/drop-zone.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Unfinished } from "../parts/unfinished.tsx";
import { addPhotos, arriving, teachPhotos } from "../state/photos.ts";
import { studio } from "../state/studio.ts";
import { text } from "../strings.ts";
import { TeachHow } from "./teach/teach-how.tsx";
import { TeachNames } from "./teach/teach-names.tsx";
import { TeachPhoto } from "./teach/teach-photo.tsx";
import { TeachPlan } from "./teach/teach-plan.tsx";

export function Teach() {
  const photos = teachPhotos.value;
  const hasPhotos = photos.length + arriving.value > 0;
  const add = (files: File[]) => void addPhotos(files);
  return (
    <>
      <PageHead title={text.teach.title} lead={text.teach.lead} />
      <Unfinished />
      <div class="teach">
        <div class="teach-form">
          <section aria-labelledby="teach-photos">
            <h2 id="teach-photos">{text.teach.photos}</h2>
            {hasPhotos && <p class="hint">{text.teach.photosHint(studio.value?.defaults.resolution ?? 0)}</p>}
            <ul class="photos">
              {photos.map((photo, index) => (
                <TeachPhoto key={photo.id} photo={photo} place={index + 1} />
              ))}
              {arriving.value > 0 && (
                <li class="photo photo-arriving">
                  <p role="status">{text.teach.arriving(arriving.value)}</p>
                </li>
              )}
            </ul>
            <DropZone
              title={hasPhotos ? text.teach.dropMore : text.welcome.drop}
              hint={hasPhotos ? undefined : text.teach.dropHint}
              takesMany
              isSmall={hasPhotos}
              onFiles={add}
            />
          </section>
          <section aria-labelledby="teach-names">
            <h2 id="teach-names">{text.teach.names}</h2>
            <TeachNames />
          </section>
          <section aria-labelledby="teach-how">
            <h2 id="teach-how">{text.teach.how}</h2>
            <TeachHow />
          </section>
        </div>
        <TeachPlan />
      </div>
    </>
  );
}
