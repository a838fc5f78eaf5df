import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { lockLibrary } from "../../../src/library/library-folder.ts";
import { lockFolder } from "../../../src/library/lock/lock.ts";
import { failure } from "../../io/failure.ts";
import { temporaryFolder } from "../../io/temporary-folder.ts";
import { treeOf } from "../../keepsake/support.ts";
import { emptyLibrary } from "../support.ts";

const inFolder = temporaryFolder();
const newFolder = () => mkdtempSync(inFolder("library-"));

const children = new Set<ChildProcess>();
afterEach(async () => {
  for (const child of children) await kill(child);
});

/** Starts a process that tries to take the lock; resolves to what it says. */
async function contender(folder: string, command = "learning mug"): Promise<{ child: ChildProcess; said: string }> {
  const script = join(import.meta.dirname, "hold-lock.ts");
  const child = spawn(process.execPath, ["--import", "tsx", script, folder, command], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.add(child);
  const [said] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, said };
}

async function kill(child: ChildProcess): Promise<void> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

const deadLock = "0123456789abcdef\n999999999\n" + hostname() + "\nlearning old";

describe("the lock of a library", () => {
  it("is refused to a second process, which is told who holds it, and free again when that one is killed", async () => {
    const folder = newFolder();
    const { child, said } = await contender(folder);
    expect(said).toBe("taken");
    const { kind, message } = await failure(lockFolder(folder, "learning dog"));
    expect(kind).toBe("state");
    expect(message).toContain(`${folder} is in use by process ${child.pid} (learning mug)`);
    expect(message).toContain(`delete ${join(folder, "lock")}`);
    await kill(child);
    const unlock = await lockFolder(folder, "learning dog");
    expect(readdirSync(folder)).toEqual(["lock"]);
    await unlock();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is given to one of two processes that find a dead lock at the same time", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "lock"), deadLock);
    const contenders = await Promise.all([contender(folder, "a"), contender(folder, "b")]);
    const said = contenders.map((each) => each.said);
    expect(said.filter((words) => words === "taken")).toHaveLength(1);
    expect(said.filter((words) => words.includes("in use by process"))).toHaveLength(1);
  });

  it("is never given to two owners, however many try and however often owners die", async () => {
    const folder = newFolder();
    for (let round = 0; round < 20; round++) {
      writeFileSync(join(folder, "lock"), deadLock);
      const tries = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => lockFolder(folder, `try ${i}`)));
      const taken = tries.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      expect(taken).toHaveLength(1);
      for (const unlock of taken) await unlock();
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  it("is refused to the process that holds it already", async () => {
    const folder = newFolder();
    const unlock = await lockFolder(folder, "learning dog");
    expect((await failure(lockFolder(folder, "learning mug"))).message).toContain(`process ${process.pid}`);
    await unlock();
  });

  it("is taken from a dead process that had this one's number, and from one of which nothing is known", async () => {
    for (const content of [deadLock.replace("999999999", String(process.pid)), "", "\0\0\0", "0123456789abcdef\n99"]) {
      const folder = newFolder();
      writeFileSync(join(folder, "lock"), content);
      await (
        await lockFolder(folder, "learning dog")
      )();
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  it("is taken when the process that was about to clear a dead lock has died too", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "lock"), deadLock);
    writeFileSync(join(folder, "lock.0123456789abcdef.tmp"), deadLock.replace("0123456789abcdef", "fedcba9876543210"));
    await (
      await lockFolder(folder, "learning dog")
    )();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is taken when a power cut has emptied it and the lock on its removal", async () => {
    const folder = newFolder();
    const nobody = "0".repeat(16);
    for (const name of ["lock", `lock.${nobody}.tmp`, `lock.${nobody}.${nobody}.tmp`])
      writeFileSync(join(folder, name), "");
    await (
      await lockFolder(folder, "learning dog")
    )();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("counts when it is of another machine, whose processes cannot be asked", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "lock"), deadLock.replace(hostname(), "elsewhere.example"));
    const { message } = await failure(lockFolder(folder, "learning dog"));
    expect(message).toContain("process 999999999 on elsewhere.example (learning old)");
  });
});

describe("lockLibrary", () => {
  it("makes the folder, and leaves nothing if nothing was put in it", async () => {
    const folder = join(newFolder(), "a", "b c ü");
    const unlock = await lockLibrary(folder, "learning dog");
    expect(Object.keys(treeOf(folder) ?? {})).toEqual(["lock"]);
    await unlock();
    expect(treeOf(join(folder, ".."))).toBeUndefined();
  });

  it("clears away what killed processes left half-written, and nothing else", async () => {
    const folder = newFolder();
    await emptyLibrary(folder);
    const mine = ["library.json", "notes.tmp", ".hidden", "lock.txt", "lock.x.tmp", ".keepsake-abc.tmp"];
    const left = [".keepsake-0123456789abcdef.tmp", "lock.0123456789abcdef.tmp"];
    for (const name of [...mine.slice(1), ...left]) writeFileSync(join(folder, name), "");
    await (
      await lockLibrary(folder, "learning dog")
    )();
    expect(readdirSync(folder).sort()).toEqual([...mine].sort());
  });

  it("says in one line that the folder is a file", async () => {
    const file = inFolder("file");
    writeFileSync(file, "");
    for (const path of [file, join(file, "below")]) {
      const { kind, message } = await failure(lockLibrary(path, "learning dog"));
      expect(kind).toBe("environment");
      expect(message).toContain(`Cannot make the folder ${path}: this path, or a part of it, is a file`);
    }
  });
});
