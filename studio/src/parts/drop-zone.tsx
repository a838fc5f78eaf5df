/** @file Where photos are dropped, or chosen with the system's dialog. */
import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { text } from "../strings.ts";
import { droppedFiles } from "./dropped-files.ts";
import { Icon } from "./icon.tsx";

export interface DropZoneProps {
  readonly title: string;
  readonly hint?: ComponentChildren;
  /** Many photos, or folders of them; else a single photo. */
  readonly takesMany: boolean;
  readonly isSmall?: boolean;
  readonly onFiles: (files: File[]) => void;
}

const ACCEPTED = "image/*,.heic,.heif,.avif,.txt,.caption";

export function DropZone({ title, hint, takesMany, isSmall = false, onFiles }: DropZoneProps) {
  const [isOver, setOver] = useState(false);
  const folder = useRef<HTMLInputElement>(null);
  const id = useId();
  const take = (input: HTMLInputElement) => {
    onFiles([...(input.files ?? [])]);
    // The same files may be chosen again.
    input.value = "";
  };
  return (
    <div
      class={`drop-zone${isSmall ? " drop-zone-small" : ""}${isOver ? " drop-zone-over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => {
        setOver(false);
      }}
      onDrop={(event) => {
        event.preventDefault();
        event.stopPropagation();
        setOver(false);
        if (event.dataTransfer !== null) void droppedFiles(event.dataTransfer).then(onFiles);
      }}
    >
      <Icon name="photo" />
      <p class="drop-zone-title">{title}</p>
      {hint !== undefined && <p class="hint">{hint}</p>}
      <div class="actions">
        <input
          id={id}
          class="file-input"
          type="file"
          accept={takesMany ? ACCEPTED : "image/*,.heic,.heif,.avif"}
          multiple={takesMany}
          onChange={({ currentTarget }) => {
            take(currentTarget);
          }}
        />
        <label for={id} class="button">
          {takesMany ? text.drop.choosePhotos : text.drop.choosePhoto}
        </label>
        {takesMany && (
          <>
            <button type="button" class="button-plain" onClick={() => folder.current?.click()}>
              {text.drop.chooseFolder}
            </button>
            <input
              ref={(input) => {
                folder.current = input;
                // Preact's types do not know it.
                input?.setAttribute("webkitdirectory", "");
              }}
              class="hidden"
              type="file"
              tabIndex={-1}
              aria-label={text.drop.chooseFolder}
              onChange={({ currentTarget }) => {
                take(currentTarget);
              }}
            />
          </>
        )}
      </div>
    </div>
  );
}
