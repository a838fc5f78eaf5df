/** @file What the concept is called, and what kind of thing it is. */
import { useNamesCheck } from "../../parts/names-check.ts";
import { Field } from "../../parts/field.tsx";
import { change, form, namesCheck, names } from "../../state/teaching.ts";
import { text } from "../../strings.ts";
import { useEffect } from "preact/hooks";

export function TeachNames() {
  const { name, classNoun } = names.value;
  const check = useNamesCheck(name, classNoun);
  useEffect(() => {
    namesCheck.value = check;
  }, [check]);
  // An empty field is not wrong yet.
  const nameFault = name === "" ? undefined : check?.name?.message;
  const nounFault = classNoun === "" ? undefined : check?.classNoun?.message;
  return (
    <div class="pair">
      <Field
        label={text.teach.name}
        hint={name === "" || nameFault !== undefined ? text.teach.nameHint : (check?.note ?? text.teach.nameUse(name))}
        fault={nameFault}
      >
        {(control) => (
          <input
            {...control}
            value={form.value.name}
            maxLength={60}
            placeholder={text.teach.namePlaceholder}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            onInput={({ currentTarget }) => {
              change({ name: currentTarget.value });
            }}
          />
        )}
      </Field>
      <Field label={text.teach.classNoun} hint={text.teach.classNounHint} fault={nounFault}>
        {(control) => (
          <input
            {...control}
            value={form.value.classNoun}
            maxLength={100}
            placeholder={text.teach.classNounPlaceholder}
            autocomplete="off"
            autocapitalize="none"
            onInput={({ currentTarget }) => {
              change({ classNoun: currentTarget.value });
            }}
          />
        )}
      </Field>
    </div>
  );
}
