/**
 * @file Part of `npm run lint`: the files of src/ import each other in one direction. eslint.config.js says which room may
 * import from which; this finds circles within and between them, and rooms and files that have grown too large to take in.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";

const MOST_FILES = 20;
const MOST_LINES = 250;
/** Begins the sentence of a file's header that says why the file is longer. */
const REASON = "Long because";

const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => join("src", file))
  .sort();
const texts = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
const imports = new Map(
  files.map((file) => {
    const { importedFiles } = ts.preProcessFile(texts.get(file) ?? "");
    const own = importedFiles.map(({ fileName }) => normalize(join(dirname(file), fileName)));
    return [file, own.filter((other) => texts.has(other))];
  }),
);

/** Files that reach each other, by Tarjan's algorithm. */
function circles(): string[][] {
  const found: string[][] = [];
  const index = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): number => {
    const own = index.size;
    index.set(file, own);
    stack.push(file);
    let low = own;
    for (const other of imports.get(file) ?? []) {
      if (!index.has(other)) low = Math.min(low, visit(other));
      else if (stack.includes(other)) low = Math.min(low, index.get(other) ?? low);
    }
    if (low === own) {
      const circle = stack.splice(stack.indexOf(file));
      if (circle.length > 1) found.push(circle);
    }
    return low;
  };
  for (const file of files) if (!index.has(file)) visit(file);
  return found;
}

const faults = circles().map((circle) => `these files import each other in a circle: ${circle.join(", ")}`);
const rooms = new Map(files.map((file) => [dirname(file), files.filter((other) => dirname(other) === dirname(file))]));
for (const [room, inside] of rooms) {
  if (inside.length > MOST_FILES) faults.push(`${room} has ${inside.length} files; split it by its jobs`);
}
for (const [file, text] of texts) {
  const lines = text.split("\n").length - 1;
  const header = text.slice(0, text.indexOf("*/"));
  if (lines > MOST_LINES && !header.includes(REASON)) {
    faults.push(`${file} has ${lines} lines; split it, or say why in its header ("${REASON} ...")`);
  }
}
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;
