/**
 * @file Runs the command line: as it was built in a process of its own, or its source in this one, which takes a tenth
 * of the time where the command does little. The outside tests run every command as a process.
 */
import { spawn } from "node:child_process";
import fs, { existsSync, readFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { expect } from "vitest";
import { runCommand } from "../../src/cli/program.ts";
import { MODEL } from "../keepsake/support.ts";

const ROOT = join(import.meta.dirname, "..", "..");
export const MAIN = join(ROOT, "dist", "cli", "main.js");

if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: "npm test" builds it, or run "npm run build" first.`);

export interface Outcome {
  /** Exit code, or the name of the signal that ended the process. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Modules of test/cli/hooks that are loaded first, into the main thread and into that of the command. */
  readonly hooks?: readonly string[];
  /** Largest file that the process can write, in KiB. */
  readonly fileSizeLimit?: number;
}

/** A hook as a URL that every thread can import: threads do not inherit a loader of TypeScript. */
async function hookUrl(hook: string): Promise<string> {
  const { default: ts } = await import("typescript");
  const source = readFileSync(join(import.meta.dirname, "hooks", `${hook}.ts`), "utf8");
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(source, { compilerOptions });
  return `data:text/javascript;base64,${Buffer.from(outputText).toString("base64")}`;
}

/** Runs `keepsake ...` to its end. */
export async function keepsake(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { cwd, env, hooks = [], fileSizeLimit } = options;
  const imports = await Promise.all(hooks.map(async (hook) => ["--import", await hookUrl(hook)]));
  const command = [process.execPath, ...imports.flat(), MAIN, ...args];
  const limited = ["bash", "-c", `ulimit -f ${fileSizeLimit ?? 0}; exec "$@"`, "bash", ...command];
  const [file, ...rest] = fileSizeLimit === undefined ? command : limited;
  const child = spawn(file, rest, { cwd, env: { ...process.env, CI: "1", ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (data: Buffer) => stdout.push(data));
  child.stderr.on("data", (data: Buffer) => stderr.push(data));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({
        code: code ?? signal ?? "",
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      });
    });
  });
}

/**
 * Runs `keepsake ...` to its end in this process, as the command's thread does: for tests of what a command says and
 * leaves, not of processes and signals. One at a time.
 */
export async function keepsakeHere(args: readonly string[], { cwd }: { readonly cwd?: string } = {}): Promise<Outcome> {
  const written: [Buffer[], Buffer[]] = [[], []];
  const before = { cwd: process.cwd(), exitCode: process.exitCode, writeSync: fs.writeSync };
  const capture = (fd: number, data: unknown, ...rest: never[]) => {
    if (fd !== 1 && fd !== 2) return before.writeSync(fd, data as string, ...rest);
    const bytes = Buffer.from(data as Uint8Array);
    written[fd - 1].push(bytes);
    return bytes.length;
  };
  Reflect.set(fs, "writeSync", capture);
  syncBuiltinESMExports();
  process.exitCode = undefined;
  try {
    if (cwd !== undefined) process.chdir(cwd);
    await runCommand(args);
    const [stdout, stderr] = written.map((parts) => Buffer.concat(parts).toString());
    return { code: process.exitCode ?? 0, stdout, stderr };
  } finally {
    process.chdir(before.cwd);
    process.exitCode = before.exitCode;
    Reflect.set(fs, "writeSync", before.writeSync);
    syncBuiltinESMExports();
  }
}

/** `keepsake learn` with few and small steps and the simplest strategy. */
export const learn = (library: string, name: string, photos: readonly string[], ...more: string[]): string[] => [
  ...["learn", name, ...photos, "--class", "dog", "--model", MODEL, "--library", library],
  ...["--steps", "6", "--resolution", "32", "--rank", "2", "--threads", "1", "--strategy", "sequential", ...more],
];

/** `keepsake generate` with few and small steps; without a library, the default one in the working folder. */
export const generate = (library: string | undefined, prompt: string, output: string, ...more: string[]): string[] => [
  ...["generate", prompt, "-o", output, ...(library === undefined ? [] : ["--library", library])],
  ...["--steps", "3", "--width", "32", "--height", "40", "--threads", "1", ...more],
];

/**
 * The line on stderr with which a command failed, after a check that it was the last of it, and nothing was on stdout.
 */
export function failureLine({ code, stdout, stderr }: Outcome, exitCode: number): string {
  const lines = stderr.trimEnd().split("\n");
  const line = lines.pop() ?? "";
  expect(line).toMatch(/^error: /);
  for (const news of lines) {
    expect(news).toMatch(
      /^(warning: |\d+ photos?$|planning |about \d|encoding |compiling |step \d|picture \d|[\w-]+ \(\d+ of \d+\)$)/,
    );
  }
  expect(stdout).toBe("");
  expect(code, stderr).toBe(exitCode);
  return line;
}

/** For commands that must succeed: shows why one did not. */
export function succeeded(outcome: Outcome): Outcome {
  expect(outcome.code, outcome.stderr).toBe(0);
  return outcome;
}
