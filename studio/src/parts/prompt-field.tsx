/** @file A prompt. "<" offers the concepts; arrow keys choose, Enter or Tab puts one in. */
import { useId, useRef, useState } from "preact/hooks";
import { concepts } from "../state/studio.ts";
import { text } from "../strings.ts";
import { completed, startedToken } from "./completion.ts";

export interface PromptFieldProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly onChange: (value: string) => void;
  /** Ctrl or ⌘ with Enter. */
  readonly onSubmit: () => void;
}

export function PromptField({ label, value, placeholder, onChange, onSubmit }: PromptFieldProps) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const [started, setStarted] = useState<string>();
  const [chosen, setChosen] = useState(0);
  const offers = started === undefined ? [] : concepts.value.filter(({ name }) => name.startsWith(started));
  const isOpen = offers.length > 0;
  const look = () => {
    setStarted(area.current === null ? undefined : startedToken(area.current.value, area.current.selectionStart));
    setChosen(0);
  };
  const put = (token: string) => {
    if (area.current === null) return;
    const { value: whole, caret } = completed(area.current.value, area.current.selectionStart, token);
    onChange(whole);
    setStarted(undefined);
    area.current.value = whole;
    area.current.focus();
    area.current.setSelectionRange(caret, caret);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      onSubmit();
      return;
    }
    if (!isOpen) return;
    if (event.key === "ArrowDown") setChosen((chosen + 1) % offers.length);
    else if (event.key === "ArrowUp") setChosen((chosen + offers.length - 1) % offers.length);
    else if (event.key === "Escape") setStarted(undefined);
    else if (event.key === "Enter" || event.key === "Tab") put(offers[chosen]?.token ?? "");
    else return;
    event.preventDefault();
  };
  return (
    <div class="field prompt">
      <label for={id}>{label}</label>
      <textarea
        ref={area}
        id={id}
        rows={3}
        maxLength={2000}
        value={value}
        placeholder={placeholder}
        aria-haspopup="listbox"
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={isOpen ? `${id}-${chosen}` : undefined}
        onInput={({ currentTarget }) => {
          onChange(currentTarget.value);
          look();
        }}
        onKeyDown={onKey}
        onBlur={() => {
          setStarted(undefined);
        }}
      />
      <ul
        id={`${id}-list`}
        class={isOpen ? "offers" : "offers offers-none"}
        role="listbox"
        aria-label={text.draw.concepts}
      >
        {offers.map(({ name, token, classNoun }, index) => (
          <li
            key={name}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === chosen}
            onMouseDown={(event) => {
              event.preventDefault();
              put(token);
            }}
          >
            {token} <span class="muted">{classNoun}</span>
          </li>
        ))}
      </ul>
      <div class="chips" aria-label={text.draw.concepts} role="group">
        {concepts.value.map(({ name, token }) => (
          <button
            key={name}
            type="button"
            class="chip"
            onClick={() => {
              put(token);
            }}
          >
            {token}
          </button>
        ))}
      </div>
    </div>
  );
}
