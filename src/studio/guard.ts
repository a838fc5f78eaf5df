/**
 * @file Who may talk to the studio: the person who started it, through the page that it serves, and nobody else. Other
 * pages in the same browser, other machines and names that point here are refused before anything is done.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { HttpFault } from "./fault.ts";

/** What the guard compares requests with. */
export interface GuardSettings {
  /** `127.0.0.1:3210` and the like: what the header Host may say. */
  readonly hosts: () => readonly string[];
  /** In the address that is opened. */
  readonly key: string;
  /** Where the studio leaves loopback, cookies of other servers on the port's host are none of ours. */
  readonly cookie: () => string;
}

/** A secret that nobody guesses. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

const POLICY = [
  "default-src 'none'",
  ...["script-src", "style-src", "connect-src", "font-src"].map((source) => `${source} 'self'`),
  "img-src 'self' blob:",
  ...["base-uri", "form-action", "frame-ancestors"].map((source) => `${source} 'none'`),
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": POLICY,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Frame-Options": "DENY",
};

/** Puts the headers that protect the page on every answer, faults too. */
export function protectingHeaders(): MiddlewareHandler {
  return async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
    if (!context.res.headers.has("Cache-Control")) context.header("Cache-Control", "no-store");
  };
}

/** Media types that a form or a script of another page cannot send without asking first (Fetch: "CORS-safelisted"). */
const NON_SIMPLE = /^(?:application\/json|application\/octet-stream|image\/png)(?:;|$)/i;

/** Refuses what does not come from the studio's own page. `GET /?key=...` lets a browser in. */
export function guard({ hosts, key, cookie }: GuardSettings): MiddlewareHandler {
  const session = newSecret();
  return async (context, next) => {
    const { method, path } = context.req;
    const header = (name: string) => context.req.header(name);
    if (!hosts().includes(header("host")?.toLowerCase() ?? ""))
      throw new HttpFault(403, "This host is not the studio's.");
    const origin = header("origin");
    if (origin !== undefined && !hosts().some((host) => origin === `http://${host}`)) {
      throw new HttpFault(403, "Requests of other pages are refused.");
    }
    const site = header("sec-fetch-site");
    const isNavigation = method === "GET" && (header("sec-fetch-mode") ?? "navigate") === "navigate";
    const isOwn = site === undefined || site === "same-origin" || (site === "none" && isNavigation);
    if (!isOwn) throw new HttpFault(403, "Requests of other pages are refused.");

    const given = path === "/" && method === "GET" ? context.req.query("key") : undefined;
    if (given !== undefined && isSame(given, key)) {
      setCookie(context, cookie(), session, { httpOnly: true, sameSite: "Strict", path: "/" });
      // So that the key leaves the address bar and the history.
      return context.redirect("/", 303);
    }
    if (!isSame(getCookie(context, cookie()) ?? "", session)) {
      throw new HttpFault(401, 'Open the studio at the address that "keepsake studio" printed.');
    }
    if (method === "POST" || method === "PUT" || method === "PATCH") {
      if (!NON_SIMPLE.test(header("content-type") ?? "")) {
        throw new HttpFault(415, "The content type is not one that the studio takes.");
      }
    }
    return next();
  };
}

/** Takes as long whatever is wrong. */
function isSame(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}
