/**
 * @file What has happened in the studio, for pages that watch: the last few thousand events, numbered, so that a page
 * that was away goes on where it left.
 */
import type { StudioEvent } from "./api.ts";

const KEPT = 4000;

/** Bytes that may wait for a page that does not read; it is cut off then, and comes back for what it has missed. */
const MOST_WAITING = 8_000_000;

/** Milliseconds between comments that keep a quiet connection open. */
const QUIET = 15_000;

/** Events with growing numbers. */
export class EventLog {
  readonly #kept: { readonly id: number; readonly text: string }[] = [];
  readonly #listeners = new Set<(text: string) => void>();
  #last = 0;

  /** Number of the last event; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** How many pages watch. */
  get watchers(): number {
    return this.#listeners.size;
  }

  add(event: StudioEvent): void {
    this.#last += 1;
    const text = serialized(this.#last, event);
    this.#kept.push({ id: this.#last, text });
    if (this.#kept.length > KEPT) this.#kept.shift();
    for (const listener of this.#listeners) listener(text);
  }

  /**
   * Events from then on, as `text/event-stream`. @param after - number of the last event that is known; default: the
   * last
   */
  stream(after = this.#last): Response {
    const encoder = new TextEncoder();
    let end = () => {};
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          let isOver = false;
          const send = (text: string) => {
            if (isOver) return;
            controller.enqueue(encoder.encode(text));
            if ((controller.desiredSize ?? 0) < -MOST_WAITING) {
              end();
              controller.close();
            }
          };
          const timer = setInterval(() => {
            send(": still here\n\n");
          }, QUIET);
          timer.unref();
          end = () => {
            isOver = true;
            clearInterval(timer);
            this.#listeners.delete(send);
          };
          this.#listeners.add(send);
          send("retry: 1000\n\n");
          for (const text of this.#since(after)) send(text);
        },
        cancel: () => {
          end();
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 65_536 }),
    );
    return new Response(body, { headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" } });
  }

  #since(after: number): string[] {
    const first = this.#kept[0]?.id ?? 1;
    const isKnown = Number.isSafeInteger(after) && after >= first - 1 && after <= this.#last;
    if (!isKnown) return [serialized(this.#last, { kind: "reset" })];
    return this.#kept.slice(after - first + 1).map(({ text }) => text);
  }
}

function serialized(id: number, event: StudioEvent): string {
  return `id: ${id}\ndata: ${JSON.stringify(event)}\n\n`;
}
