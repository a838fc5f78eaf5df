/**
 * @file Part of check-package.sh: writes every example of the documentation to a file of its own, so that it is
 * compiled as a reader has it who copied it. These are each `@example` in src/, and each TypeScript block of README.md
 * and docs/.
 *
 *     tsx scripts/extract-examples.ts <folder>
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";

interface Example {
  readonly file: string;
  /** Where it begins in the file, from 1. */
  readonly line: number;
  readonly code: string;
}

const filesIn = (folder: string, ending: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending))
    .map((file) => join(folder, file))
    .sort();
const withText = (file: string) => ({ file, text: readFileSync(file, "utf8") });
const sources = filesIn("src", ".ts").map(withText);
const documents = ["README.md", ...filesIn("docs", ".md")].map(withText);

/** The TypeScript blocks of a Markdown text. */
function blocksOf(text: string): { readonly code: string; readonly line: number }[] {
  const blocks = [...text.matchAll(/^ *```(?:ts|typescript)\n(.*?)^ *```$/gms)];
  return blocks.map(({ 1: code, index }) => ({ code, line: text.slice(0, index).split("\n").length }));
}

function inDocument({ file, text }: { readonly file: string; readonly text: string }): Example[] {
  const isExcerpt = (code: string) => sources.some((source) => source.text.includes(code));
  // What a guide shows of our own code is no program, and compiled where it stands.
  return blocksOf(text).flatMap(({ code, line }) => (isExcerpt(code) ? [] : [{ file, line, code }]));
}

/** @throws Error for an `@example` that is not one block of TypeScript */
function inSource({ file, text }: { readonly file: string; readonly text: string }): Example[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const tagsOf = (node: ts.Node): readonly ts.JSDocTag[] =>
    ts.isJSDoc(node) ? (node.tags ?? []) : node.getChildren(source).flatMap(tagsOf);
  const examples = tagsOf(source).filter(({ tagName }) => tagName.text === "example");
  return examples.map((tag) => {
    const line = source.getLineAndCharacterOfPosition(tag.pos).line + 1;
    const [block, ...more] = blocksOf(`${ts.getTextOfJSDocComment(tag.comment) ?? ""}\n`);
    if (block === undefined || more.length > 0) throw new Error(`${file}:${line}: an @example is one \`\`\`ts block`);
    return { file, line, code: block.code };
  });
}

const [, , folder] = process.argv;
if (folder === undefined) throw new Error("Say which folder to write to.");
const examples = [...documents.flatMap(inDocument), ...sources.flatMap(inSource)];
for (const { file, line, code } of examples) {
  const target = join(folder, `${file}.${line}.ts`);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, code);
}
console.log(`${examples.length} examples`);
