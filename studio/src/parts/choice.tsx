/** @file One of a few, side by side. */
import { useId } from "preact/hooks";

export interface ChoiceProps<Value extends string> {
  readonly label: string;
  /** The heading above says it already. */
  readonly isLabelHidden?: boolean;
  readonly values: readonly Value[];
  readonly value: Value;
  readonly nameOf: (value: Value) => string;
  /** A line below the name. */
  readonly aboutOf?: (value: Value) => string;
  readonly onChange: (value: Value) => void;
}

export function Choice<Value extends string>({
  label,
  isLabelHidden = false,
  values,
  value,
  nameOf,
  aboutOf,
  onChange,
}: ChoiceProps<Value>) {
  const group = useId();
  return (
    <fieldset class={aboutOf === undefined ? "choice" : "choice choice-cards"}>
      <legend class={isLabelHidden ? "hidden" : undefined}>{label}</legend>
      <div class="choice-row">
        {values.map((each) => (
          <label key={each}>
            <input
              type="radio"
              name={group}
              checked={each === value}
              onChange={() => {
                onChange(each);
              }}
            />
            <span class="choice-name">{nameOf(each)}</span>
            {aboutOf !== undefined && <span class="choice-about">{aboutOf(each)}</span>}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
