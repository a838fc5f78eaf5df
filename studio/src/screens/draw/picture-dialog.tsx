/** @file A picture on its own: how it was drawn, and saving it. */
import { useState } from "preact/hooks";
import type { PictureId } from "../../../../src/studio/api.ts";
import { Dialog } from "../../parts/dialog/dialog.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Picture } from "../../parts/picture.tsx";
import { address } from "../../state/server.ts";
import { type JobOf, studio } from "../../state/studio.ts";
import { schedulerWords, text } from "../../strings.ts";

export interface PictureDialogProps {
  readonly job: JobOf<"draw">;
  readonly picture: PictureId;
  readonly onClose: () => void;
}

export function PictureDialog({ job: { request }, picture, onClose }: PictureDialogProps) {
  const [hasPrompt, setHasPrompt] = useState(true);
  const defaults = studio.value?.defaults;
  const scheduler = request.scheduler ?? defaults?.drawing.scheduler;
  const facts: readonly (readonly [string, string | number | undefined])[] = [
    [text.draw.seed, request.seed],
    [text.draw.steps, request.steps ?? defaults?.drawing.steps],
    [text.draw.guidance, request.guidanceScale ?? defaults?.drawing.guidanceScale],
    [text.draw.scheduler, scheduler && schedulerWords(scheduler).name],
    [text.draw.negative, request.negativePrompt],
  ];
  const file = `${fileNameOf(request.prompt)}-${request.seed ?? 0}.png`;
  return (
    <Dialog title={request.prompt} onClose={onClose} isWide>
      <div class="picture-dialog">
        <Picture id={picture} alt={request.prompt} />
        <div>
          <dl class="facts">
            {facts
              .filter(([, value]) => value !== undefined)
              .map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
          </dl>
          <label class="inline">
            <input
              type="checkbox"
              checked={hasPrompt}
              onChange={({ currentTarget }) => {
                setHasPrompt(currentTarget.checked);
              }}
            />
            {text.draw.withPrompt}
          </label>
          <p class="hint">{text.draw.withPromptHint}</p>
          <a class="button-main button-wide" href={address.savedPicture(picture, file, hasPrompt)} download={file}>
            <Icon name="save" />
            {text.draw.save}
          </a>
        </div>
      </div>
    </Dialog>
  );
}

/** Words of a prompt as the name of a file. */
function fileNameOf(prompt: string): string {
  const words = prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.join("-").slice(0, 60) || "picture";
}
