/**
 * @file Where the hub is, who asks, and how patiently: the variables of huggingface_hub (`constants.py`, `_auth.py`).
 */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { KeepsakeError, shown } from "../errors.ts";
import { isTrue, textOf, tokenFile, type Environment } from "../hub-cache/cache-folder.ts";

/** How long to wait; shorter in tests. */
export interface Patience {
  /** Without a byte from a server, in milliseconds. */
  readonly timeout: number;
  /** Tries without a new byte. */
  readonly tries: number;
  /** Waits between tries. @param milliseconds - how long */
  readonly wait: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

/** What every request needs to know. */
export interface HubSettings extends Patience {
  /** Address of the hub, without a path's last slash. */
  readonly endpoint: URL;
  /** Goes to the endpoint alone. */
  readonly token?: string;
  /** For the variables of proxies. */
  readonly env: Environment;
  readonly signal?: AbortSignal;
}

/** @throws KeepsakeError ("usage") for a variable that makes no sense; a token is never shown */
export async function hubSettings(
  env: Environment,
  { signal, ...patience }: Partial<Patience> & { readonly signal?: AbortSignal } = {},
): Promise<HubSettings> {
  const endpoint = textOf(env, "HF_ENDPOINT") ?? "https://huggingface.co";
  const url = URL.canParse(endpoint) ? new URL(endpoint.replace(/\/+$/, "")) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search + url.hash !== "") {
    throw new KeepsakeError(
      "usage",
      `HF_ENDPOINT is ${shown(endpoint)}; give an address, e.g. https://huggingface.co.`,
    );
  }
  return {
    endpoint: url,
    token: await tokenOf(env),
    env,
    signal,
    timeout: seconds(env, "HF_HUB_DOWNLOAD_TIMEOUT", 10) * 1000,
    tries: 5,
    wait: (milliseconds, abort) => sleep(milliseconds, undefined, { signal: abort }),
    ...patience,
  };
}

/** The address of something below the endpoint, each part of its path encoded. */
export function hubUrl({ endpoint }: HubSettings, ...parts: readonly string[]): URL {
  return new URL(`${endpoint.href.replace(/\/$/, "")}/${parts.map(encodeURIComponent).join("/")}`);
}

/** A page of the hub for people. */
export function pageOf(settings: HubSettings, ...parts: readonly string[]): string {
  return hubUrl(settings, ...parts).href;
}

async function tokenOf(env: Environment): Promise<string | undefined> {
  if (isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const said = textOf(env, "HF_TOKEN") ?? textOf(env, "HUGGING_FACE_HUB_TOKEN");
  const token = (said ?? (await readFile(tokenFile(env), "utf8").catch(() => ""))).replace(/[\r\n]/g, "").trim();
  if (token === "") return undefined;
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token;
  const where = said === undefined ? tokenFile(env) : "HF_TOKEN";
  throw new KeepsakeError("usage", `${where} holds no token: a token has letters, digits and signs, and no spaces.`);
}

function seconds(env: Environment, name: string, otherwise: number): number {
  const value = Number(textOf(env, name) ?? otherwise);
  if (value > 0 && value <= 86_400) return value;
  throw new KeepsakeError("usage", `${name} is ${shown(env[name])}; give a number of seconds above 0.`);
}
