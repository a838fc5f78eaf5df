import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { libraryOption } from "../src/cli/commands/shared.ts";
import { shellPath, shellQuote } from "../src/shell.ts";

describe("a command that is shown to be copied", () => {
  const names = [
    ...[
      "my-library",
      "a$(touch PWNED)",
      "it's",
      "a`id`b",
      'say "hi"',
      "two words",
      "!history",
      "x;y&z|w",
      "~",
      "*",
      "",
    ],
    ...["line\nbreak", "$HOME", "\\", "größe", "(a)", "#c"],
  ];

  it.each(names)("hands the shell %j as it is", (name) => {
    const { stdout } = spawnSync("bash", ["-c", `printf %s ${shellQuote(name)}`], { encoding: "utf8" });
    expect(stdout).toBe(name);
  });

  it("does not take a name for an option", () => {
    expect(shellPath("-x")).toBe("./-x");
    expect(libraryOption("--json 1")).toBe(" --library './--json 1'");
  });

  it("names the library only where it is not the usual one", () => {
    expect(libraryOption("keepsake-library")).toBe("");
    expect(libraryOption("a$(touch PWNED)")).toBe(" --library 'a$(touch PWNED)'");
  });
});
