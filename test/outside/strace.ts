/**
 * @file Runs a program under strace, as a person without CI would start it, and reads what it asked of the system:
 * addresses that are not local, and files that it opened for writing, made, renamed or removed.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

try {
  execFileSync("strace", ["--version"], { stdio: "ignore" });
} catch {
  throw new Error("strace is missing: apt-get install strace");
}

/** What a program did. */
export interface Trace {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of the trace that reach, or get ready to reach, beyond this machine. */
  readonly network: readonly string[];
  /** Files and folders that were to be changed, each with a line of the trace. */
  readonly changes: ReadonlyMap<string, string>;
}

/**
 * The folders that a program may think of as the user's: all fresh, so that whatever appears in them is its own doing.
 */
export class FreshHome {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    for (const name of ["home", "cache", "config", "data", "state", "runtime", "tmp"]) {
      mkdirSync(join(root, name), { recursive: true });
    }
  }

  /** All of the environment: neither CI nor any other word to ONNX Runtime is in it. */
  get environment(): Record<string, string> {
    const at = (name: string) => join(this.#root, name);
    return {
      ...{ PATH: process.env.PATH ?? "", LANG: "C.UTF-8", HOME: at("home"), TMPDIR: at("tmp") },
      ...{ XDG_CACHE_HOME: at("cache"), XDG_CONFIG_HOME: at("config"), XDG_DATA_HOME: at("data") },
      ...{ XDG_STATE_HOME: at("state"), XDG_RUNTIME_DIR: at("runtime") },
    };
  }

  get temporaryFolder(): string {
    return join(this.#root, "tmp");
  }

  /** Paths of everything that lies in these folders. */
  leftovers(): string[] {
    const found = execFileSync("find", [this.#root, "-mindepth", "2"], { encoding: "utf8" });
    return found.split("\n").filter((path) => path !== "");
  }
}

/** Runs `node ...args` in a folder, and waits for its end. */
export function traced(
  args: readonly string[],
  cwd: string,
  home: FreshHome,
  env: Readonly<Record<string, string>> = {},
): Trace {
  const file = join(cwd, "trace");
  const { status, stdout, stderr } = spawnSync("strace", [...straceTo(file), process.execPath, ...args], {
    ...{ cwd, env: { ...home.environment, ...env }, encoding: "utf8" },
  });
  return traceOf(file, cwd, { code: status, stdout, stderr });
}

/**
 * A program that serves until it is told to end: `use` gets the address that it prints, and `trace` what it did then.
 */
export function tracedServer(
  args: readonly string[],
  cwd: string,
  home: FreshHome,
): { readonly use: (work: (address: string) => Promise<void>) => Promise<void>; readonly trace: () => Trace } {
  const file = join(cwd, "trace");
  const end = { code: null as number | null, stdout: "", stderr: "" };
  return {
    async use(work) {
      const child = spawn("strace", [...straceTo(file), process.execPath, ...args], { cwd, env: home.environment });
      child.stderr.on("data", (data: Buffer) => (end.stderr += data.toString()));
      const address = await new Promise<string>((resolve, reject) => {
        child.stdout.on("data", (data: Buffer) => {
          end.stdout += data.toString();
          const found = /http:\S+/.exec(end.stdout)?.[0];
          if (found !== undefined) resolve(found);
        });
        child.on("exit", () => {
          reject(new Error(`it did not start: ${end.stderr}`));
        });
      });
      try {
        await work(address);
      } finally {
        const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
        // strace hands the signal on to nobody: the server is its only child.
        const [server] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").split(" ").map(Number);
        process.kill(server, "SIGTERM");
        end.code = await ended;
      }
    },
    trace: () => traceOf(file, cwd, end),
  };
}

/** How strace writes to a file what a program and its children do. */
function straceTo(file: string): string[] {
  return ["-f", "-qq", "--seccomp-bpf", "-s", "300", "-e", "trace=%network,%file", "-o", file];
}

function traceOf(
  file: string,
  cwd: string,
  { code, stdout, stderr }: Pick<Trace, "code" | "stdout" | "stderr">,
): Trace {
  if (!existsSync(file)) throw new Error(`strace did not run: ${stderr}`);
  const lines = readFileSync(file, "utf8").split("\n");
  const changes = lines.flatMap((line) => changedPaths(line).map((path) => [resolve(cwd, path), line] as const));
  return {
    code,
    stdout,
    stderr,
    network: lines.filter(isNetwork).map((line) => line.slice(0, 300)),
    changes: new Map(changes),
  };
}

/** Sockets of any family but the local one, and any address that a local one is bound or connected to. */
function isNetwork(line: string): boolean {
  const [, call = ""] = /^\d+ +(\w+)\(/.exec(line) ?? [];
  if (/^(connect|bind|listen|accept4?|sendto|sendmmsg)$/.test(call)) return true;
  return /\bAF_(?!UNIX\b|LOCAL\b|UNSPEC\b)/.test(line);
}

const OPENED_FOR_WRITING = /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND/;
const CHANGING = /^(creat|mkdir|rmdir|unlink|rename|link|symlink|mknod|truncate|chmod|chown|lchown|utime|setxattr)/;

/** The paths that a line of the trace changes, or tries to. */
function changedPaths(line: string): string[] {
  const [, call = "", rest = ""] = /^\d+ +(\w+)\((.*)/s.exec(line) ?? [];
  const paths = Array.from(rest.matchAll(/"((?:[^"\\]|\\.)*)"/g), ([, path]) => path);
  // What a link leads to is not touched by making the link.
  if (/^symlink/.test(call)) return paths.slice(-1);
  if (/^open/.test(call)) return OPENED_FOR_WRITING.test(rest) ? paths.slice(0, 1) : [];
  return CHANGING.test(call) || /^(fchmodat|fchownat|utimensat|futimesat)/.test(call) ? paths : [];
}
