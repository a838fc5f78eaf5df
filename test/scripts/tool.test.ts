import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { aboveZero, atLeastOne, repeated, severalNumbers } from "../../scripts/tool.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";

const inFolder = temporaryFolder();

/** What a developer's command does with these arguments. */
function run(file: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync("npx", ["tsx", file, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("the commands of developers", () => {
  it("have a help text, with defaults", () => {
    const { status, stdout } = run("recipes/taught.ts", "--help");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: npx tsx recipes\/taught.ts \[options\]\n/);
    expect(stdout).toMatch(/--count <n> +concepts \(default: 8\)/);
  });

  it.each([
    [
      "recipes/train-vae.ts",
      ["--freeze-encode"],
      "error: unknown option '--freeze-encode' (Did you mean --freeze-encoder?)",
    ],
    ["bench/main.ts", ["--runs", "0"], "argument '0' is invalid. It must be a whole number above 0"],
    ["bench/studio.ts", [], "error: required option '--library <folder>' not specified"],
  ])("refuse a wrong command line in one line: %s %j", (file, args, words) => {
    const { status, stderr } = run(file, ...args);
    expect(status).toBe(2);
    expect(stderr).toContain(words);
    expect(stderr).toMatch(/^error: .*; see --help.\n$/);
  });

  it("take what they are told to", () => {
    expect(severalNumbers("1,3,5")).toEqual([1, 3, 5]);
    expect(["a", "b"].reduce<string[]>((all, text) => repeated(text, all), [])).toEqual(["a", "b"]);
    expect([atLeastOne("3"), aboveZero("0.5")]).toEqual([3, 0.5]);
    for (const text of ["0", "-1", "1.5", "", "x", "Infinity"]) expect(() => atLeastOne(text)).toThrow("above 0");
    for (const text of ["0", "-1", "", "x", "Infinity"]) expect(() => aboveZero(text)).toThrow("above 0");
  });

  it("tell a fault of what they were asked for in one line", () => {
    const { status, stderr } = run(
      "bench/continual/main.ts",
      "--strategies",
      "no-such-one",
      "--output",
      inFolder("results"),
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: There is no strategy "no-such-one"; choose one of [^\n]+\n$/);
  });
});
