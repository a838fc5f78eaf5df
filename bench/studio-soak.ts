/**
 * @file `npm run bench -- --studio`: a soak of the studio. While a concept is trained, pages watch and ask: whether an
 * event is lost, whether memory grows, and how long an answer takes while a step runs. It needs Linux, which tells a
 * process's memory.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { eventsOf } from "../scripts/studio-events.ts";
import { KeepsakeError } from "../src/errors.ts";
import { RandomStream } from "../src/random/random.ts";
import type { Job, StudioPhoto } from "../src/studio/api.ts";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

export interface SoakSettings {
  readonly requests: number;
  readonly pages: number;
}

/** Requests that a page sends again and again. */
const PATHS = ["/api/state", "/api/photos", "/", "/api/state", "/api/nothing"];
/** How many are on their way at once. */
const AT_ONCE = 2;

/** Runs the soak on the built-in model, and prints what it found. */
export async function soakStudio({ requests, pages }: SoakSettings): Promise<void> {
  if (!existsSync(MAIN)) throw new KeepsakeError("usage", 'Run "npm run build" first.');
  const folder = mkdtempSync(join(tmpdir(), "keepsake-soak-"));
  let client: SoakClient | undefined;
  try {
    client = await SoakClient.start(join(folder, "library"));
    await soak(client, requests, pages);
  } finally {
    await client?.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function soak(client: SoakClient, requests: number, pages: number): Promise<void> {
  const photos = await Promise.all(["a", "b", "c"].map((subject) => client.drop(subject)));
  const learn = {
    ...{ kind: "learn", name: "soaked", classNoun: "cat", photos: photos.map(({ id }) => id) },
    settings: { steps: 100_000, sampleEvery: 0 },
  };
  const watched = Array.from({ length: pages }, () => client.watch());
  await Promise.all(watched.map(({ isOpen }) => isOpen));
  const { id } = await client.json<Job>("POST", "/api/jobs", learn);
  await client.until(id, ({ progress }) => (progress.done ?? 0) > 2);

  // The first round is to load and compile whatever there is; the engine's heap finds its size.
  await round(client, requests);
  const before = await client.json<Job>("GET", `/api/jobs/${id}`);
  const started = performance.now();
  const { times, memory } = await round(client, requests);
  const seconds = (performance.now() - started) / 1000;
  const after = await client.json<Job>("GET", `/api/jobs/${id}`);
  await client.json("POST", `/api/jobs/${id}/stop`);
  await client.until(id, ({ status }) => status === "stopped");
  const last = (await client.json<{ lastEvent: number }>("GET", "/api/state")).lastEvent;
  await Promise.all(watched.map((page) => page.reaches(last)));

  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))].toFixed(1);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length / 1e6;
  const third = Math.floor(memory.length / 3);
  const steps = (after.progress.done ?? 0) - (before.progress.done ?? 0);
  console.log(`${times.length} requests in ${seconds.toFixed(0)} s, ${pages} pages, ${steps} training steps meanwhile`);
  console.log(`answers: median ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, slowest ${at(1)} ms`);
  const [first, end] = [mean(memory.slice(0, third)), mean(memory.slice(-third))];
  console.log(`memory of the server: ${first.toFixed(0)} MB in the first third, ${end.toFixed(0)} MB in the last`);
  console.log(`events: ${last} in all; lost: ${watched.reduce((sum, page) => sum + page.lost, 0)} of ${pages} pages`);
}

/** Sends requests, a few at once. @returns milliseconds of each, and bytes of the server now and then */
async function round(
  client: SoakClient,
  requests: number,
): Promise<{ readonly times: number[]; readonly memory: readonly number[] }> {
  const times: number[] = [];
  const memory: number[] = [];
  let sent = 0;
  const ask = async () => {
    while (sent < requests) {
      const path = PATHS[sent % PATHS.length];
      sent += 1;
      if (sent % Math.ceil(requests / 50) === 0) memory.push(memoryOf(client.child));
      const at = performance.now();
      await client.send("GET", path);
      times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return { times, memory };
}

/** Resident memory in bytes. */
function memoryOf({ pid }: ChildProcess): number {
  const [, kibibytes = "NaN"] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid ?? 0}/status`, "utf8")) ?? [];
  return Number(kibibytes) * 1024;
}

class SoakClient {
  readonly child: ChildProcess;
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  #cookie = "";

  private constructor(child: ChildProcess, url: URL) {
    [this.child, this.#url] = [child, url];
  }

  static async start(library: string): Promise<SoakClient> {
    const child = spawn(process.execPath, [MAIN, "studio", "--no-open", "--library", library], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    for await (const part of child.stdout) {
      output += String(part);
      if (output.includes("Ctrl-C")) break;
    }
    const [address] = /http:\S+/.exec(output) ?? [];
    if (address === undefined) {
      child.kill();
      throw new Error("the studio ended before it printed its address");
    }
    const client = new SoakClient(child, new URL(address));
    const response = await client.open("GET", client.#url.pathname + client.#url.search);
    response.resume();
    client.#cookie = response.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    return client;
  }

  open(method: string, path: string, body?: Uint8Array | string, agent?: Agent): Promise<IncomingMessage> {
    const type = typeof body === "object" ? "application/octet-stream" : "application/json";
    const headers = { cookie: this.#cookie, ...(method !== "GET" && { "content-type": type }) };
    const { hostname, port } = this.#url;
    return new Promise((resolve, reject) => {
      const sent = request({ hostname, port, method, path, headers, ...(agent && { agent }) }, resolve);
      sent.on("error", reject).end(body);
    });
  }

  async send(method: string, path: string, body?: Uint8Array | string): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of await this.open(method, path, body, this.#agent)) parts.push(part as Buffer);
    return Buffer.concat(parts);
  }

  async json<Result>(method: string, path: string, body?: unknown): Promise<Result> {
    const answer = await this.send(method, path, body === undefined ? undefined : JSON.stringify(body));
    return JSON.parse(answer.toString()) as Result; // of our own server
  }

  async drop(subject: string): Promise<StudioPhoto> {
    const noise = new RandomStream(0, "soak", subject).integers(128 * 128 * 3, 256);
    const png = await sharp(Uint8Array.from(noise), { raw: { width: 128, height: 128, channels: 3 } })
      .png()
      .toBuffer();
    return JSON.parse((await this.send("POST", `/api/photos?name=${subject}.png`, png)).toString()) as StudioPhoto;
  }

  async until(id: string, is: (job: Job) => boolean): Promise<void> {
    while (!is(await this.json<Job>("GET", `/api/jobs/${id}`)))
      await new Promise((resolve) => setTimeout(resolve, 100));
  }

  /** A page that reads every event. */
  watch(): { readonly isOpen: Promise<void>; readonly reaches: (id: number) => Promise<void>; readonly lost: number } {
    let [last, lost]: [number | undefined, number] = [undefined, 0];
    let wake = () => {};
    const read = async (stream: IncomingMessage) => {
      for await (const { id, event } of eventsOf(stream)) {
        lost += event.kind === "reset" ? 1 : id - 1 - (last ?? id - 1);
        last = id;
        wake();
      }
    };
    const isOpen = this.open("GET", "/api/events").then((stream) => {
      void read(stream).catch(() => undefined);
    });
    const reaches = async (id: number) => {
      while ((last ?? 0) < id) await new Promise<void>((resolve) => (wake = resolve));
    };
    return {
      isOpen,
      reaches,
      get lost() {
        return lost;
      },
    };
  }

  async end(): Promise<void> {
    this.#agent.destroy();
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    await ended;
  }
}
