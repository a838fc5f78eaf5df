/**
 * @file Part of `npm run lint`: typescript-eslint's rule no-unsafe-class-instance-assignment. tsgolint, the program
 * behind oxlint's rules with types, has it. oxlint does not know it yet, so tsgolint is asked here, in the way that
 * oxlint asks.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { relative, resolve } from "node:path";

const RULE = "no-unsafe-class-instance-assignment";
const FOLDERS = ["src", "test", "bench", "scripts", "recipes", "examples"];
/** A diagnostic, among the kinds of messages. */
const DIAGNOSTIC = 1;

interface Diagnostic {
  readonly file_path: string;
  readonly range: { readonly pos: number };
  readonly message: { readonly description: string };
}

const files = readdirSync(".", { withFileTypes: true }).flatMap((entry) => {
  if (!entry.isDirectory()) return entry.name.endsWith(".ts") ? [resolve(entry.name)] : [];
  if (!FOLDERS.includes(entry.name)) return [];
  const inside = readdirSync(entry.name, { recursive: true, encoding: "utf8" });
  return inside.filter((file) => file.endsWith(".ts")).map((file) => resolve(entry.name, file));
});

const { platform, arch } = process;
const tsgolint = createRequire(createRequire(import.meta.url).resolve("oxlint-tsgolint/package.json"));
const program = tsgolint.resolve(`@oxlint-tsgolint/${platform}-${arch}/tsgolint${platform === "win32" ? ".exe" : ""}`);
const request = { version: 2, configs: [{ file_paths: files, rules: [{ name: RULE }] }] };
const options = { input: JSON.stringify(request), maxBuffer: 2 ** 28 };
const { status, stdout, stderr } = spawnSync(program, ["headless"], options);
if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr.toString()}`);

// Messages one after another: length, kind, JSON.
for (let at = 0; at < stdout.length;) {
  const end = at + 5 + stdout.readUInt32LE(at);
  if (stdout[at + 4] === DIAGNOSTIC) {
    const { file_path: file, range, message } = JSON.parse(stdout.toString("utf8", at + 5, end)) as Diagnostic;
    const line = readFileSync(file).subarray(0, range.pos).toString().split("\n").length;
    process.stderr.write(`${relative(".", file)}:${line}: typescript(${RULE}) ${message.description}\n`);
    process.exitCode = 1;
  }
  at = end;
}
