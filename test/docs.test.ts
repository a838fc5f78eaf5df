/**
 * @file The documents: links lead somewhere, files that are named exist, lines are short, and the method page is cited
 * by the names of its sections.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const files = (folder: string, ending: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending) && !file.includes("node_modules"))
    .map((file) => join(folder, file));

const documents = [
  ...readdirSync(ROOT).filter((file) => file.endsWith(".md")),
  ...["docs", "bench", "recipes", "examples", "models"].flatMap((folder) => files(folder, ".md")),
];
const sources = ["src", "test", "bench", "scripts", "recipes", "examples"].flatMap((folder) => files(folder, ".ts"));
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** As GitHub makes it of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");

const headingsOf = (document: string) => [...read(document).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading);

describe.each(documents)("%s", (document) => {
  const text = read(document);
  const prose = text.replace(/^```[\s\S]*?^```$/gm, "");

  it("has links that lead somewhere", () => {
    for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path, anchor] = target.split("#");
      const file = path === "" ? document : join(dirname(document), path);
      expect(existsSync(join(ROOT, file)), target).toBe(true);
      if (anchor !== undefined) expect(headingsOf(file).map(anchorOf)).toContain(anchor);
    }
  });

  it("names source files that exist", () => {
    for (const [, name] of prose.matchAll(/`([\w./-]+\.ts)`/g)) {
      const exists = sources.some((file) => file === name || file.endsWith(`/${name}`));
      expect(exists, `${document} names ${name}`).toBe(true);
    }
  });

  it("has lines of at most 120 characters, but for tables", () => {
    const long = text.split("\n").filter((line) => Array.from(line).length > 120 && !line.startsWith("|"));
    expect(long).toEqual([]);
  });
});

describe("the guides show code as it is:", () => {
  const between = (file: string, from: string, to: string) => {
    const text = read(file);
    const start = text.indexOf(from);
    return text.slice(start, text.indexOf(to, start + from.length)).trim();
  };
  it.each([
    ["docs/add-a-strategy.md", between("examples/outside-strategy/l2-anchor.ts", "import {", "\0")],
    ["docs/add-an-adapter.md", between("test/adapters/outside-kind.test.ts", "interface GainLayer", "const inFolder")],
    ["docs/add-an-op.md", between("src/graph/ops/softmax.ts", "/** eˣ", "/** x - log")],
  ])("%s", (guide, code) => {
    expect(code).not.toBe("");
    expect(read(guide)).toContain(code);
  });
});

describe("citations of the method page", () => {
  it("name sections that it has", () => {
    const sections = headingsOf("docs/method.md").map((heading) => heading.replace(/^\d+\. /, ""));
    const cited = sources
      .filter((file) => file.startsWith("src"))
      .flatMap((file) =>
        [...read(file).matchAll(/docs\/method\.md,[\s*]*"([^"]+)"/g)].map(([, name]) =>
          name.replace(/\s+\*?\s*/g, " "),
        ),
      );
    expect(cited.length).toBeGreaterThan(0);
    for (const name of cited) expect(sections).toContain(name);
  });
});
