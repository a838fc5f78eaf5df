import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readdirSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { StandardStream } from "../../src/cli/streams.ts";
import { listConcepts } from "../../src/library/history.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { writePhotos } from "../keepsake/support.ts";
import { generate, keepsake, learn, MAIN, succeeded } from "./support.ts";

const inFolder = temporaryFolder();
const [DONE, ENVIRONMENT, UNREAD] = [0, 4, 141];

describe("a standard stream", () => {
  it("writes all of it, also to a pipe that does not block and is read slowly", async () => {
    const [pipe, copy] = [inFolder("pipe"), inFolder("copy")];
    execFileSync("mkfifo", [pipe]);
    const reader = spawn("bash", ["-c", 'exec <"$0"; sleep 0.2; cat >"$1"', pipe, copy]);
    // Opened for reading too, or it would have to wait for its reader.
    const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    const text = Array.from({ length: 400_000 }, (_, i) => `${i} ü\n`).join("");
    const stream = new StandardStream(fd);
    stream.write(text);
    expect(stream.failure).toBeUndefined();
    closeSync(fd);
    await once(reader, "exit");
    expect(readFileSync(copy, "utf8") === text).toBe(true);
  });

  it("does not throw, and remembers the first fault", () => {
    const stream = new StandardStream(openSync("/dev/full", "w"));
    stream.write("lost");
    expect(stream.failure).toMatchObject({ code: "ENOSPC" });
  });
});

describe("a command whose output nobody takes", () => {
  let photos: string;
  const library = inFolder("library");
  const bash = (script: string, ...args: string[]) =>
    spawn("bash", ["-c", script, process.execPath, MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });

  /** Its exit code, with standard output and standard error taken from it before it starts. */
  async function codeWithoutReaders(
    args: readonly string[],
    closed: readonly ("stdout" | "stderr")[],
  ): Promise<unknown> {
    const child = bash('exec "$0" "$@"', ...args);
    for (const name of ["stdout", "stderr"] as const) {
      if (closed.includes(name)) child[name].destroy();
      else child[name].resume();
    }
    return ((await once(child, "exit")) as unknown[])[0];
  }

  beforeAll(async () => {
    photos = await writePhotos(inFolder("photos"), "dog");
    succeeded(await keepsake(learn(library, "dog", [photos])));
  });

  it("learns all the same, and says by its exit code that the result was not read", async () => {
    expect(await codeWithoutReaders(learn(library, "mug", [photos]), ["stdout", "stderr"])).toBe(UNREAD);
    expect((await listConcepts(library)).concepts.map(({ name }) => name)).toEqual(["dog", "mug"]);
  });

  it("draws every picture all the same", async () => {
    const pictures = inFolder("pictures");
    await mkdir(pictures);
    const args = generate(library, "<dog>", pictures, "-n", "3");
    expect(await codeWithoutReaders(args, ["stdout"])).toBe(UNREAD);
    expect(readdirSync(pictures)).toHaveLength(3);
  });

  it("ends as ever if only its news are not read", async () => {
    const args = generate(library, "<dog>", inFolder("more pictures"));
    expect(await codeWithoutReaders(args, ["stderr"])).toBe(DONE);
  });

  it.each([["list"], ["verify"], ["learn", "--help"]])(
    "is quiet if it only lists what can be asked again (%s)",
    async (...args) => {
      const where = ["list", "verify"].includes(args[0]) ? ["--library", library] : [];
      expect(await codeWithoutReaders([...args, ...where], ["stdout"])).toBe(DONE);
    },
  );

  it("works without its log if that lies on a full disk", async () => {
    const child = bash('exec "$0" "$@" 2>/dev/full', ...generate(library, "<dog>", inFolder("unlogged")));
    const [[result], [code]] = (await Promise.all([once(child.stdout, "data"), once(child, "exit")])) as unknown[][];
    expect([String(result), code]).toEqual([expect.stringContaining(inFolder("unlogged")), DONE]);
  });

  it("says in one line that its result did not fit on a full disk", async () => {
    const child = bash('exec "$0" "$@" >/dev/full', "list", "--library", library);
    const [[line], [code]] = (await Promise.all([once(child.stderr, "data"), once(child, "exit")])) as unknown[][];
    expect(String(line)).toMatch(/^error: Cannot write standard output: the disk is full\. .*\n$/);
    expect(code).toBe(ENVIRONMENT);
  });
});

describe("colours", () => {
  const fails = (env: Record<string, string>) => keepsake(["list", "--library", inFolder("nowhere")], { env });

  it("are for terminals, or for those who ask for them", async () => {
    expect((await fails({})).stderr).toMatch(/^error: /);
    expect((await fails({ FORCE_COLOR: "1" })).stderr).toContain("\u001b[31merror:\u001b[39m ");
  });
});

describe("an error that nobody catches", () => {
  it("is reported as a defect", async () => {
    const { code, stderr } = await keepsake(["verify", "--library", inFolder("library")], { hooks: ["throw-later"] });
    expect(stderr).toMatch(/^error: this is a defect of Keepsake, please report it:\nError: thrown by a timer\n/);
    expect(code).toBe(1);
  });
});
