/**
 * @file `bin/keepsake.cjs`, before any code of ours is loaded.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../io/temporary-folder.ts";

const inFolder = temporaryFolder();
const ROOT = join(import.meta.dirname, "..", "..");
const ENTRY = join(ROOT, "bin", "keepsake.cjs");
const REFUSED = 4;

/** Runs an entry in a Node that says that it is of another version. */
function onNode(version: string, entry: string, ...args: string[]) {
  const older = inFolder("version.cjs");
  writeFileSync(older, `Object.defineProperty(process.versions, "node", { value: ${JSON.stringify(version)} });`);
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--require", older, entry, ...args], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("the command's entry", () => {
  it.each(["20.9.0", "20.18.3", "18.20.4"])("says on Node %s which one is needed, in one line", (version) => {
    const { status, stdout, stderr } = onNode(version, ENTRY, "list");
    expect([status, stdout]).toEqual([REFUSED, ""]);
    expect(stderr).toMatch(
      /^error: Keepsake needs Node 20\.19 or later, this is [^\n]+: see https:\/\/nodejs\.org\.\n$/,
    );
    expect(stderr).toContain(version);
  });

  it.each(["20.19.0", "22.2.0", "100.0.0"])("starts on Node %s", (version) => {
    expect(onNode(version, ENTRY, "--version")).toMatchObject({ status: 0, stderr: "" });
  });

  it("says what to do where nothing is built yet", () => {
    const clone = inFolder("clone");
    mkdirSync(clone);
    cpSync(join(ROOT, "bin"), join(clone, "bin"), { recursive: true });
    cpSync(join(ROOT, "package.json"), join(clone, "package.json"));
    const { status, stdout, stderr } = onNode(process.versions.node, join(clone, "bin", "keepsake.cjs"), "list");
    expect([status, stdout]).toEqual([REFUSED, ""]);
    expect(stderr).toBe(
      `error: Keepsake is not built yet: run "npm ci && npm run build" in ${clone}, then try again.\n`,
    );
  });

  it("can be run as it is, as it was committed", () => {
    expect(statSync(ENTRY).mode & 0o111).toBe(0o111);
  });
});
