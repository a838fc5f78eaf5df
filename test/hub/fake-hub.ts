/**
 * @file A server that answers as the Hugging Face Hub does: commits, lists of files in pages, small files by itself,
 * large ones by a redirect to another host (another port), which takes ranges. Faults are put in front of it.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request, as a server saw it. */
export interface Seen {
  readonly host: "hub" | "cdn";
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

/** Answers in place of the server if it returns true. */
export type Fault = (seen: Seen, response: ServerResponse) => boolean;

export const REPO = "owner/tiny";
export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

export class FakeHub {
  /** Every request in order. */
  readonly seen: Seen[] = [];
  readonly files: ReadonlyMap<string, Buffer>;
  /** Of `main`. */
  commit = COMMIT;
  fault: Fault = () => false;
  /** How many files a page of the list holds. */
  pageSize = 5;
  /** What the list says, if not the truth. */
  listed: (path: string, item: Record<string, unknown>) => Record<string, unknown> = (_, item) => item;
  readonly #servers: Server[] = [];
  #ports = { hub: 0, cdn: 0 };

  constructor(files: ReadonlyMap<string, Buffer>) {
    this.files = files;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#ports.hub}`;
  }

  get cdn(): string {
    return `http://127.0.0.1:${this.#ports.cdn}`;
  }

  async start(): Promise<this> {
    for (const host of ["hub", "cdn"] as const) {
      const server = createServer((request, response) => {
        this.#answer(host, request, response);
      });
      this.#servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      this.#ports = { ...this.#ports, [host]: (server.address() as AddressInfo).port };
    }
    return this;
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #answer(host: Seen["host"], request: IncomingMessage, response: ServerResponse): void {
    const { url = "", headers } = request;
    const seen = { host, path: url, authorization: headers.authorization, range: headers.range };
    this.seen.push(seen);
    if (this.fault(seen, response)) return;
    if (host === "cdn") this.#send(response, this.files.get(decodeURIComponent(url.slice(1))), seen.range);
    else this.#hub(new URL(url, this.endpoint), response, seen.range);
  }

  #hub(url: URL, response: ServerResponse, range: string | undefined): void {
    const [, revision] = new RegExp(`^/api/models/${REPO}/revision/(.+)$`).exec(url.pathname) ?? [];
    if (revision !== undefined) {
      if (revision === "main") json(response, { id: REPO, sha: this.commit });
      else refuse(response, 404, "RevisionNotFound");
    } else if (url.pathname === `/api/models/${REPO}/tree/${this.commit}`) this.#tree(url, response);
    else if (url.pathname.startsWith(`/${REPO}/resolve/${this.commit}/`)) {
      const name = decodeURIComponent(url.pathname.slice(`/${REPO}/resolve/${this.commit}/`.length));
      const content = this.files.get(name);
      if (content === undefined) refuse(response, 404, "EntryNotFound");
      else if (isLarge(name)) {
        response.writeHead(302, {
          Location: `${this.cdn}/${encodeURIComponent(name)}`,
          "X-Linked-Etag": `"${sha256(content)}"`,
        });
        response.end();
      } else this.#send(response, content, range);
    } else refuse(response, 401, "RepoNotFound");
  }

  #tree(url: URL, response: ServerResponse): void {
    const start = Number(url.searchParams.get("cursor") ?? 0);
    const names = [...this.files.keys()].sort();
    const page = names.slice(start, start + this.pageSize);
    if (start + this.pageSize < names.length) {
      response.setHeader("Link", `<${this.endpoint}${url.pathname}?cursor=${start + this.pageSize}>; rel="next"`);
    }
    const folder = { type: "directory", oid: "f".repeat(40), size: 0, path: "unet" };
    const items = page.map((path) => {
      const content = this.files.get(path) ?? Buffer.alloc(0);
      const item = isLarge(path)
        ? {
            ...{ type: "file", oid: gitHash(Buffer.from(`pointer to ${path}`)), size: content.byteLength, path },
            lfs: { oid: sha256(content), size: content.byteLength, pointerSize: 135 },
          }
        : { type: "file", oid: gitHash(content), size: content.byteLength, path };
      return this.listed(path, item);
    });
    json(response, [folder, ...items]);
  }

  #send(response: ServerResponse, content: Buffer | undefined, range: string | undefined): void {
    if (content === undefined) {
      refuse(response, 404, "EntryNotFound");
      return;
    }
    const [, from] = /^bytes=(\d+)-$/.exec(range ?? "") ?? [];
    const part = content.subarray(Number(from ?? 0));
    const length = { "Content-Length": part.byteLength };
    const place = `bytes ${from}-${content.byteLength - 1}/${content.byteLength}`;
    if (from === undefined) response.writeHead(200, length);
    else response.writeHead(206, { ...length, "Content-Range": place });
    response.end(part);
  }
}

export function refuse(response: ServerResponse, status: number, code?: string): void {
  response.writeHead(status, code === undefined ? {} : { "X-Error-Code": code });
  response.end();
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(value));
}

/** What the hub keeps in large-file storage. */
export function isLarge(name: string): boolean {
  return name.endsWith(".safetensors") || name.endsWith(".bin");
}

export function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** As `git hash-object` has it. */
export function gitHash(content: Buffer): string {
  return createHash("sha1").update(`blob ${content.byteLength}\0`).update(content).digest("hex");
}
