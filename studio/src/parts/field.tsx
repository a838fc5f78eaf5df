/** @file A labelled control, with what it means and what is wrong with it. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** What the control has to say of itself. */
export interface ControlProps {
  readonly id: string;
  readonly "aria-describedby"?: string;
  readonly "aria-invalid"?: boolean;
}

export interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly fault?: string;
  readonly children: (control: ControlProps) => ComponentChildren;
}

export function Field({ label, hint, fault, children }: FieldProps) {
  const id = useId();
  const about = `${id}-about`;
  const hasAbout = hint !== undefined || fault !== undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": hasAbout ? about : undefined, "aria-invalid": fault !== undefined })}
      {hasAbout && (
        <p id={about} class={fault === undefined ? "hint" : "hint hint-fault"} aria-live="polite">
          {fault ?? hint}
        </p>
      )}
    </div>
  );
}

export interface TextFieldProps extends Pick<FieldProps, "label" | "hint" | "fault"> {
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Characters. */
  readonly longest: number;
  readonly placeholder?: string;
  /** A name or a path: nothing that a dictionary knows. */
  readonly isCode?: boolean;
  readonly isFixed?: boolean;
}

/** A line of text. */
export function TextField({ value, onChange, longest, placeholder, isCode, isFixed, ...field }: TextFieldProps) {
  return (
    <Field {...field}>
      {(control) => (
        <input
          {...control}
          value={value}
          maxLength={longest}
          placeholder={placeholder}
          readOnly={isFixed}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={isCode !== true}
          onInput={({ currentTarget }) => {
            onChange(currentTarget.value);
          }}
        />
      )}
    </Field>
  );
}

export interface NumberFieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly value: number | undefined;
  readonly onChange: (value: number | undefined) => void;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number | "any";
  /** Shown while there is no value: what is taken then. */
  readonly otherwise?: string;
}

/** A number; nothing stands for the default. */
export function NumberField({ label, hint, value, onChange, otherwise, ...range }: NumberFieldProps) {
  return (
    <Field label={label} hint={hint}>
      {(control) => (
        <input
          {...control}
          {...range}
          type="number"
          inputMode="decimal"
          placeholder={otherwise}
          value={value ?? ""}
          onInput={({ currentTarget }) => {
            const { valueAsNumber } = currentTarget;
            onChange(Number.isFinite(valueAsNumber) ? valueAsNumber : undefined);
          }}
        />
      )}
    </Field>
  );
}
