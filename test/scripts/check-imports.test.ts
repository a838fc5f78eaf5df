import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../io/temporary-folder.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const inFolder = temporaryFolder();

/** What the checker says of a program of these files. */
function check(name: string, files: Readonly<Record<string, string>>): string {
  const folder = inFolder(name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const args = ["--import", import.meta.resolve("tsx"), join(ROOT, "scripts", "check-imports.ts")];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  expect(status).toBe(stderr === "" ? 0 : 1);
  return stderr;
}

const inside = {
  "src/hub/pull.ts": 'import https from "node:https"; import "./request.ts"; export const x = https;',
  "src/hub/request.ts": "void fetch;",
};

describe("the network", () => {
  it("may be reached by one file, by one import() of one file", () => {
    const way =
      'import type { x } from "../hub/pull.ts"; export type X = typeof x; export const load = () => import("../hub/pull.ts");';
    expect(check("way", { ...inside, "src/cli/hub-model.ts": way })).toBe("");
  });

  it.each([
    {
      what: "a module of Node's",
      text: 'import net from "node:net"; void net;',
      words: "imports node:net: only src/hub/ may",
    },
    { what: "one without its prefix", text: 'import { get } from "https"; void get;', words: "imports https" },
    { what: "a part of one", text: 'import "node:dns/promises";', words: "imports node:dns/promises" },
    {
      what: "a module that is loaded later",
      text: 'export const f = () => import("node:http2");',
      words: "imports node:http2",
    },
    { what: "require", text: 'declare const require: (x: string) => void; require("tls");', words: "imports tls" },
    { what: "a built-in module", text: 'process.getBuiltinModule("node:dgram");', words: "imports node:dgram" },
    { what: "a re-export", text: 'export * from "node:https";', words: "imports node:https" },
    { what: "fetch", text: 'export const f = () => fetch("http://x");', words: "names fetch" },
    { what: "fetch by another way", text: "export const f = globalThis.fetch;", words: "names fetch" },
    { what: "a socket of the web", text: 'new WebSocket("ws://x");', words: "names WebSocket" },
    { what: "the folder", text: 'import { x } from "../hub/pull.ts"; void x;', words: "imports src/hub/pull.ts: only" },
    {
      what: "the folder, later",
      text: 'export const f = () => import("../hub/pull.ts");',
      words: "imports src/hub/pull.ts",
    },
  ])("may not be reached by others ($what)", ({ what, text, words }) => {
    expect(check(what, { ...inside, "src/io/file.ts": text })).toContain(`src/io/file.ts ${words}`);
  });

  it("may not be loaded at once, or in parts, by the file that may reach it", () => {
    const files = {
      ...inside,
      "src/cli/hub-model.ts": 'import { x } from "../hub/pull.ts"; void x; void import("../hub/request.ts");',
    };
    const fault = /only src\/cli\/hub-model\.ts and src\/studio\/lanes\/pull-work\.ts may, by import\(\) of pull\.ts/g;
    expect(check("at once", files).match(fault)).toHaveLength(2);
  });

  it("is listened to by one file, which the command of the studio alone may load", () => {
    const files = {
      ...inside,
      "src/studio/listen.ts": 'import { serve } from "@hono/node-server"; serve({ fetch: () => undefined });',
      "src/cli/commands/studio/studio.ts": 'void import("../../../studio/listen.ts");',
      "src/studio/app.ts": 'import { serve } from "@hono/node-server"; void serve;',
      "src/cli/main.ts": 'void import("../studio/listen.ts");',
    };
    const faults = check("listen", files);
    expect(faults).toContain("src/studio/app.ts imports @hono/node-server: only src/studio/listen.ts may");
    expect(faults).toContain(
      "src/cli/main.ts imports src/studio/listen.ts: only src/cli/commands/studio/studio.ts may",
    );
    expect(faults.trim().split("\n")).toHaveLength(2);
  });
});
