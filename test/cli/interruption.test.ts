import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { initLibrary, verifyLibrary } from "../keepsake/one-shot.ts";
import { forgetConcept } from "../../src/library/forget.ts";
import { keepStates, libraryHistory } from "../../src/library/history.ts";
import { Library } from "../../src/library/library.ts";
import { undo } from "../../src/library/undo.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "../keepsake/support.ts";
import { generate, keepsake, keepsakeHere, learn, MAIN, succeeded } from "./support.ts";

/** What a kill at a write leaves of learning is tried for one write of so many. */
const STRIDE = 3;

const inFolder = temporaryFolder();
let photos: string;
let states = 0;

beforeAll(async () => {
  photos = await writePhotos(inFolder("photos"), "dog");
});

/** Runs a command to its end, and returns what a kill at each of its writes would have left of a folder. */
async function statesAtWrites(args: readonly string[], from: string): Promise<string[]> {
  const to = inFolder(`states ${states++}`);
  succeeded(await keepsake(args, { hooks: ["at-writes"], env: { COPY_AT_WRITES: JSON.stringify({ from, to }) } }));
  return readdirSync(to)
    .map(Number)
    .sort((a, b) => a - b)
    .map((write) => join(to, String(write)));
}

/** Runs a command on a library, kills it at a write, and returns the library. */
async function killedAt(write: number, command: (library: string) => readonly string[]): Promise<string> {
  const library = inFolder(`killed at ${write}, ${states++}`);
  const killed = await keepsake(command(library), { hooks: ["at-writes"], env: { DIE_AT_WRITE: String(write) } });
  expect(killed.code, killed.stderr).toBe("SIGKILL");
  return library;
}

const command = (library: string) => learn(library, "dog", [photos], "--steps", "3", "--snapshot-every", "1");
const signals = (...at: [words: string, signal: string][]) => ({
  hooks: ["signal-at-news"],
  env: { SIGNAL_AT: JSON.stringify(at) },
});

describe("learning", () => {
  let straight: Record<string, string> | undefined;

  beforeAll(async () => {
    succeeded(await keepsake(command(inFolder("straight"))));
    straight = treeOf(inFolder("straight"));
  });

  it("that is killed at a write ends in the same bytes when the command is repeated", async () => {
    const states = await statesAtWrites(command(inFolder("copied")), inFolder("copied"));
    const tried = states.filter((_, i) => i % STRIDE === 0);
    for (const write of [1, states.length >> 1, states.length]) tried.push(await killedAt(write, command));
    for (const library of tried) {
      const repeated = await keepsakeHere(command(library));
      // Killed after the last change of the library, but before the run could clear up: there is nothing left to learn.
      if (repeated.code !== 0) expect(repeated.stderr).toContain('already knows "dog"');
      expect(treeOf(library), library).toEqual(straight);
    }
    expect(tried.length).toBeGreaterThan(12);
  }, 600_000);

  it("that is killed between writes ends in the same bytes when the command is repeated", async () => {
    const library = inFolder("killed in a step");
    expect((await keepsake(command(library), signals(["step 2/3", "SIGKILL"]))).code).toBe("SIGKILL");
    expect(succeeded(await keepsakeHere(command(library))).stderr).toContain("going on from step 1");
    expect(treeOf(library)).toEqual(straight);
  });

  it.each(["SIGINT", "SIGHUP"])(
    "that is stopped by %s finishes its step, says so, and goes on later",
    async (signal) => {
      const library = inFolder(`stopped by ${signal}`);
      const args = learn(library, "dog", [photos], "--steps", "3", "--snapshot-every", "100");
      const stopped = await keepsake(args, signals(["step 1/3", signal]));
      expect(stopped.code).toBe(130);
      expect(stopped.stderr).toContain("stopping after this step");
      const [, step] =
        /^Stopped at step (\d) of 3; the same command goes on from there\.\n$/.exec(stopped.stdout) ?? [];
      expect(step).toBeDefined();
      expect(readdirSync(library).sort()).toEqual(["library.json", "run.safetensors"]);
      expect(succeeded(await keepsakeHere(args)).stderr).toContain(`going on from step ${step}`);
      expect(treeOf(library)).toEqual(straight);
    },
  );

  it("that is stopped twice ends at once, and goes on later", async () => {
    const library = inFolder("stopped twice");
    const stopped = await keepsake(command(library), signals(["step 2/3", "SIGINT"], ["stopping", "SIGINT"]));
    expect(stopped.code).toBe("SIGINT");
    succeeded(await keepsakeHere(command(library)));
    expect(treeOf(library)).toEqual(straight);
  });

  it("tells a second process that the library is in use", async () => {
    const library = inFolder("two at once");
    succeeded(await keepsakeHere(["init", library, "--model", MODEL]));
    const first = spawn(process.execPath, [MAIN, ...learn(library, "dog", [photos], "--steps", "100000")]);
    first.stdout.resume();
    try {
      await Promise.race([once(first.stderr, "data"), once(first, "exit")]);
      const commands = [
        learn(library, "mug", [photos]),
        ...[["undo"], ["forget", "dog"], ["history", "--keep", "1"]].map((args) => [...args, "--library", library]),
        ["init", library, "--model", MODEL],
      ];
      for (const args of commands) {
        const second = await keepsakeHere(args);
        expect([second.code, second.stdout]).toEqual([5, ""]);
        expect(second.stderr).toContain(`${library} is in use by process ${first.pid} (learning dog)`);
      }
      // Looking takes no lock.
      for (const args of ["list", "history", "verify"]) succeeded(await keepsakeHere([args, "--library", library]));
    } finally {
      const exit = once(first, "exit");
      first.kill("SIGKILL");
      await exit;
    }
  });
});

