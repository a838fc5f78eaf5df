import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { formatOwner, ownOrigin, type Origin, type Owner } from "../../../src/library/lock/lock-owner.ts";
import { checkLock, lockFolder, lockState } from "../../../src/library/lock/lock.ts";
import { failCalls } from "../../io/failing-disk.ts";
import { failure } from "../../io/failure.ts";
import { temporaryFolder } from "../../io/temporary-folder.ts";
import { emptyLibrary } from "../support.ts";

const inFolder = temporaryFolder();
const own: Origin = { ...(await ownOrigin()), beats: true };
const DEAD = 999_999_999;
const elsewhere: Partial<Origin>[] = [{ namespaces: "pid:[1] time:[1]" }, { boot: "another" }];

const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

/** A folder with a lock in it. */
function lockedBy(owner: Partial<Omit<Owner, "origin">>, origin: Partial<Origin> = {}): string {
  const folder = mkdtempSync(inFolder("library-"));
  const id = "0123456789abcdef";
  const text = formatOwner({
    ...{ id, pid: DEAD, host: hostname(), command: "learning old" },
    ...owner,
    origin: { ...own, ...origin },
  });
  writeFileSync(join(folder, "lock"), text);
  return folder;
}

/** The lock can be taken, and nothing is left when it has been given back. */
async function expectFree(folder: string): Promise<void> {
  const unlock = await lockFolder(folder, "learning dog", { patience: 300 });
  await checkLock(folder);
  await unlock();
  expect(readdirSync(folder)).toEqual([]);
}

/** The start of a process as Linux counts it. */
function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

