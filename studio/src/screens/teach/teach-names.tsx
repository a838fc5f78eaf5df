/** @file What the concept is called, and what kind of thing it is. */
import { Choice } from "../../parts/choice.tsx";
import { useNamesCheck } from "../../parts/names-check.ts";
import { Field } from "../../parts/field.tsx";
import { again, change, form, isUnfinished, knownConcept, namesCheck, names } from "../../state/teaching.ts";
import { text } from "../../strings.ts";
import type { Again } from "../../state/contract.ts";
import { useEffect } from "preact/hooks";

const WAYS = ["more", "replaced"] as const satisfies readonly Again[];

export function TeachNames() {
  const { name, classNoun } = names.value;
  const check = useNamesCheck(name, classNoun);
  useEffect(() => {
    namesCheck.value = check;
  }, [check]);
  // An empty field is not wrong yet.
  const isKnown = knownConcept.value !== undefined;
  const nameFault = name === "" ? undefined : check?.name?.message;
  const nounFault = classNoun === "" ? undefined : check?.classNoun?.message;
  return (
    <div class="pair">
      <Field
        label={text.teach.name}
        hint={
          name === "" || nameFault !== undefined
            ? text.teach.nameHint
            : isKnown
              ? text.teach.nameKnown(name)
              : text.teach.nameUse(name)
        }
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
      <Field
        label={text.teach.classNoun}
        hint={again.value === "more" ? text.teach.classNounKept : (check?.note ?? text.teach.classNounHint)}
        fault={nounFault}
      >
        {(control) => (
          <input
            {...control}
            value={again.value === "more" ? classNoun : form.value.classNoun}
            readOnly={again.value === "more"}
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
      {isKnown && !isUnfinished.value && (
        <div class="pair-wide">
          <Choice
            label={text.teach.again(name)}
            values={WAYS}
            value={form.value.again}
            nameOf={(each) => text.teach.ways[each].name}
            aboutOf={(each) => text.teach.ways[each].about}
            onChange={(each) => {
              change({ again: each });
            }}
          />
        </div>
      )}
    </div>
  );
}