describe("a change of a library", () => {
  /** Knows <dog> and <mug>, and was empty once. */
  const original = inFolder("dog and mug");
  let empty: string;

  beforeAll(async () => {
    for (const name of ["dog", "mug"]) await learnQuickly({ library: original, name, photos: [photos] });
    empty = (await libraryHistory(original)).states.at(-1)?.id ?? "";
  });

  const changes: { what: string; args: () => string[]; again: (library: string) => Promise<unknown> }[] = [
    { what: "undo", args: () => ["undo", "--to", empty], again: (library) => undo({ library, to: empty }) },
    { what: "forget", args: () => ["forget", "dog"], again: (library) => forgetConcept({ library, name: "dog" }) },
    {
      what: "forget --purge",
      args: () => ["forget", "mug", "--purge"],
      again: (library) => forgetConcept({ library, name: "mug", purge: true }),
    },
    {
      what: "history --keep",
      args: () => ["history", "--keep", "0"],
      again: (library) => keepStates({ library, keep: 0 }),
    },
  ];

  it.each(changes)(
    "($what) that is killed at any write leaves the old state or the new one, and ends in the same bytes",
    async (change) => {
      const { what, args, again } = change;
      const copy = (name: string) => {
        const library = inFolder(`${what} ${name}`);
        cpSync(original, library, { recursive: true });
        return library;
      };
      const straight = copy("straight");
      succeeded(await keepsakeHere([...args(), "--library", straight]));
      const ids = await Promise.all([original, straight].map(async (each) => (await Library.open(each)).stateId));
      const copied = copy("copied");
      const states = await statesAtWrites([...args(), "--library", copied], copied);
      const kill = (library: string) => {
        cpSync(original, library, { recursive: true });
        return [...args(), "--library", library];
      };
      for (const library of [...states, await killedAt(states.length >> 1, kill)]) {
        expect((await verifyLibrary(library)).faults).toEqual([]);
        expect(ids).toContain((await Library.open(library)).stateId);
        // Killed after the change: there is nothing left to forget, but what was left behind is cleared away.
        await again(library).catch((error: unknown) => {
          expect(String(error)).toContain("does not know");
        });
        expect(treeOf(library), library).toEqual(treeOf(straight));
      }
      expect(states.length).toBeGreaterThan(6);
    },
  );

  it("(init) that is killed at any write leaves no library or an empty one", async () => {
    const straight = inFolder("init straight");
    succeeded(await keepsakeHere(["init", straight, "--model", MODEL]));
    const init = (library: string) => ["init", library, "--model", MODEL];
    const states = await statesAtWrites(init(inFolder("init copied")), inFolder("init copied"));
    for (const library of [...states, await killedAt(states.length >> 1, init)]) {
      await initLibrary({ library, model: MODEL }).catch((error: unknown) => {
        expect(String(error)).toContain("is a library already");
      });
      expect(treeOf(library), library).toEqual(treeOf(straight));
    }
    expect(states.length).toBeGreaterThan(6);
  });
});

describe("drawing", () => {
  it("that is stopped or killed leaves whole pictures only, and draws the same ones when repeated", async () => {
    const library = inFolder("straight");
    const draw = (folder: string) => generate(library, "<dog>", inFolder(folder), "-n", "3");
    const pictures = (folder: string) =>
      Object.fromEntries(
        readdirSync(inFolder(folder))
          .filter((name) => name.endsWith(".png"))
          .map((name) => [name, readFileSync(inFolder(folder, name))]),
      );
    succeeded(await keepsake(draw("all")));
    const all = pictures("all");

    const stopped = await keepsake(draw("stopped"), signals(["picture 2/3", "SIGINT"]));
    expect([stopped.code, stopped.stdout]).toEqual([130, ""]);
    expect(stopped.stderr.trimEnd().split("\n").at(-1)).toBe("stopped");
    expect(all).toMatchObject(pictures("stopped"));
    succeeded(await keepsakeHere(draw("stopped")));
    expect(pictures("stopped")).toEqual(all);

    // The writes are: two for the folder, a probe and its removal, then three for each picture; the sixth is the
    // content.
    for (const write of ["5", "6", "8"]) {
      const killed = await keepsake(draw("killed"), { hooks: ["at-writes"], env: { DIE_AT_WRITE: write } });
      expect(killed.code).toBe("SIGKILL");
      expect(all).toMatchObject(pictures("killed"));
    }
    succeeded(await keepsakeHere(draw("killed")));
    expect(pictures("killed")).toEqual(all);
  });

  it("does not complain when nobody reads to the end", async () => {
    const child = spawn("bash", ["-c", `"$0" "$1" --help | head -c 1`, process.execPath, MAIN]);
    const errors: Buffer[] = [];
    child.stderr.on("data", (data: Buffer) => errors.push(data));
    child.stdout.resume();
    await once(child, "close");
    expect(Buffer.concat(errors).toString()).toBe("");
  });
});
