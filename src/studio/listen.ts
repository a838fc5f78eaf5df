/**
 * @file The studio's server: it listens on one address of this machine, and opens no connection. The one file that may
 * load a server (scripts/check-imports.ts).
 */
import { createAdaptorServer } from "@hono/node-server";
import { KeepsakeError } from "../errors.ts";
import { studioApp } from "./app.ts";
import { newSecret } from "./guard.ts";
import { readPageFiles, type PageFile } from "./page-files.ts";
import { Studio } from "./studio.ts";
import type { Job } from "./api.ts";

/** How the studio is started. */
export interface StudioOptions {
  /** Folder of the library. */
  readonly library: string;
  /** The model to begin a library on, as `--model` takes it. Default: the built-in one. */
  readonly model?: string;
  /** Default: any that is free. */
  readonly port?: number;
  /** An address of this machine, by which others reach it. Default: `127.0.0.1`, which only this machine reaches. */
  readonly host?: string;
  /** What the opened address holds. Default: a new secret for each start. */
  readonly token?: string;
  /** Default: as the build made them. */
  readonly page?: ReadonlyMap<string, PageFile>;
}

/** A studio that runs. */
export interface RunningStudio {
  /** To open in a browser; it holds the secret. */
  readonly url: string;
  readonly port: number;
  /** Stops all jobs after their steps, saves them, and ends. @returns the jobs that were stopped */
  close(): Promise<readonly Job[]>;
}

export const LOOPBACK = "127.0.0.1";
/** Tried first, so that the address is the same from day to day. */
const USUAL_PORT = 4321;

/** Milliseconds in which a request must have come, and its headers. */
const REQUEST_TIME = 120_000;
const HEADERS_TIME = 10_000;
/** Bytes of the first line and headers of a request. */
const MOST_HEADERS = 16_384;
const MOST_CONNECTIONS = 256;

/** Starts the studio. @throws KeepsakeError if the page is not built, or the port or address cannot be used */
export async function startStudio(options: StudioOptions): Promise<RunningStudio> {
  const { library, model, host = LOOPBACK, token: key = newSecret() } = options;
  const page = options.page ?? readPageFiles();
  const studio = new Studio({ library, ...(model !== undefined && { model }) });
  let port = 0;
  const names = host === LOOPBACK ? [LOOPBACK, "localhost"] : [host.includes(":") ? `[${host}]` : host];
  const app = studioApp(studio, page, {
    hosts: () => names.map((name) => `${name}:${port}`),
    key,
    cookie: () => `keepsake-studio-${port}`,
  });
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: {
      ...{ requestTimeout: REQUEST_TIME, headersTimeout: HEADERS_TIME, maxHeaderSize: MOST_HEADERS },
      ...{ connectionsCheckingInterval: 5000, keepAliveTimeout: 10_000 },
    },
  });
  server.maxConnections = MOST_CONNECTIONS;
  port = await listen(server, host, options.port);
  return {
    url: `http://${names[0]}:${port}/?key=${encodeURIComponent(key)}`,
    port,
    async close() {
      server.close();
      const stopped = await studio.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
      return stopped;
    },
  };
}

type Server = ReturnType<typeof createAdaptorServer>;

async function listen(server: Server, host: string, port?: number): Promise<number> {
  try {
    return await listenAt(server, host, port ?? USUAL_PORT);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "EADDRINUSE" && port === undefined) return listenAt(server, host, 0);
    const fault =
      code === "EADDRINUSE"
        ? `Port ${port ?? 0} is in use; choose another one with --port`
        : `The studio cannot listen at ${host}, port ${port ?? 0} (${String(code)}); choose another --host or --port`;
    throw new KeepsakeError("environment", `${fault}.`, { cause });
  }
}

function listenAt(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
