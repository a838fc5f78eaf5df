import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COMMIT, REPO, sha256 } from "../hub/fake-hub.ts";
import { environment, hubForTests } from "../hub/support.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { keepsake, MAIN } from "./support.ts";

const inFolder = temporaryFolder();
const hub = hubForTests();
const UNET = "unet/diffusion_pytorch_model.fp16.safetensors";
const unet = hub.files.get(UNET) ?? Buffer.alloc(0);
const blobs = (home: string) => join(home, "hub/models--owner--tiny/blobs");
const snapshot = (home: string) => join(home, "hub/models--owner--tiny/snapshots", COMMIT);
const isUnet = ({ host, path }: { host: string; path: string }) =>
  host === "cdn" && decodeURIComponent(path) === `/${UNET}`;
const draw = (home: string, ...more: string[]) => [
  ...["generate", "a dog", "--model", REPO, "--steps", "2", "--width", "32", "--height", "32", "--threads", "1"],
  ...["-o", join(home, "dog.png"), ...more],
];

/** Half of the UNet comes, and then nothing more. */
function holdUnet(): Promise<void> {
  return new Promise((resolve) => {
    hub.fault = (seen, response) => {
      if (!isUnet(seen)) return false;
      response.writeHead(200, { "Content-Length": unet.byteLength });
      response.write(unet.subarray(0, unet.byteLength >> 1), () => {
        resolve();
      });
      return true;
    };
  });
}

describe("keepsake pull", () => {
  it("downloads a model, lists it, and draws with it without a connection", async () => {
    const home = inFolder("pulled");
    const env = environment(hub, home);
    const pulled = await keepsake(["pull", REPO], { env });
    expect(pulled.code, pulled.stderr).toBe(0);
    expect(pulled.stdout).toMatch(
      /^owner\/tiny was downloaded \(1\.\d MB\): 1\.\d MB, fp16\.\n.*\nUse it with --model owner\/tiny\n$/,
    );
    expect(pulled.stdout).toContain(`\n${snapshot(home)}\n`);
    expect(pulled.stderr).toMatch(
      /12 files, 1\.\d MB; 1\.\d MB to be downloaded\n(\d+ % of .*\/s, .* left \(.*\)\n)+$/,
    );
    const hooks = ["no-network"];
    const again = await keepsake(["pull", REPO, "--json"], { env, hooks });
    expect(JSON.parse(again.stdout)).toMatchObject({ commit: COMMIT, folder: snapshot(home), downloaded: 0 });
    expect((await keepsake(["models"], { env, hooks })).stdout).toMatch(
      /^built-in +Keepsake 64, a miniature +\S+ MB\nowner\/tiny +Stable Diffusion 1\.x +fp16 +1\.\d MB\n$/,
    );
    const drawn = await keepsake(draw(home), { env, hooks });
    expect(drawn.code, drawn.stderr).toBe(0);
    const library = join(home, "library");
    expect((await keepsake(["init", library, "--model", REPO], { env, hooks })).code).toBe(0);
    expect((await keepsake(["list", "--library", library], { env, hooks })).code).toBe(0);
  });

  it("that is killed in the middle leaves no half file, and goes on", async () => {
    const home = inFolder("killed");
    const env = environment(hub, home);
    const isHeld = holdUnet();
    const child = spawn(process.execPath, [MAIN, "pull", REPO], { env: { ...process.env, ...env }, stdio: "ignore" });
    await isHeld;
    const part = join(blobs(home), `${sha256(unet)}.keepsake.incomplete`);
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
    expect(existsSync(part)).toBe(true);
    expect(existsSync(join(blobs(home), sha256(unet)))).toBe(false);
    const unfinished = await keepsake(["models"], { env, hooks: ["no-network"] });
    expect(unfinished.stdout).toMatch(/owner\/tiny@?\w* +Stable Diffusion .*not whole: keepsake pull owner\/tiny/);
    hub.fault = () => false;
    const again = await keepsake(["pull", REPO], { env });
    expect(again.code, again.stderr).toBe(0);
    expect(readdirSync(blobs(home)).filter((name) => name.endsWith(".incomplete"))).toEqual([]);
  });

  it("that is stopped by Ctrl-C says that the same command goes on", async () => {
    const home = inFolder("stopped");
    const env = environment(hub, home);
    const isHeld = holdUnet();
    const child = spawn(process.execPath, [MAIN, "pull", REPO], {
      ...{ env: { ...process.env, CI: "1", ...env }, stdio: ["ignore", "ignore", "pipe"] },
    });
    const words: Buffer[] = [];
    child.stderr?.on("data", (data: Buffer) => words.push(data));
    await isHeld;
    child.kill("SIGINT");
    const [code] = (await once(child, "close")) as [number];
    const stderr = Buffer.concat(words).toString();
    expect(code, stderr).toBe(130);
    expect(stderr).toContain("What was downloaded is kept; the same command goes on from there.");
    expect(readdirSync(blobs(home)).some((name) => name.endsWith(".keepsake.incomplete"))).toBe(true);
    hub.fault = () => false;
    expect((await keepsake(["pull", REPO], { env })).code).toBe(0);
  });

  it.each([
    {
      what: "a full disk",
      env: () => ({}),
      limit: 100,
      words: "larger than the file system or a limit of this session",
    },
    {
      what: "a cache that cannot be made",
      env: () => ({ HF_HUB_CACHE: "/proc/self/x" }),
      words: "hoose another folder",
    },
    { what: "no connection allowed", env: () => ({ HF_HUB_OFFLINE: "1" }), words: "unset HF_HUB_OFFLINE" },
  ])("($what) fails in one line", async ({ what, env, limit, words }) => {
    const home = inFolder(what);
    const all = { ...environment(hub, home), ...env() };
    const { code, stdout, stderr } = await keepsake(["pull", REPO], { env: all, fileSizeLimit: limit });
    expect([code, stdout]).toEqual([4, ""]);
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^error: /);
    expect(stderr).toContain(words);
  });
});

