/** @file Where the keyboard's focus is, and where it goes when its place is gone. */

const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex='0']";

/** What Tab reaches inside an element, in order. */
export function focusables(within: Element | null): HTMLElement[] {
  const found = [...(within?.querySelectorAll<HTMLElement>(CONTROLS) ?? [])];
  return found.filter(
    (each) => !each.matches(":disabled, [tabindex='-1']") && each.checkVisibility() && isTabStop(each),
  );
}

/** Of the radio buttons of a group, Tab reaches the one that is chosen. */
function isTabStop(control: HTMLElement): boolean {
  if (!(control instanceof HTMLInputElement) || control.type !== "radio" || control.checked) return true;
  const group = [...(control.closest("fieldset")?.querySelectorAll("input") ?? [])];
  return group[0] === control && !group.some(({ checked }) => checked);
}

/** To what had it before; if that is gone, to the heading of the screen. */
export function giveFocusBack(before: Element | null): void {
  if (before instanceof HTMLElement && before.isConnected) before.focus();
  if (document.activeElement === document.body) focusHeading();
}

export function focusHeading(): void {
  document.querySelector<HTMLElement>("h1")?.focus();
}
