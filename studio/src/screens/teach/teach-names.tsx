/** @file What the concept is called, and what kind of thing it is. */
import { Choice } from "../../parts/choice.tsx";
import { useNamesCheck } from "../../parts/names-check.ts";
import { TextField } from "../../parts/field.tsx";
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
  // What is taught more stays of its kind.
  const isFixed = again.value === "more";
  const isKnown = knownConcept.value !== undefined;
  // An empty field is not wrong yet.
  const nameFault = name === "" ? undefined : check?.name?.message;
  const nounFault = classNoun === "" ? undefined : check?.classNoun?.message;
  return (
    <div class="pair">
      <TextField
        label={text.teach.name}
        hint={
          name === "" || nameFault !== undefined
            ? text.teach.nameHint
            : isKnown
              ? text.teach.nameKnown(name)
              : text.teach.nameUse(name)
        }
        fault={nameFault}
        value={form.value.name}
        longest={60}
        placeholder={text.teach.namePlaceholder}
        isCode
        onChange={(typed) => {
          change({ name: typed });
        }}
      />
      <TextField
        label={text.teach.classNoun}
        hint={isFixed ? text.teach.classNounKept : (check?.note ?? text.teach.classNounHint)}
        fault={nounFault}
        value={isFixed ? classNoun : form.value.classNoun}
        longest={100}
        placeholder={text.teach.classNounPlaceholder}
        isFixed={isFixed}
        onChange={(typed) => {
          change({ classNoun: typed });
        }}
      />
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
