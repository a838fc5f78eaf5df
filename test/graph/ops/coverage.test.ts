import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import * as graph from "../../../src/graph/index.ts";
import { kernels } from "../support/reference.ts";

const source = join(import.meta.dirname, "../../../src/graph");
/** A folder beside them holds parts of one. */
const modules = readdirSync(join(source, "ops")).filter((name) => name.endsWith(".ts"));

describe("the ops", () => {
  it.each(modules)("of %s are public and have a test file", async (file) => {
    const module: unknown = await import(join(source, "ops", file));
    expect(graph).toMatchObject(Object(module));
    expect(readdirSync(import.meta.dirname)).toContain(`${basename(file, ".ts")}.test.ts`);
  });

  it("all have a reference, and there is none for an op that does not exist", () => {
    const parts = readdirSync(join(source, "ops"), { recursive: true, encoding: "utf8" });
    const text = ["gradients.ts", ...parts.filter((file) => file.endsWith(".ts")).map((file) => join("ops", file))]
      .map((file) => readFileSync(join(source, file), "utf8"))
      .join("\n");
    // The first argument of what makes nodes.
    const names = [...text.matchAll(/\b(?:apply|applyOne|unary|binary|reduce|swish)\(\s*"(\w+)"/g)].map(
      ([, name]) => name,
    );
    const leaves = ["input", "parameter", "constant"];
    expect([...new Set(names)].sort()).toEqual([...kernels.keys(), ...leaves].sort());
  });
});
