/** @file What is said to a person: messages that go away, and a line for screen readers. */
import { signal } from "@preact/signals";

export interface Message {
  readonly id: number;
  readonly line: string;
  readonly isFault: boolean;
}

export const messages = signal<readonly Message[]>([]);
/** Read aloud when it changes, and never seen. */
export const spoken = signal("");

/** Milliseconds for which news stays; a fault stays until it is closed. */
const STAY = 6000;
let count = 0;

export function tell(line: string, isFault = true): void {
  const id = ++count;
  messages.value = [...messages.value.filter((message) => message.line !== line), { id, line, isFault }];
  if (!isFault) {
    setTimeout(() => {
      dismiss(id);
    }, STAY);
  }
}

/** Another screen is opened: what went wrong on the last one is over. */
export function dismissFaults(): void {
  messages.value = messages.value.filter(({ isFault }) => !isFault);
}

export function dismiss(id: number): void {
  messages.value = messages.value.filter((message) => message.id !== id);
}

/** Does something; tells the person if it fails. @returns what came of it; absent if it failed */
export async function tellFault<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
