import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { importFaults } from "../../scripts/imports/faults.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";

const inFolder = temporaryFolder();

/** What the checker says of a program of these files. */
function check(name: string, files: Readonly<Record<string, string>>): string {
  const folder = inFolder(name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return importFaults(folder).join("\n");
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

  it("is listened to by one file, which one command loads when it is asked for", () => {
    const listen =
      'import { serve } from "@hono/node-server"; export const f = (app: typeof serve) => ({ fetch: app });';
    const load = 'export const f = () => import("../../../studio/listen.ts");';
    expect(check("listen", { "src/studio/listen.ts": listen, "src/cli/commands/studio/studio.ts": load })).toBe("");
    const elsewhere = { "src/studio/listen.ts": listen, "src/studio/app.ts": listen, "src/cli/program.ts": load };
    expect(check("elsewhere", elsewhere)).toContain(
      "src/studio/app.ts imports @hono/node-server: only src/studio/listen.ts may",
    );
    const atOnce = 'import { f } from "../../../studio/listen.ts"; void f;';
    expect(
      check("listen at once", { "src/studio/listen.ts": listen, "src/cli/commands/studio/studio.ts": atOnce }),
    ).toContain("only src/cli/commands/studio/studio.ts may, by import()");
  });
});

describe("the studio's page", () => {
  it("shares types of the contract with the server, and nothing else", () => {
    const files = { "src/studio/api.ts": "export interface A {}", "src/io/a.ts": "export interface B {}" };
    const good =
      'import type { A } from "../../src/studio/api.ts"; import { h } from "preact"; void h; export type C = A;';
    expect(check("types", { ...files, "studio/src/main.tsx": good })).toBe("");
    for (const text of [
      'import { A } from "../../src/studio/api.ts"; export type C = A;',
      'import type { B } from "../../src/io/a.ts"; export type C = B;',
    ]) {
      expect(check("more", { ...files, "studio/src/main.tsx": text })).toContain("the page may import types of");
    }
  });
});

describe("a comment", () => {
  const wide = (line: string) => `${line} ${"word ".repeat(30)}`;

  it.each(["// ", "  // ", "/** ", " * ", "/*"])("of more than 120 columns is a fault: %s", (start) => {
    expect(check(`wide ${start.trim()}`, { "test/file.ts": `let x;\n${wide(start)}\n` })).toContain(
      "test/file.ts:2: a comment has",
    );
  });

  it.each([" * |", "// eslint-disable-next-line", "const x = 1; //", "//"])("is no fault: %s", (start) => {
    const text = start === "//" ? `${start} ${"σ".repeat(117)}` : wide(start);
    expect(check(`right ${start.trim()}`, { "src/io/file.ts": text })).toBe("");
  });
});

describe("ONNX Runtime", () => {
  const later = 'export const f = () => import("onnxruntime-node");';

  it("is loaded by one file", () => {
    expect(check("one", { "src/graph/onnx-runtime.ts": later })).toBe("");
  });

  it.each([
    { what: "import()", file: "src/diffusion/file.ts", text: later },
    { what: "import() in a script", file: "scripts/file.ts", text: later },
    { what: "require()", file: "bin/file.cjs", text: 'require("onnxruntime-node");' },
  ])("is not loaded by another, by $what", ({ what, file, text }) => {
    expect(check(what, { [file]: text })).toContain(`${file} loads onnxruntime-node`);
  });
});

describe("the command", () => {
  it("prints the faults and fails", () => {
    const folder = inFolder("printed");
    mkdirSync(join(folder, "src", "io"), { recursive: true });
    writeFileSync(join(folder, "src", "io", "a.ts"), 'import "./b.ts";\n');
    writeFileSync(join(folder, "src", "io", "b.ts"), 'import "./a.ts";\n');
    const script = join(import.meta.dirname, "..", "..", "scripts", "check-imports.ts");
    const args = ["--import", import.meta.resolve("tsx"), script];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    expect(stderr).toBe("these files import each other in a circle: src/io/a.ts, src/io/b.ts\n");
    expect(status).toBe(1);
  });
});
