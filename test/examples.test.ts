/**
 * @file The programs of examples/ run as they are written, each in a process of its own. Their types are checked with
 * all others.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "./io/temporary-folder.ts";

const ROOT = join(import.meta.dirname, "..");
const inFolder = temporaryFolder();

/** How each is run so that it is quick, and what it then prints. */
const EXAMPLES: Readonly<Record<string, { readonly args: readonly string[]; readonly prints: RegExp }>> = {
  "train-a-network.ts": {
    args: [],
    prints: /^step 0: .*\nstep 200: .*\nstep 400: .*\nstep 600: mean squared error 0\.0\d\d$/,
  },
  "learn-and-draw.ts": {
    args: [inFolder("library"), "2"],
    prints: /^2 steps\nlearned <mochi>\n.*library-mochi-on-the-beach\.png$/,
  },
  "compare-strategies.ts": {
    args: ["1"],
    prints: /^sequential: learning <ember> changed <mochi> by \d+\.\d of 255\nkv-nullspace: .* of 255$/,
  },
};

describe("the examples", () => {
  it("are all run here", () => {
    const files = readdirSync(join(ROOT, "examples")).filter((file) => file.endsWith(".ts"));
    expect(files.sort()).toEqual(Object.keys(EXAMPLES).sort());
  });

  it.each(Object.entries(EXAMPLES))("%s", (file, { args, prints }) => {
    const command = ["--import", "tsx", join("examples", file), ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout.trimEnd()).toMatch(prints);
    expect(status).toBe(0);
  });
});
