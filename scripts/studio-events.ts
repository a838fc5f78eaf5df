/** @file The studio's events as they come over HTTP, for tests and measurements. */
import type { IncomingMessage } from "node:http";
import type { StudioEvent } from "../src/studio/api.ts";

/** Events of a stream as they come, with their numbers. */
export async function* eventsOf(
  stream: IncomingMessage,
): AsyncGenerator<{ readonly id: number; readonly event: StudioEvent }, void, undefined> {
  let text = "";
  for await (const part of stream) {
    text += String(part);
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, id, data] = /^id: (\d+)\ndata: (.*)$/m.exec(block) ?? [];
      if (data !== undefined) yield { id: Number(id), event: JSON.parse(data) as StudioEvent }; // of our own server
    }
  }
}