describe("the owner of a lock", () => {
  it("is dead when its process is gone, whatever the machine is called now", async () => {
    for (const host of [hostname(), "the container before"]) {
      const folder = lockedBy({ host });
      expect(await lockState(folder)).toBe("dead");
      await expectFree(folder);
    }
  });

  it("is dead when another process has its number", async () => {
    await expectFree(lockedBy({ pid: process.ppid }, { started: "1" }));
    await expectFree(lockedBy({ pid: process.pid }, { started: "1" }));
    const { message } = await failure(
      lockFolder(lockedBy({ pid: process.ppid }, { started: startOf(process.ppid) }), "learning dog"),
    );
    expect(message).toContain(`is in use by process ${process.ppid} (learning old)`);
  });

  it("is dead when its parent has not yet noticed so", async () => {
    const parent = spawn("bash", ["-c", "sleep 60 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
    children.add(parent);
    const [line] = (await once(createInterface(parent.stdout), "line")) as [string];
    const pid = Number(line);
    // bash would notice; sleep does not.
    while (readFileSync(`/proc/${parent.pid}/comm`, "utf8") !== "sleep\n") await sleep(20);
    process.kill(pid, "SIGKILL");
    while (!readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ")) await sleep(20);
    await expectFree(lockedBy({ pid }, { started: startOf(pid) }));
  });

  it("is alive as long as one of its threads is, though its first has ended", async () => {
    const exitOfThread = process.arch === "arm64" ? 93 : 60;
    const script = `threads->create(sub { sleep 60 })->detach; $| = 1; print "$$\\n"; syscall(${exitOfThread}, 0);`;
    const child = spawn("perl", ["-Mthreads", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    children.add(child);
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const pid = Number(line);
    while (!readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ")) await sleep(20);
    const folder = lockedBy({ pid }, { started: startOf(pid) });
    expect((await failure(lockFolder(folder, "learning dog"))).message).toContain(`in use by process ${pid}`);
    child.kill("SIGKILL");
    await once(child, "exit");
    await expectFree(folder);
  });

  it.each(elsewhere)("is watched where it cannot be asked: dead when it gives no sign of life (%j)", async (origin) => {
    const folder = lockedBy({}, origin);
    expect(await lockState(folder)).toBe("held");
    await expectFree(folder);
  });

  it.each(elsewhere)("is watched where it cannot be asked: alive when it gives signs of life (%j)", async (origin) => {
    const folder = lockedBy({ host: "box" }, origin);
    const signs = setInterval(() => {
      utimesSync(join(folder, "lock"), new Date(), new Date());
    }, 20);
    onTestFinished(() => {
      clearInterval(signs);
    });
    const { message } = await failure(lockFolder(folder, "learning dog"));
    expect(message).toContain(`is in use by process ${DEAD} on box (learning old)`);
  });

  it("counts where it can neither be asked nor watched", async () => {
    const folder = lockedBy({}, { boot: "another", beats: false });
    expect((await failure(lockFolder(folder, "learning dog"))).message).toContain(`delete ${join(folder, "lock")}`);
  });

  it("may be another thread of this process, which is watched too", async () => {
    await expectFree(lockedBy({ pid: process.pid }));
  });

  it("is not watched to the end when the command is stopped", async () => {
    const stop = new AbortController();
    const taking = lockFolder(lockedBy({}, { boot: "another" }), "learning dog", { signal: stop.signal });
    stop.abort(new Error("stopped"));
    await expect(taking).rejects.toThrow("stopped");
  });

  it("gives signs of life as long as it holds the lock, also while it computes", async () => {
    const folder = mkdtempSync(inFolder("library-"));
    const unlock = await lockFolder(folder, "learning dog");
    const lock = join(folder, "lock");
    const old = new Date(0);
    utimesSync(lock, old, old);
    // Without a pause for anything else on this thread.
    const start = performance.now();
    while (statSync(lock).mtimeMs === 0 && performance.now() - start < 30_000);
    expect(statSync(lock).mtimeMs).toBeGreaterThan(0);
    await unlock();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("that was taken for dead writes nothing any more", async () => {
    const folder = mkdtempSync(inFolder("library-"));
    const library = await emptyLibrary(folder);
    const unlock = await lockFolder(folder, "learning dog");
    writeFileSync(join(folder, "lock"), formatOwner({ id: "f".repeat(16), pid: DEAD, host: "box", command: "x" }));
    for (const write of [() => library.save(), () => library.replace(library.manifest), () => library.prune()]) {
      const { kind, message } = await failure(write());
      expect(kind).toBe("state");
      expect(message).toContain(`${folder}: this process stood still for so long that it lost the library's lock`);
    }
    await unlock();
    expect(readdirSync(folder)).toContain("lock");
  });

  it("whose lock or folder was deleted is told so, and makes neither again", async () => {
    const folder = mkdtempSync(inFolder("library-"));
    const library = await emptyLibrary(folder);
    const unlock = await lockFolder(folder, "learning dog");
    rmSync(join(folder, "lock"));
    const deleted = `${folder}: its lock was deleted while this process was at work in it; repeat the command to go on.`;
    expect((await failure(library.save())).message).toBe(deleted);
    rmSync(folder, { recursive: true });
    for (const write of [() => library.save(), () => library.replace(library.manifest), () => library.prune()]) {
      const { kind, message } = await failure(write());
      expect(kind).toBe("state");
      expect(message).toMatch(`${folder} is gone: it was deleted or moved meanwhile`);
    }
    await unlock();
    expect(existsSync(folder)).toBe(false);
  });
});

describe("something else called lock", () => {
  const things: [string, (path: string) => unknown][] = [
    ["a link to nowhere", (path) => { symlinkSync("/nonexistent", path); }],
    ["a link to a file", (path) => { symlinkSync(import.meta.filename, path); }],
    ["a link to itself", (path) => { symlinkSync(path, path); }],
    ["a folder", (path) => { mkdirSync(path); }],
    ["a pipe", (path) => execFileSync("mkfifo", [path])],
    ["a file of something else", (path) => { writeFileSync(path, "name: my-app\n"); }],
    ["a large file", (path) => { writeFileSync(path, "0".repeat(1e6)); }],
  ]; // oxfmt-ignore

  it.each(things)("(%s) is named, and left as it is", async (_, make) => {
    const folder = mkdtempSync(inFolder("library-"));
    const path = join(folder, "lock");
    make(path);
    for (const doing of [() => lockFolder(folder, "learning dog"), () => lockState(folder)]) {
      const { kind, message } = await failure(doing());
      expect(kind).toBe("state");
      expect(message).toMatch(/lock: this is .*, and no lock of Keepsake; move it elsewhere or delete it\.$/);
    }
    expect(readdirSync(folder)).toEqual(["lock"]);
  });

  it("(a socket) is named too", async () => {
    const folder = mkdtempSync(inFolder("s-"));
    const server = createServer().listen(join(folder, "lock"));
    await once(server, "listening");
    expect((await failure(lockFolder(folder, "learning dog"))).message).toContain("no lock of Keepsake");
    server.close();
  });
});

describe("the lock on a disk without hard links", () => {
  it.each(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EACCES"])(
    "(%s) is one all the same",
    async (code) => {
      failCalls(code, "link");
      const folder = lockedBy({});
      const tries = await Promise.allSettled(Array.from({ length: 4 }, (_, i) => lockFolder(folder, `try ${i}`)));
      const taken = tries.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      expect(taken).toHaveLength(1);
      expect((await failure(lockFolder(folder, "learning dog"))).message).toContain(`process ${process.pid} (try `);
      for (const unlock of taken) await unlock();
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it("is waited for while another process is writing it", async () => {
    failCalls("EPERM", "link");
    const folder = mkdtempSync(inFolder("library-"));
    writeFileSync(join(folder, "lock"), "");
    const taking = failure(lockFolder(folder, "learning dog"));
    await sleep(100);
    const id = "0123456789abcdef";
    writeFileSync(join(folder, "lock"), formatOwner({ id, pid: process.ppid, host: hostname(), command: "x", origin: { ...own, started: startOf(process.ppid) } })); // oxfmt-ignore
    expect((await taking).message).toContain(`in use by process ${process.ppid} (x)`);
  });

  it("leaves nothing behind when the disk is full", async () => {
    const folder = mkdtempSync(inFolder("library-"));
    failCalls("ENOSPC", "writeFile");
    await expect(lockFolder(folder, "learning dog")).rejects.toThrow("ENOSPC");
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("many processes", () => {
  it.each(["links", "no links"])(
    "(%s) that fight for a lock and are killed are never inside together",
    async (links) => {
      const folder = mkdtempSync(inFolder("library-"));
      const said: string[] = [];
      const fight = () => {
        const script = join(import.meta.dirname, "fight-for-lock.ts");
        const child = spawn(process.execPath, ["--import", "tsx", script, folder, links], { stdio: ["ignore", "pipe", "inherit"] }); // oxfmt-ignore
        createInterface(child.stdout).on("line", (line) => said.push(line));
        children.add(child);
        return child;
      };
      const fighters = [fight(), fight(), fight()];
      for (let kills = 0; kills < 3; kills++) {
        const [first] = fighters;
        const before = said.length;
        fighters.push(fight());
        while (said.length < before + 15) await sleep(10);
        first.kill("SIGKILL");
        fighters.shift();
      }
      expect(new Set(said)).toEqual(new Set(["out"]));
    },
  );
});
