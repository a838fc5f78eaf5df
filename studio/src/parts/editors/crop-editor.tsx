/** @file Moves and zooms a photo under the square that training will see. */
import { useRef, useState } from "preact/hooks";
import type { Crop, StudioPhoto } from "../../../../src/studio/api.ts";
import { address } from "../../state/server.ts";
import { editPhoto } from "../../state/photos.ts";
import { text } from "../../strings.ts";
import { clamped, moved, wholeCrop, zoomed } from "./crop.ts";
import { Dialog } from "../dialog/dialog.tsx";

export interface CropEditorProps {
  readonly photo: StudioPhoto;
  readonly onClose: () => void;
}

/** Share of the square that an arrow key moves. */
const KEY_STEP = 0.02;
const LEAST = 0.1;

export function CropEditor({ photo, onClose }: CropEditorProps) {
  const [crop, setCrop] = useState<Crop>(photo.crop);
  const drag = useRef<{ readonly x: number; readonly y: number; readonly from: Crop }>(undefined);
  const { width, height } = photo;
  const side = crop.size * Math.min(width, height);
  const save = () => {
    void editPhoto(photo.id, { crop });
    onClose();
  };
  const keys = ({ key }: KeyboardEvent): Crop | undefined => {
    if (key === "ArrowLeft") return moved(crop, photo, -KEY_STEP, 0);
    if (key === "ArrowRight") return moved(crop, photo, KEY_STEP, 0);
    if (key === "ArrowUp") return moved(crop, photo, 0, -KEY_STEP);
    if (key === "ArrowDown") return moved(crop, photo, 0, KEY_STEP);
    if (key === "+" || key === "=") return zoomed(crop, photo, crop.size * 0.95);
    if (key === "-") return zoomed(crop, photo, crop.size / 0.95);
    return undefined;
  };
  return (
    <Dialog title={text.crop.title} onClose={onClose}>
      <p class="hint">{text.crop.hint}</p>
      <div
        class="crop-view"
        role="application"
        tabIndex={0}
        aria-label={text.crop.label(photo.name)}
        onKeyDown={(event) => {
          const next = keys(event);
          if (next === undefined) return;
          event.preventDefault();
          setCrop(next);
        }}
        onWheel={(event) => {
          event.preventDefault();
          setCrop(zoomed(crop, photo, crop.size * (event.deltaY > 0 ? 1.06 : 0.94)));
        }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.current = { x: event.clientX, y: event.clientY, from: crop };
        }}
        onPointerMove={(event) => {
          if (drag.current === undefined) return;
          const { x, y, from } = drag.current;
          const shown = event.currentTarget.clientWidth;
          setCrop(moved(from, photo, (x - event.clientX) / shown, (y - event.clientY) / shown));
        }}
        onPointerUp={() => {
          drag.current = undefined;
        }}
      >
        <img
          src={address.whole(photo.id)}
          alt=""
          draggable={false}
          style={{
            inlineSize: `${(width / side) * 100}%`,
            blockSize: `${(height / side) * 100}%`,
            insetInlineStart: `${((-crop.x * width) / side) * 100}%`,
            insetBlockStart: `${((-crop.y * height) / side) * 100}%`,
          }}
        />
        <span class="crop-thirds" aria-hidden="true" />
      </div>
      <label class="inline inline-wide">
        {text.crop.zoom}
        <input
          type="range"
          min={0}
          max={1 - LEAST}
          step={0.01}
          value={1 - crop.size}
          onInput={({ currentTarget }) => {
            setCrop(zoomed(crop, photo, 1 - currentTarget.valueAsNumber));
          }}
        />
      </label>
      <footer class="actions">
        <button
          type="button"
          class="button-plain"
          onClick={() => {
            setCrop(clamped(wholeCrop(photo), photo));
          }}
        >
          {text.crop.reset}
        </button>
        <button type="button" class="button-main" onClick={save}>
          {text.crop.save}
        </button>
      </footer>
    </Dialog>
  );
}
