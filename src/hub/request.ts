/**
 * @file One request to the hub, with its redirects. The token goes to the hub's own origin and is dropped for good at
 * the first redirect elsewhere, as large files have it (huggingface_hub: `_get_metadata_or_catch_error`).
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { KeepsakeError } from "../errors.ts";
import { startRequest } from "./proxy.ts";
import type { HubSettings } from "./settings.ts";

/** What a server answered. Its body must be read, or destroyed. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
  /** After redirects. */
  readonly url: URL;
}

/** Nothing has come for too long. */
export class Silence extends Error {}

const MOST_REDIRECTS = 10;

/** Asks for an address. @throws KeepsakeError for a redirect that is not followed; errors of the network as they are */
export async function get(url: URL, headers: Record<string, string>, settings: HubSettings): Promise<Answer> {
  let isAtHome = true;
  let at = url;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    isAtHome &&= at.origin === settings.endpoint.origin;
    const own = isAtHome && settings.token !== undefined && { Authorization: `Bearer ${settings.token}` };
    const answer = await ask(at, { ...headers, ...own }, settings);
    const { location } = answer.headers;
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
    answer.body.destroy();
    at = target(at, location);
  }
  throw new KeepsakeError(
    "environment",
    `${url.host} redirects in a circle; look at HF_ENDPOINT and the proxy settings.`,
  );
}

function target(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const isWeb = to !== undefined && /^https?:$/.test(to.protocol) && to.username === "" && to.password === "";
  if (isWeb && !(from.protocol === "https:" && to.protocol === "http:")) return to;
  const what = to === undefined ? "an address that is none" : `${to.protocol}//${to.host}`;
  throw new KeepsakeError(
    "environment",
    `${from.host} redirects to ${what}, which is not followed; look at HF_ENDPOINT.`,
  );
}

async function ask(url: URL, headers: Record<string, string>, settings: HubSettings): Promise<Answer> {
  const { signal, timeout, env } = settings;
  signal?.throwIfAborted();
  const all = { "User-Agent": "keepsake", Accept: "*/*", "Accept-Encoding": "identity", ...headers };
  const request = await startRequest(url, { method: "GET", headers: all, signal, timeout }, env);
  return new Promise((resolve, reject) => {
    // Looking a name up and connecting count too, for which Node's own limit does not hold in every case.
    const timer = setTimeout(() => request.destroy(new Silence()), timeout);
    request.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.on("response", (body) => {
      clearTimeout(timer);
      resolve({ status: body.statusCode ?? 0, headers: body.headers, body, url });
    });
    request.end();
  });
}

/** The pieces of a body. @throws Silence if one does not come in time; an error of the network if the body is cut */
export async function* pieces({ body }: Answer, timeout: number): AsyncGenerator<Buffer, void> {
  const parts = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator](); // no encoding is set, so they are bytes
  for (;;) {
    const timer = setTimeout(() => body.destroy(new Silence()), timeout);
    const next = await parts.next().finally(() => {
      clearTimeout(timer); // a slow disk is no fault of the server's
    });
    if (next.done === true) return;
    yield next.value;
  }
}

/** A small body as text. @throws KeepsakeError ("input") if it is larger than `most` bytes */
export async function textOfAnswer(answer: Answer, timeout: number, most: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces(answer, timeout)) {
    size += piece.byteLength;
    if (size > most) {
      answer.body.destroy();
      const fault = `${answer.url.host} answered with more than ${Math.round(most / 1e6)} MB where a list was asked for`;
      throw new KeepsakeError("input", `${fault}; look at HF_ENDPOINT and the proxy settings.`);
    }
    parts.push(piece);
  }
  return Buffer.concat(parts).toString("utf8");
}
