/**
 * @file The memory of another process while it runs, as Linux tells it in /proc. Elsewhere nothing is known.
 */
import { readFileSync } from "node:fs";

const pollMilliseconds = 20;

/** Bytes; undefined where the system does not say. */
export interface MemoryPeaks {
  /** Everything resident: what the process allocated, and pages of files that it has mapped, such as the weights. */
  readonly peak: number | undefined;
  /** What the process allocated. The kernel keeps no peak of it: this is the largest of many samples. */
  readonly anonymous: number | undefined;
}

/** Samples the memory of a process every 20 ms until `stop`. */
export class MemoryWatch {
  readonly #statusFile: string;
  readonly #timer: NodeJS.Timeout;
  #anonymous: number | undefined;

  constructor(processId: number) {
    this.#statusFile = `/proc/${processId}/status`;
    this.#timer = setInterval(() => {
      this.#sample();
    }, pollMilliseconds);
  }

  /** Takes the last sample. */
  stop(): MemoryPeaks {
    clearInterval(this.#timer);
    return { peak: this.#sample(), anonymous: this.#anonymous };
  }

  /** Returns the peak of the resident memory so far. */
  #sample(): number | undefined {
    const status = this.#read();
    const anonymous = field(status, "RssAnon");
    if (anonymous !== undefined) this.#anonymous = Math.max(anonymous, this.#anonymous ?? 0);
    return field(status, "VmHWM");
  }

  #read(): string {
    try {
      return readFileSync(this.#statusFile, "utf8");
    } catch {
      // Another system, or the process has just ended.
      return "";
    }
  }
}

/** The kernel's "kB" are kibibytes. */
function field(status: string, name: string): number | undefined {
  const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}