describe("--model with a name of the hub", () => {
  it("does not download without being asked to, where nobody can be asked", async () => {
    const home = inFolder("unasked");
    const env = environment(hub, home);
    const { code, stderr } = await keepsake(draw(home), { env, hooks: ["no-network"] });
    expect([code, stderr]).toEqual([
      3,
      expect.stringMatching(/^error: There is no folder owner\/tiny, .*: keepsake pull owner\/tiny /),
    ]);
    expect(hub.seen).toEqual([]);
  });

  it("downloads with --yes, and goes on with its work", async () => {
    const home = inFolder("yes");
    const drawn = await keepsake(draw(home, "--yes"), { env: environment(hub, home) });
    expect(drawn.code, drawn.stderr).toBe(0);
    expect(existsSync(join(home, "dog.png"))).toBe(true);
  });

  it("leaves files and folders of that name alone", async () => {
    const home = inFolder("a folder");
    mkdirSync(join(home, "owner/tiny"), { recursive: true });
    const empty = await keepsake(draw(home), { cwd: home, hooks: ["no-network"] });
    expect(empty.stderr).toContain("the folder is empty");
    rmSync(join(home, "owner"), { recursive: true });
    const args = ["generate", "x", "--model", "owner/tiny.safetensors"];
    expect((await keepsake(args, { cwd: home, hooks: ["no-network"] })).stderr).toContain("there is no such file");
  });

  const hasScript = spawnSync("script", ["--version"]).status === 0 && process.platform === "linux";
  it.runIf(hasScript).each([
    { answer: "n", code: 3 },
    { answer: "y", code: 0 },
  ])("asks on a terminal ($answer)", async ({ answer, code }) => {
    const home = inFolder(`terminal ${answer}`);
    mkdirSync(home, { recursive: true });
    const command = join(home, "command.sh");
    const quoted = [process.execPath, MAIN, ...draw(home)].map((word) => `'${word}'`).join(" ");
    writeFileSync(command, `exec ${quoted}\n`);
    const child = spawn("script", ["-qec", `bash '${command}'`, "/dev/null"], {
      env: { ...process.env, ...environment(hub, home) },
      stdio: ["pipe", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (data: Buffer) => {
      const before = text;
      text += data.toString();
      if (!before.includes("[y/N]") && text.includes("[y/N]")) {
        expect(hub.seen).toEqual([]);
        child.stdin.write(`${answer}\n`);
      }
    });
    const [status] = (await once(child, "close")) as [number];
    expect(status, text).toBe(code);
    expect(hub.seen.length > 0).toBe(answer === "y");
  });
});
