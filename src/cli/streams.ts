/**
 * @file Standard output and standard error. What is written has left the process when `write` returns, in every thread,
 * and no fault of a stream ends the work: a closed pipe or a full disk behind the log is no reason to lose an hour of
 * training.
 */
import { writeSync } from "node:fs";
import { isatty } from "node:tty";

export class StandardStream {
  readonly #fd: number;
  #failure: NodeJS.ErrnoException | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Why something that was written did not arrive, if so: the first error. */
  get failure(): NodeJS.ErrnoException | undefined {
    return this.#failure;
  }

  write(text: string): void {
    this.#write(text, () => false);
  }

  /** Writes what can be had again by asking: if the reader has seen enough (`| head`), that is no failure. */
  writeListing(text: string): void {
    this.#write(text, isClosedPipe);
  }

  #write(text: string, isExpected: (error: NodeJS.ErrnoException) => boolean): void {
    try {
      if (process.platform === "win32" && isatty(this.#fd)) writeToConsole(this.#fd, text);
      else writeAll(this.#fd, text);
    } catch (cause) {
      const error = cause as NodeJS.ErrnoException; // of node:fs
      if (!isExpected(error)) this.#failure ??= error;
    }
  }
}

/** Whether a stream failed because its reader is gone. */
export function isClosedPipe({ code }: NodeJS.ErrnoException): boolean {
  return code === "EPIPE";
}

function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      // Another process may have made a shared pipe or terminal non-blocking.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/** A Windows console is given text; bytes it would read in the code page of the machine. */
function writeToConsole(fd: number, text: string): void {
  // eslint-disable-next-line no-restricted-properties -- in the worker they lead to the main thread, and there to the console
  (fd === 2 ? process.stderr : process.stdout).write(text);
}

/** Results. */
export const stdout = new StandardStream(1);
/** Everything else. */
export const stderr = new StandardStream(2);
