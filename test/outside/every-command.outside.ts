import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { MODEL } from "../keepsake/support.ts";
import { FreshHome, traced, tracedServer, type Trace } from "./strace.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const DIST = join(ROOT, "dist");
const MAIN = join(DIST, "cli", "main.js");
const PHOTOS = join(ROOT, "examples", "concepts", "mochi", "train");
const HEIC = join(ROOT, "test", "fixtures", "photos", "phone.heic");

if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run "npm run build" first.`);

const root = realpathSync(mkdtempSync(join(tmpdir(), "keepsake-outside-")));
const home = new FreshHome(join(root, "user"));
const work = join(root, "work");
mkdirSync(work);
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

/** Nothing but `outputs`, and temporary files that are gone again, was touched, and nobody was called. */
function expectAlone({ network, changes }: Trace, outputs: readonly string[]): void {
  expect(network).toEqual([]);
  const allowed = [...outputs.map((output) => join(work, output)), home.temporaryFolder, "/proc/self"];
  const others = Array.from(changes).filter(([path]) => {
    return path !== "/dev/null" && !allowed.some((place) => path === place || path.startsWith(place + sep));
  });
  expect(others).toEqual([]);
  expect(home.leftovers()).toEqual([]);
}

const small = ["--threads", "1"];
const model = ["--model", MODEL];
const training = ["--class", "cat", ...model, "--steps", "40", "--resolution", "32", "--rank", "2", ...small];

/**
 * A command, and the files and folders that it names or documents. In the order of a user's day: each goes on from the
 * one before.
 */
const COMMANDS: readonly { readonly args: readonly string[]; readonly outputs: readonly string[] }[] = [
  { args: ["--version"], outputs: [] },
  { args: ["--help"], outputs: [] },
  { args: ["strategies"], outputs: [] },
  { args: ["models"], outputs: [] },
  { args: ["init", "lib", ...model], outputs: ["lib"] },
  { args: ["photos", PHOTOS, HEIC, "--resolution", "32", "-o", "sheets/photos.png"], outputs: ["sheets"] },
  { args: ["learn", "mochi", PHOTOS, ...training, "--no-previews"], outputs: ["lib"] },
  {
    args: ["learn-all", `rex:dog=${PHOTOS}`, ...training.slice(2), "--previews", "sheets/sheet.png"],
    outputs: ["lib", "sheets"],
  },
  { args: ["previews", ...small, "-o", "sheets/again.png"], outputs: ["lib", "sheets"] },
  {
    args: ["generate", "a <mochi>", "--steps", "40", "--width", "32", "--height", "32", ...small, "-o", "pictures"],
    outputs: ["pictures"],
  },
  { args: ["export", "files/pets.safetensors", "--format", "kohya"], outputs: ["files"] },
  {
    args: ["export", "files/max.safetensors", "--format", "textual-inversion", "--concept", "rex"],
    outputs: ["files"],
  },
  {
    args: [
      ...["generate", "a <mochi> and <max>", "--lora", "files/pets.safetensors:0.5", "--width", "32", "--height", "32"],
      ...["--embedding", "files/max.safetensors", "--steps", "4", ...small, "-o", "pictures"],
    ],
    outputs: ["pictures"],
  },
  { args: ["import", "files/max.safetensors", "--class", "dog", "--name", "max"], outputs: ["lib"] },
  { args: ["rename", "max", "minnie"], outputs: ["lib"] },
  { args: ["undo"], outputs: ["lib"] },
  { args: ["undo"], outputs: ["lib"] },
  { args: ["classify", join(PHOTOS, "00.png"), "--draws", "8", ...small], outputs: [] },
  { args: ["list"], outputs: [] },
  { args: ["history"], outputs: [] },
  { args: ["verify"], outputs: [] },
  { args: ["doctor", ...small], outputs: [] },
  { args: ["learn", "tofu", PHOTOS, ...training.slice(0, 2), "--resolution", "32", ...small, "--plan"], outputs: [] },
  { args: ["forget", "rex", "--unlearn", "--steps", "3", ...small], outputs: ["lib"] },
  { args: ["undo"], outputs: ["lib"] },
  { args: ["redo"], outputs: ["lib"] },
  { args: ["undo"], outputs: ["lib"] },
  { args: ["forget", "mochi"], outputs: ["lib"] },
];

describe("from outside, without CI in the environment", () => {
  mkdirSync(join(work, "sheets"));

  it.each(COMMANDS)("keepsake $args.0 calls nobody, and writes only what it says", ({ args, outputs }) => {
    const library =
      args[0]?.startsWith("-") || ["init", "strategies", "models"].includes(args[0] ?? "") ? [] : ["--library", "lib"];
    const trace = traced([MAIN, ...args, ...library], work, home);
    expect(trace.code, trace.stderr).toBe(0);
    expectAlone(trace, outputs);
  });

  it("covers every command", () => {
    const help = traced([MAIN, "--help"], work, home).stdout;
    const [, list = ""] = /\nCommands:\n(.*?)\n\n/s.exec(help) ?? [];
    const names = Array.from(list.matchAll(/^ {2}([\w-]+)/gm), ([, name]) => name).filter((name) => name !== "help");
    // pull and studio have tests of their own below.
    expect(["pull", "studio", ...COMMANDS.map(({ args }) => args[0])]).toEqual(expect.arrayContaining(names));
    expect(names.length).toBeGreaterThan(10);
  });

  it("keepsake studio listens on loopback, calls nobody, and writes nothing of a photo that is dropped", async () => {
    const library = join(work, "studio-library");
    const args = [MAIN, "studio", "--library", library, ...model, "--no-open", "--port", "4399"];
    const { trace, use } = tracedServer(args, work, home);
    await use(async (address) => {
      const { headers } = await fetch(address, { redirect: "manual" });
      const cookie = headers.getSetCookie()[0]?.split(";")[0] ?? "";
      const send = (path: string, type: string, body: Buffer | string) =>
        fetch(new URL(path, address), { method: "POST", headers: { cookie, "content-type": type }, body });
      const dropped = await send(
        "/api/photos?name=0.png",
        "application/octet-stream",
        readFileSync(join(PHOTOS, "00.png")),
      );
      expect(dropped.status).toBe(200);
      const { id } = (await dropped.json()) as { id: string };
      const asked = await send("/api/jobs", "application/json", JSON.stringify({ kind: "ask", photo: id }));
      expect(asked.status).toBe(200);
    });
    const { network, ...rest } = trace();
    expectAlone({ ...rest, network: [] }, []);
    const calls = network.filter((line) => /^\d+ +(connect|bind|listen|sendto|sendmmsg)\(/.test(line));
    expect(calls.filter((line) => line.includes("bind("))).toEqual([
      expect.stringMatching(/htons\(4399\).*"127\.0\.0\.1"/),
    ]);
    expect(calls.filter((line) => !/ (bind|listen)\(/.test(line))).toEqual([]);
  });

  it("keepsake pull calls the hub and where it redirects to alone, and no other command calls for the model", async () => {
    const server = spawn(process.execPath, ["--import", "tsx", join(ROOT, "test", "hub", "serve.ts")]);
    try {
      const [line] = (await once(server.stdout, "data")) as [Buffer];
      const ports = line
        .toString()
        .trim()
        .split(" ")
        .map((address) => new URL(address).port);
      const env = { HF_HOME: join(work, "hf"), HF_ENDPOINT: `http://127.0.0.1:${ports[0]}` };
      const draw = ["generate", "a dog", "--model", "owner/tiny", "--steps", "2", "--width", "32", "--height", "32"];

      const missing = traced([MAIN, ...draw, ...small], work, home, env);
      expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining("keepsake pull owner/tiny")]);
      expectAlone(missing, []);

      const { network, ...trace } = traced([MAIN, "pull", "owner/tiny"], work, home, env);
      expect(trace.code, trace.stderr).toBe(0);
      expectAlone({ ...trace, network: [] }, ["hf"]);
      const calls = network.filter((line) => /^\d+ +(connect|bind|listen|sendto|sendmmsg)\(/.test(line));
      for (const call of calls) {
        expect(call).toMatch(new RegExp(`connect\\(\\d+, .*htons\\((${ports.join("|")})\\), .*"127\\.0\\.0\\.1"`));
      }
      expect(ports.every((port) => calls.some((call) => call.includes(`(${port})`)))).toBe(true);

      for (const args of [["pull", "owner/tiny"], ["models"], [...draw, ...small, "-o", "pictures"]]) {
        const again = traced([MAIN, ...args], work, home, env);
        expect(again.code, again.stderr).toBe(0);
        expectAlone(again, ["pictures"]);
      }
    } finally {
      server.kill();
    }
  });

  const program = `
    const { gradients, input, mul, Program, sum } = await import(${JSON.stringify(pathToFileURL(join(DIST, "graph/index.js")))});
    const x = input("x", [2]);
    const loss = sum(mul(x, x));
    const [dx] = gradients(loss, [x]);
    const program = await Program.create({ loss, dx });
    const until = Date.now() + 3000;
    let last;
    do last = await program.run({ x: Float32Array.of(3, -1) }); while (Date.now() < until);
    console.log(last.loss[0], ...last.dx);
    await program.dispose();`;

  it("the library calls nobody in a user's main thread", () => {
    const file = join(work, "main-thread.mjs");
    writeFileSync(file, program);
    const trace = traced([file], work, home);
    expect(trace.stdout, trace.stderr).toBe("10 6 -2\n");
    expectAlone(trace, []);
  });

  it.each([
    { env: "a copy of the environment", options: "{}" },
    { env: "the environment of the main thread", options: "{ env: SHARE_ENV }" },
    {
      env: "an environment of its own, which claims that all is off",
      options: '{ env: { ORT_DISABLE_TELEMETRY: "1" } }',
    },
  ])("the library calls nobody in a user's worker thread with $env", ({ options }) => {
    writeFileSync(join(work, "worker.mjs"), program);
    const file = join(work, "starts-a-worker.mjs");
    writeFileSync(
      file,
      `import { SHARE_ENV, Worker } from "node:worker_threads";
       new Worker(new URL("./worker.mjs", import.meta.url), ${options});
       void SHARE_ENV;`,
    );
    const trace = traced([file], work, home);
    expect(trace.stdout, trace.stderr).toBe("10 6 -2\n");
    expectAlone(trace, []);
  });

  it("the library refuses a worker thread from which the telemetry cannot be switched off", () => {
    const blocked = join(work, "blocked.mjs");
    writeFileSync(join(work, "worker.mjs"), program);
    writeFileSync(
      blocked,
      `import { Worker } from "node:worker_threads";
       const done = new Int32Array(new SharedArrayBuffer(4));
       const source = ${JSON.stringify(`
         import { workerData } from "node:worker_threads";
         import { writeSync } from "node:fs";
         await import(workerData.file).catch((error) => writeSync(1, error.message)).finally(() => {
           Atomics.store(workerData.done, 0, 1);
           Atomics.notify(workerData.done, 0);
         });`)};
       new Worker(new URL("data:text/javascript," + encodeURIComponent(source)), {
         workerData: { done, file: new URL("./worker.mjs", import.meta.url).href },
       });
       process.env = {};
       Atomics.wait(done, 0, 0, 30_000);`,
    );
    const trace = traced([blocked], work, home);
    expect(trace.stdout).toContain("start the program with ORT_DISABLE_TELEMETRY=1");
    expectAlone(trace, []);
  });
});
