/** @file Another name for a concept. */
import { useState } from "preact/hooks";
import type { StudioConcept } from "../../../../src/studio/api.ts";
import { Dialog } from "../../parts/dialog/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { useNamesCheck } from "../../parts/names-check.ts";
import { tell, tellFault } from "../../state/messages.ts";
import { finish } from "../../state/studio.ts";
import { text } from "../../strings.ts";

export function RenameDialog({ concept, onClose }: { readonly concept: StudioConcept; readonly onClose: () => void }) {
  const [name, setName] = useState(concept.name);
  const isSame = name.trim() === concept.name;
  const check = useNamesCheck(isSame ? "" : name.trim(), concept.classNoun);
  const isTaken = check?.known !== undefined && check.known !== concept.name;
  const fault = check?.name?.message ?? (isTaken ? text.rename.taken(check.known) : undefined);
  const rename = async () => {
    onClose();
    const job = await tellFault(() => finish({ kind: "rename", name: concept.name, to: name.trim() }));
    if (job?.fault !== undefined) tell(job.fault.message);
    else if (job !== undefined) tell(text.rename.done(concept.name, name.trim()), false);
  };
  return (
    <Dialog title={text.rename.title(concept.name)} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void rename();
        }}
      >
        <Field label={text.rename.label} hint={text.rename.hint} fault={fault}>
          {(control) => (
            <input
              {...control}
              value={name}
              maxLength={40}
              autocomplete="off"
              spellcheck={false}
              onInput={({ currentTarget }) => {
                setName(currentTarget.value);
              }}
            />
          )}
        </Field>
        <footer class="actions">
          <button type="submit" class="button-main" disabled={isSame || name.trim() === "" || fault !== undefined}>
            {text.rename.save}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
