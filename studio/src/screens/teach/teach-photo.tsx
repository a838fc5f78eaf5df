/** @file A photo as training will see it, with what may be changed about it. */
import { useState } from "preact/hooks";
import type { StudioPhoto } from "../../../../src/studio/api.ts";
import { CropEditor } from "../../parts/editors/crop-editor.tsx";
import { Icon } from "../../parts/icon.tsx";
import { MaskPainter } from "../../parts/editors/mask-painter.tsx";
import { editPhoto, removePhoto } from "../../state/photos.ts";
import { address } from "../../state/server.ts";
import { text } from "../../strings.ts";

export function TeachPhoto({ photo, place }: { readonly photo: StudioPhoto; readonly place: number }) {
  const [open, setOpen] = useState<"crop" | "mask">();
  const { id, name, caption, hasMask, warnings } = photo;
  const close = () => {
    setOpen(undefined);
  };
  return (
    <li class="photo">
      <div class="photo-crop">
        <img src={address.crop(photo)} alt={text.teach.cropOf(place, name)} draggable={false} />
        <button
          type="button"
          class="button-over photo-remove"
          aria-label={text.teach.remove(name)}
          title={text.teach.removeShort}
          onClick={() => void removePhoto(id)}
        >
          <Icon name="close" />
        </button>
        <div class="photo-tools">
          <button
            type="button"
            class="button-over"
            aria-label={text.teach.crop(name)}
            title={text.teach.cropShort}
            onClick={() => {
              setOpen("crop");
            }}
          >
            <Icon name="crop" />
          </button>
          <button
            type="button"
            class={hasMask ? "button-over button-over-on" : "button-over"}
            aria-label={hasMask ? text.teach.hasMask(name) : text.teach.mask(name)}
            title={text.teach.maskShort}
            onClick={() => {
              setOpen("mask");
            }}
          >
            <Icon name="mask" />
          </button>
        </div>
      </div>
      <input
        class="photo-caption"
        aria-label={text.teach.captionOf(name)}
        placeholder={text.teach.caption}
        maxLength={1000}
        defaultValue={caption}
        key={caption}
        onChange={({ currentTarget }) => void editPhoto(id, { caption: currentTarget.value.trim() })}
      />
      {warnings.length > 0 && (
        <ul class="photo-warnings">
          {warnings.map((warning) => (
            <li key={warning}>
              <Icon name="warning" />
              {warning}
            </li>
          ))}
        </ul>
      )}
      {open === "crop" && <CropEditor photo={photo} onClose={close} />}
      {open === "mask" && <MaskPainter photo={photo} onClose={close} />}
    </li>
  );
}
