/**
 * @file Connections through a proxy, as HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say (in small letters too,
 * which win): encrypted ones through a tunnel (CONNECT), so that the proxy sees the host's name and nothing else. Node
 * 20 reads none of these variables.
 */
import http from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import type { Socket } from "node:net";
import tls from "node:tls";
import { KeepsakeError } from "../errors.ts";
import type { Environment } from "../hub-cache/cache-folder.ts";

/** The proxy for an address; undefined if there is none. @throws KeepsakeError ("usage") for one of another kind */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  if (isExcepted(url, variable(env, "no_proxy") ?? "")) return undefined;
  const name = url.protocol === "https:" ? "https_proxy" : "http_proxy";
  const found = variable(env, name) ?? variable(env, "all_proxy");
  if (found === undefined) return undefined;
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(found) ? found : `http://${found}`;
  const proxy = URL.canParse(address) ? new URL(address) : undefined;
  if (proxy !== undefined && /^https?:$/.test(proxy.protocol) && proxy.hostname !== "") return proxy;
  // The address may hold a password, so it is not shown.
  const advice = "give http://<host>:<port>";
  throw new KeepsakeError("usage", `${name.toUpperCase()} names no HTTP proxy, the only kind supported; ${advice}.`);
}

function variable(env: Environment, name: string): string | undefined {
  return [env[name], env[name.toUpperCase()]]
    .map((value) => value?.trim())
    .find((value) => value !== undefined && value !== "");
}

/** Whether a host, or one that it is part of, is listed; `*` stands for all. */
function isExcepted(url: URL, list: string): boolean {
  const host = bareHost(url);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === "*") return true;
    const pattern = isIP(entry) === 6 ? /^(.*)$/ : /^\[?(.*?)\]?(?::(\d+))?$/;
    const [, name = "", onlyPort = port] = pattern.exec(entry.toLowerCase()) ?? [];
    const domain = name.replace(/^\*?\./, "");
    return domain !== "" && onlyPort === port && (host === domain || host.endsWith(`.${domain}`));
  });
}

/** What to hand to `http.request` or `https.request`. */
export type RequestOptions = Omit<https.RequestOptions, "headers"> & { readonly headers: Record<string, string> };

/**
 * Starts a request to an address, through the proxy if there is one for it.
 *
 * @returns the request, which is yet to be ended
 */
export async function startRequest(url: URL, options: RequestOptions, env: Environment): Promise<http.ClientRequest> {
  const proxy = proxyFor(url, env);
  if (url.protocol === "https:") {
    if (proxy === undefined) return https.request(url, { ...options, agent: false });
    const tunnel = await openTunnel(url, proxy, options);
    const host = bareHost(url);
    const secure = tls.connect({ socket: tunnel, ...(isIP(host) === 0 && { servername: host }), host });
    return https.request(url, { ...options, createConnection: () => secure });
  }
  if (proxy === undefined) return http.request(url, { ...options, agent: false });
  return clientOf(proxy).request({
    ...options,
    ...addressOf(proxy),
    ...{ agent: false, path: url.href },
    headers: { ...options.headers, Host: url.host, ...authorization(proxy) },
  });
}

/** A connection to the address's host that the proxy passes on as it is. */
async function openTunnel(url: URL, proxy: URL, { signal, timeout }: RequestOptions): Promise<Socket> {
  const path = `${url.hostname}:${url.port || "443"}`;
  const headers = { Host: path, ...authorization(proxy) };
  const request = clientOf(proxy).request({
    ...addressOf(proxy),
    method: "CONNECT",
    path,
    headers,
    signal,
    timeout,
    agent: false,
  });
  return new Promise((resolve, reject) => {
    request.on("timeout", () => request.destroy(new Error("the proxy does not answer")));
    request.on("error", reject);
    request.on("response", ({ statusCode }) => {
      request.destroy();
      reject(refused(proxy, statusCode));
    });
    request.on("connect", ({ statusCode }, socket) => {
      socket.setTimeout(0);
      if (statusCode === 200) resolve(socket);
      else {
        socket.destroy();
        reject(refused(proxy, statusCode));
      }
    });
    request.end();
  });
}

function refused(proxy: URL, status: number | undefined): KeepsakeError {
  const why =
    status === 407 ? "asks for a name and a password (http://<name>:<password>@…)" : `answered ${status ?? ""}`;
  return new KeepsakeError("environment", `The proxy ${proxy.host} ${why}; look at HTTPS_PROXY.`);
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "Proxy-Authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** Not the address as it is: Node would send its name and password to the host behind the proxy too. */
function addressOf(proxy: URL): { readonly protocol: string; readonly host: string; readonly port: string } {
  return { protocol: proxy.protocol, host: bareHost(proxy), port: proxy.port };
}

function clientOf({ protocol }: URL): typeof http | typeof https {
  return protocol === "https:" ? https : http;
}

/** Without the brackets of an IPv6 address. */
function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "").toLowerCase();
}
