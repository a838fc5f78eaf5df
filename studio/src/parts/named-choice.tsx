/**
 * @file One of many that have a plain name, a sentence and the name that commands have for them: strategies,
 * schedulers.
 */
import type { Words } from "../strings.ts";
import { text } from "../strings.ts";
import { Field } from "./field.tsx";

export interface NamedChoiceProps {
  readonly label: string;
  /** As commands name them. */
  readonly values: readonly string[];
  /** Absent: the default. */
  readonly value: string | undefined;
  readonly byDefault: string;
  readonly wordsOf: (value: string) => Words;
  /** @param value - absent: the default */
  readonly onChange: (value: string | undefined) => void;
}

export function NamedChoice({ label, values, value, byDefault, wordsOf, onChange }: NamedChoiceProps) {
  const chosen = value ?? byDefault;
  return (
    <Field label={label} hint={wordsOf(chosen).about}>
      {(control) => (
        <select
          {...control}
          value={chosen}
          onChange={({ currentTarget }) => {
            onChange(currentTarget.value === byDefault ? undefined : currentTarget.value);
          }}
        >
          {values.map((each) => (
            <option key={each} value={each}>
              {text.common.namedOption(wordsOf(each).name, each, each === byDefault)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
