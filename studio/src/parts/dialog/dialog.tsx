/**
 * @file A dialog over the page. The focus goes to its first control, goes round in it, and goes back afterwards to what
 * had it before. Escape closes it.
 */
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { text } from "../../strings.ts";
import { focusables, giveFocusBack } from "./focus.ts";
import { Icon } from "../icon.tsx";

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly isWide?: boolean;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, isWide = false, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  // At once: what is typed meanwhile is meant for the dialog.
  useLayoutEffect(() => {
    const before = document.activeElement;
    const shown = dialog.current;
    shown?.showModal();
    // The browser begins at the button that closes, which is the last thing a person wants.
    const [close, first] = focusables(shown);
    (first ?? close)?.focus();
    return () => {
      // As long as it is open, nothing behind it takes the focus.
      shown?.close();
      giveFocusBack(before);
    };
  }, []);
  const onKey = (event: KeyboardEvent) => {
    const inside = focusables(dialog.current);
    const [edge, next] = event.shiftKey ? [inside[0], inside.at(-1)] : [inside.at(-1), inside[0]];
    if (event.key !== "Tab" || document.activeElement !== edge) return;
    event.preventDefault();
    next?.focus();
  };
  return (
    <dialog
      ref={dialog}
      class={isWide ? "dialog dialog-wide" : "dialog"}
      aria-labelledby={id}
      onClose={onClose}
      onKeyDown={onKey}
      onClick={({ target }) => {
        if (target === dialog.current) dialog.current?.close();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <button
            type="button"
            class="button-icon"
            aria-label={text.common.close}
            onClick={() => dialog.current?.close()}
          >
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
