/**
 * @file What the tests of the studio share: a studio that runs as a process, and requests whose every header can be
 * forged.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { expect } from "vitest";
import { RandomStream } from "../../src/random/random.ts";
import type {
  Job,
  JobRequest,
  LearnJobRequest,
  LearnSettings,
  StudioPhoto,
  StudioState,
} from "../../src/studio/api.ts";
import { MAIN } from "../cli/support.ts";
import { MODEL } from "../keepsake/support.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Forged {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** A port that nobody listens on. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) resolve(address.port);
        else reject(new Error("there is no free port"));
      });
    });
  });
}

/** A studio in a process of its own, and a browser that it has let in. */
export class TestStudio {
  readonly child: ChildProcess;
  readonly url: URL;
  /** Everything that it wrote to stdout and stderr. */
  readonly output: () => string;
  cookie = "";

  private constructor(child: ChildProcess, url: URL, output: () => string) {
    [this.child, this.url, this.output] = [child, url, output];
  }

  /** Starts `keepsake studio` on a library. @param args - further options */
  static async start(library: string, ...args: string[]): Promise<TestStudio> {
    // Of its own: another test's studio may take one that a restarted studio is to have again.
    const port = ["--port", String(await freePort())];
    const options = ["--library", library, "--model", MODEL, "--no-open", ...port, ...args];
    const child = spawn(process.execPath, [MAIN, "studio", ...options], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const take = (data: Buffer) => (output += data.toString());
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    const address = await new Promise<string>((resolve, reject) => {
      child.stdout.on("data", () => {
        const found = /http:\S+/.exec(output)?.[0];
        if (found !== undefined) resolve(found);
      });
      child.on("exit", () => {
        reject(new Error(`the studio did not start: ${output}`));
      });
    });
    const studio = new TestStudio(child, new URL(address), () => output);
    const { headers } = await studio.send("GET", studio.url.pathname + studio.url.search, { headers: { cookie: "" } });
    studio.cookie = headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    return studio;
  }

  get origin(): string {
    return this.url.origin;
  }

  /** A request as the page sends it, with what is forged in its place. */
  async send(method: string, path: string, { headers, body }: Forged = {}): Promise<Answer> {
    const response = await this.open(method, path, { headers, body });
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) };
  }

  /** As {@link send}, and the answer is read by the caller. */
  open(method: string, path: string, { headers, body }: Forged = {}): Promise<IncomingMessage> {
    const { hostname, port } = this.url;
    const own = { cookie: this.cookie, ...(method !== "GET" && { "content-type": "application/json" }) };
    return new Promise((resolve, reject) => {
      const sent = request({ hostname, port, method, path, headers: { ...own, ...headers }, agent: false }, resolve);
      sent.on("error", reject);
      sent.end(body);
    });
  }

  /** JSON in, JSON out. */
  async call<Result>(method: string, path: string, body?: unknown): Promise<Result> {
    const answer = await this.send(method, path, { body: body === undefined ? undefined : JSON.stringify(body) });
    expect(answer.status, answer.body.toString()).toBeLessThan(300);
    return JSON.parse(answer.body.toString()) as Result; // of our own server
  }

  state(): Promise<StudioState> {
    return this.call("GET", "/api/state");
  }

  async drop(name: string, bytes: Uint8Array): Promise<StudioPhoto> {
    const headers = { "content-type": "application/octet-stream" };
    const path = `/api/photos?name=${encodeURIComponent(name)}`;
    const { status, body } = await this.send("POST", path, { headers, body: bytes });
    expect(status, body.toString()).toBe(200);
    return JSON.parse(body.toString()) as StudioPhoto; // of our own server
  }

  ask(request: JobRequest): Promise<Job> {
    return this.call("POST", "/api/jobs", request);
  }

  /** Waits until a job is over, or as far as is said. */
  async until(id: string, is: (job: Job) => boolean = isOver): Promise<Job> {
    for (;;) {
      const job = await this.call<Job>("GET", `/api/jobs/${id}`);
      if (is(job)) return job;
      await sleep(20);
    }
  }

  /** Asks for a job and waits for it; it must succeed. */
  async done(request: JobRequest): Promise<Job> {
    const job = await this.until((await this.ask(request)).id);
    expect(job.status, job.fault?.message).toBe("done");
    return job;
  }

  /** Ends it as a signal does. @returns exit code, or the signal */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const ended = new Promise<number | string>((resolve) => {
      this.child.once("exit", (code, by) => {
        resolve(code ?? by ?? "");
      });
    });
    this.child.kill(signal);
    return ended;
  }
}

export function isOver({ status }: Job): boolean {
  return status === "done" || status === "failed" || status === "stopped";
}

/** A photo of coloured noise, as PNG: no two subjects share a row. */
export async function noisePhoto(subject: string, width = 72, height = 64): Promise<Buffer> {
  const noise = new RandomStream(0, "studio photo", subject).integers(width * height * 3, 256);
  const raw = { width, height, channels: 3 as const };
  return sharp(Uint8Array.from(noise), { raw }).png().toBuffer();
}

/** A learning of few and small steps. */
export function learning(
  name: string,
  photos: readonly StudioPhoto[],
  steps = 6,
  { sampleEvery = 0 }: Pick<LearnSettings, "sampleEvery"> = {},
): LearnJobRequest {
  const settings = { steps, resolution: 32, strategy: "sequential", sampleEvery };
  return { kind: "learn", name, classNoun: "dog", photos: photos.map(({ id }) => id), settings };
}
