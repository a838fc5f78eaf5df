/** @file Loaded into a process, makes every attempt to reach the network fail, and says so on stderr. */
import childProcess from "node:child_process";
import dgram from "node:dgram";
import dns from "node:dns";
import http from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";

function refuse(what: string): () => never {
  return () => {
    process.stderr.write(`NETWORK: ${what}\n`);
    throw new Error(`${what} is forbidden in this process`);
  };
}

function forbid(owner: object, ...names: string[]): void {
  for (const name of names) Reflect.set(owner, name, refuse(name));
}

forbid(net.Socket.prototype, "connect");
forbid(net.Server.prototype, "listen");
forbid(dgram, "createSocket");
forbid(dns, "lookup", "resolve", "resolve4", "resolve6");
forbid(dns.promises, "lookup", "resolve", "resolve4", "resolve6");
forbid(http, "request", "get");
forbid(https, "request", "get");
forbid(childProcess, "spawn", "exec", "execFile", "fork", "spawnSync", "execSync", "execFileSync");
forbid(globalThis, "fetch", "WebSocket");
syncBuiltinESMExports();
