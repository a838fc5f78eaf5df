/** @file What was learned as a file, for other programs. */
import { useState } from "preact/hooks";
import type { Job, StudioConcept } from "../../../../src/studio/api.ts";
import { Choice } from "../../parts/choice.tsx";
import { Dialog } from "../../parts/dialog/dialog.tsx";
import { formatBytes } from "../../parts/format.ts";
import type { ExportFormat } from "../../state/contract.ts";
import { tellFault } from "../../state/messages.ts";
import { address } from "../../state/server.ts";
import { finish } from "../../state/studio.ts";
import { text } from "../../strings.ts";

const FORMATS = ["kohya", "diffusers", "peft", "textual-inversion"] as const satisfies readonly ExportFormat[];

export interface ExportDialogProps {
  /** Whose token; absent: all of them. */
  readonly concept: StudioConcept | undefined;
  readonly onClose: () => void;
}

export function ExportDialog({ concept, onClose }: ExportDialogProps) {
  const [format, setFormat] = useState<(typeof FORMATS)[number]>("kohya");
  const [isHalf, setHalf] = useState(false);
  const [job, setJob] = useState<Job>();
  const [isWorking, setWorking] = useState(false);
  const formats = FORMATS.filter((each) => each !== "textual-inversion" || concept !== undefined);
  const write = async () => {
    setWorking(true);
    setJob(await tellFault(() => finish({ kind: "export", format, name: concept?.name, fp16: isHalf })));
    setWorking(false);
  };
  const written = job?.result?.kind === "export" ? job.result : undefined;
  return (
    <Dialog title={text.export.title(concept?.name)} onClose={onClose}>
      <Choice
        label={text.export.format}
        values={formats}
        value={format}
        nameOf={(each) => text.export.formats[each].name}
        aboutOf={(each) => text.export.formats[each].about}
        onChange={(each) => {
          setFormat(each);
          setJob(undefined);
        }}
      />
      <label class="inline">
        <input
          type="checkbox"
          checked={isHalf}
          onChange={({ currentTarget }) => {
            setHalf(currentTarget.checked);
            setJob(undefined);
          }}
        />
        {text.export.half}
      </label>
      <p class="hint">{text.export.shares}</p>
      {job?.fault !== undefined && (
        <p class="hint hint-fault" role="alert">
          {job.fault.message}
        </p>
      )}
      {written?.facts.notes.map((note) => (
        <p key={note} class="hint">
          {note}
        </p>
      ))}
      <footer class="actions">
        {written === undefined ? (
          <button type="button" class="button-main" disabled={isWorking} onClick={() => void write()}>
            {isWorking ? text.common.working : text.export.write}
          </button>
        ) : (
          <a class="button-main" href={address.file(written.id)} download={written.file}>
            {text.export.save(written.file, formatBytes(written.bytes))}
          </a>
        )}
      </footer>
    </Dialog>
  );
}
