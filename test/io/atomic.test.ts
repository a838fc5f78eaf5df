import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { describeWriteError, writeAtomically, writeFileAtomic } from "../../src/io/atomic.ts";
import { failure } from "./failure.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const inFolder = temporaryFolder();

beforeEach(() => {
  rmSync(inFolder(), { recursive: true, force: true });
  mkdirSync(inFolder());
});

describe("writeFileAtomic", () => {
  it("writes a new file, text or bytes, and leaves nothing else", async () => {
    await writeFileAtomic(inFolder("text"), "größer");
    await writeFileAtomic(inFolder("bytes"), Uint8Array.of(0, 255));
    expect(readFileSync(inFolder("text"), "utf8")).toBe("größer");
    expect([...readFileSync(inFolder("bytes"))]).toEqual([0, 255]);
    expect(readdirSync(inFolder()).sort()).toEqual(["bytes", "text"]);
  });

  it("replaces a file, however long the old and the new content are", async () => {
    for (const content of ["short", "much longer than before", ""]) {
      await writeFileAtomic(inFolder("file"), content);
      expect(readFileSync(inFolder("file"), "utf8")).toBe(content);
    }
  });

  it("takes names as long as the file system allows, with spaces, accents and pictures", async () => {
    for (const name of ["x".repeat(255), "my dog é 🐶.json"]) {
      await writeFileAtomic(inFolder(name), "content");
      expect(readFileSync(inFolder(name), "utf8")).toBe("content");
    }
  });

  it("follows a symbolic link, and keeps it", async () => {
    writeFileSync(inFolder("real"), "old");
    symlinkSync("real", inFolder("link"));
    await writeFileAtomic(inFolder("link"), "new");
    expect(lstatSync(inFolder("link")).isSymbolicLink()).toBe(true);
    expect(readFileSync(inFolder("real"), "utf8")).toBe("new");
  });

  it("survives many writers of one file at once: one of them wins, whole", async () => {
    const contents = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(10_000));
    await Promise.all(contents.map((content) => writeFileAtomic(inFolder("file"), content)));
    expect(contents).toContain(readFileSync(inFolder("file"), "utf8"));
    expect(readdirSync(inFolder())).toEqual(["file"]);
  });

  it("keeps the old content and leaves no temporary file when the writing fails half-way", async () => {
    writeFileSync(inFolder("file"), "old");
    const write = writeAtomically(inFolder("file"), async (handle) => {
      await handle.write("half of the new con");
      throw new Error("the reader of the other half failed");
    });
    await expect(write).rejects.toThrow("the other half failed");
    expect(readFileSync(inFolder("file"), "utf8")).toBe("old");
    expect(readdirSync(inFolder())).toEqual(["file"]);
  });

  it("says that a folder is missing", async () => {
    const error = await failure(writeFileAtomic(inFolder("no", "file"), "x"));
    expect(error.kind).toBe("environment");
    expect(error.message).toBe(`Cannot write ${inFolder("no", "file")}: the folder does not exist. Create it first.`);
  });

  it("says that a part of the path is a file", async () => {
    writeFileSync(inFolder("file"), "x");
    const error = await failure(writeFileAtomic(inFolder("file", "inside"), "x"));
    expect(error.message).toContain("a part of the path is a file, not a folder");
    expect(readdirSync(inFolder())).toEqual(["file"]);
  });

  it("refuses to put a file in the place of a folder or a device", async () => {
    mkdirSync(inFolder("folder"));
    expect((await failure(writeFileAtomic(inFolder("folder"), "x"))).message).toContain("is a folder");
    expect((await failure(writeFileAtomic("/dev/null", "x"))).message).toContain("is not a regular file");
    expect(readdirSync(inFolder())).toEqual(["folder"]);
  });

  it.each([
    ["ENOSPC", "the disk is full"],
    ["EROFS", "the disk is read-only"],
    ["EACCES", "permission denied"],
    ["EDQUOT", "your disk quota is used up"],
    ["EXYZ", "the system reported EXYZ"],
  ])("explains %s in one line", async (code, words) => {
    const refuse = () => {
      throw Object.assign(new Error(`${code}: refused, write`), { code, syscall: "write" });
    };
    const error = await failure(writeAtomically(inFolder("model.safetensors"), refuse));
    expect(error.kind).toBe("environment");
    expect(error.message).toContain(`Cannot write ${inFolder("model.safetensors")}: ${words}`);
    expect(readdirSync(inFolder())).toEqual([]);
  });

  it("tells the first error, not that of closing the file afterwards", async () => {
    const closing = (handle: FileHandle) => {
      const close = handle.close.bind(handle);
      handle.close = async () => {
        await close();
        throw Object.assign(new Error("EIO: close"), { code: "EIO", syscall: "close" });
      };
    };
    const full = writeAtomically(inFolder("file"), (handle) => {
      closing(handle);
      return Promise.reject(Object.assign(new Error("ENOSPC: write"), { code: "ENOSPC", syscall: "write" }));
    });
    expect((await failure(full)).message).toContain("the disk is full");
    const late = writeAtomically(inFolder("file"), async (handle) => {
      closing(handle);
      await handle.writeFile("x");
    });
    expect((await failure(late)).message).toContain("the disk reported an error");
    expect(readdirSync(inFolder())).toEqual([]);
  });

  it.each(["EINVAL", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"])(
    "does without fsync on drives without it (%s)",
    async (code) => {
      await writeAtomically(inFolder("file"), async (handle) => {
        handle.sync = () => Promise.reject(Object.assign(new Error(code), { code, syscall: "fsync" }));
        await handle.writeFile("x");
      });
      expect(readFileSync(inFolder("file"), "utf8")).toBe("x");
      const broken = writeAtomically(inFolder("file"), (handle) => {
        handle.sync = () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO", syscall: "fsync" }));
        return Promise.resolve();
      });
      expect((await failure(broken)).message).toContain("the disk reported an error");
    },
  );

  it("gives a file the permissions that are asked for, whatever the umask, and else what the umask leaves", async () => {
    for (const umask of [0, 0o022, 0o277]) {
      const before = process.umask(umask);
      try {
        await writeFileAtomic(inFolder("mine"), "x", { mode: 0o600 });
        expect(statSync(inFolder("mine")).mode & 0o777).toBe(0o600);
        await writeFileAtomic(inFolder("any"), "x");
        expect(statSync(inFolder("any")).mode & 0o777).toBe(0o666 & ~umask);
      } finally {
        process.umask(before);
      }
    }
  });

  it("passes on errors that are not the system's", () => {
    const error = new TypeError("a defect");
    expect(describeWriteError("file", error)).toBe(error);
  });

  it("leaves the old or the new content, never a torn file, when the process is killed", async () => {
    const [file, size] = [inFolder("file"), 3_000_000];
    const program = path.join(import.meta.dirname, "write-forever.ts");
    for (let round = 0; round < 6; round += 1) {
      const child = spawn(process.execPath, ["--import", "tsx", program, file, String(size)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      await sleep(round * 7);
      child.kill("SIGKILL");
      await once(child, "exit");
      const content = readFileSync(file, "utf8");
      expect(content).toHaveLength(size);
      expect(content).toBe(content[0].repeat(size));
    }
  });
});
