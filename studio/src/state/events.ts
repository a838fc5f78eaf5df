/** @file The stream of events: it keeps the signals up to date, and comes back by itself where it broke off. */
import { signal } from "@preact/signals";
import type { StudioEvent } from "../../../src/studio/api.ts";
import { refreshPhotos } from "./photos.ts";
import { added } from "./progress.ts";
import { address, ServerFault } from "./server.ts";
import { dropJob, jobs, putJob, refresh, refreshLibrary } from "./studio.ts";

export type Connection = "opening" | "open" | "lost" | "locked";

export const connection = signal<Connection>("opening");
/** Why the page is locked, in the server's words. */
export const lockedBecause = signal("");

/** Milliseconds between two tries to reach the server. */
const RETRY = 1500;

let source: EventSource | undefined;
let isConnecting = false;

/** Asks for the state, then for what happens after it; again and again until the server answers. */
export async function connect(): Promise<void> {
  if (isConnecting) return;
  isConnecting = true;
  source?.close();
  try {
    const after = await refresh();
    await refreshPhotos();
    listen(after);
    connection.value = "open";
  } catch (error) {
    if (!(error instanceof ServerFault)) throw error;
    lockedBecause.value = error.message;
    connection.value = error.kind === "locked" ? "locked" : "lost";
    // The address that the command prints opens this page too, once it was opened beside it.
    setTimeout(() => void connect(), RETRY);
  } finally {
    isConnecting = false;
  }
}

function listen(after: number): void {
  const stream = new EventSource(address.events(after));
  source = stream;
  stream.onmessage = ({ data }: MessageEvent<string>) => {
    take(JSON.parse(data) as StudioEvent);
  };
  stream.onerror = () => {
    if (stream !== source) return;
    // The state is asked for anew: the server may be another one, whose events count from one again.
    stream.close();
    connection.value = "lost";
    setTimeout(() => void connect(), RETRY / 3);
  };
}

function take(event: StudioEvent): void {
  switch (event.kind) {
    case "job":
      putJob(event.job);
      return;
    case "progress":
      jobs.value = jobs.value.map((job) =>
        job.id === event.id ? { ...job, progress: added(job.progress, event.progress) } : job,
      );
      return;
    case "job-removed":
      dropJob(event.id);
      return;
    case "library":
      void Promise.all([refreshLibrary(), refreshPhotos()]).catch(() => void connect());
      return;
    case "reset":
      void connect();
  }
}
