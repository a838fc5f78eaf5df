/**
 * @file Part of `npm run lint`: the files of src/ import each other in one direction. eslint.config.js says which room may
 * import from which; this finds circles within and between them, and rooms and files that have grown too large to take in. It also keeps the network code in one place.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import ts from "typescript";

const MOST_FILES = 20;
const MOST_LINES = 250;
/** Begins the sentence of a file's header that says why the file is longer. */
const REASON = "Long because";

const files = ["src", "studio"]
  .flatMap((root) => readdirSync(root, { recursive: true, encoding: "utf8" }).map((file) => join(root, file)))
  .filter((file) => /\.tsx?$/.test(file))
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

/**
 * The network: one folder may open connections, one file of the command line and one of the studio may reach it, and only by a
 * dynamic import, so that no other command so much as loads it. One file may listen, and it opens no connection.
 */
const NETWORK = join("src", "hub");
const WAYS_TO_NETWORK = [join("src", "cli", "hub-model.ts"), join("src", "studio", "lanes", "pull-work.ts")];
const LISTENER = join("src", "studio", "listen.ts");
const WAY_TO_LISTENER = join("src", "cli", "commands", "studio", "studio.ts");
const SERVER = "@hono/node-server";
const NETWORK_MODULES = /^(?:node:)?(?:https?|http2|net|tls|dgram|dns|quic)(?:\/|$)|^undici$|^ws$/;
const NETWORK_GLOBALS = new Set(["fetch", "WebSocket", "EventSource", "XMLHttpRequest"]);

/** The studio's page is another program: it runs in a browser, and shares types alone with the server. */
const PAGE = "studio";
const CONTRACT = join("src", "studio", "api.ts");

function pageFaults(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  return source.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) return [];
    const target = statement.moduleSpecifier.text;
    const path = normalize(join(dirname(file), target));
    if (!target.startsWith(".") || path.startsWith(`${PAGE}${sep}`)) return [];
    const isType = statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    return isType && path === CONTRACT
      ? []
      : [`${file} imports ${path}: the page may import types of ${CONTRACT} alone`];
  });
}

/** What a file has to do with the network that it may not. */
function networkFaults(file: string, text: string): string[] {
  const found: string[] = [];
  const isInside = dirname(file) === NETWORK;
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const reach = (target: string, isDynamic: boolean) => {
    const path = normalize(join(dirname(file), target));
    if (!isInside && NETWORK_MODULES.test(target)) found.push(`${file} imports ${target}: only ${NETWORK}/ may`);
    if (target.startsWith(SERVER) && file !== LISTENER) found.push(`${file} imports ${target}: only ${LISTENER} may`);
    if (path === LISTENER && !(file === WAY_TO_LISTENER && isDynamic)) {
      found.push(`${file} imports ${path}: only ${WAY_TO_LISTENER} may, by import()`);
    }
    if (isInside || !target.startsWith(".") || dirname(path) !== NETWORK) return;
    const isWay = WAYS_TO_NETWORK.includes(file) && isDynamic && path === join(NETWORK, "pull.ts");
    if (!isWay)
      found.push(`${file} imports ${path}: only ${WAYS_TO_NETWORK.join(" and ")} may, by import() of pull.ts`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      // Types are gone when the program runs.
      if (node.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword) reach(node.moduleSpecifier.text, false);
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      if (!node.isTypeOnly) reach(node.moduleSpecifier.text, false);
    } else if (ts.isCallExpression(node) && node.arguments[0] && ts.isStringLiteralLike(node.arguments[0])) {
      const { expression } = node;
      const isLoad = ts.isIdentifier(expression) && ["require", "createRequire"].includes(expression.text);
      const isBuiltIn = ts.isPropertyAccessExpression(expression) && expression.name.text === "getBuiltinModule";
      if (expression.kind === ts.SyntaxKind.ImportKeyword) reach(node.arguments[0].text, true);
      else if (isLoad || isBuiltIn) reach(node.arguments[0].text, false);
    } else if (ts.isIdentifier(node) && NETWORK_GLOBALS.has(node.text) && !isInside && !isHandler(file, node)) {
      found.push(`${file} names ${node.text}: only ${NETWORK}/ may open connections`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The server is handed a handler that is called as the global function is: `{ fetch: app.fetch }`. */
function isHandler(file: string, { parent, text }: ts.Identifier): boolean {
  if (file !== LISTENER || text !== "fetch") return false;
  return ts.isPropertyAssignment(parent) || (ts.isPropertyAccessExpression(parent) && parent.name.text === text);
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
for (const [file, text] of texts) {
  faults.push(...(file.startsWith(`${PAGE}${sep}`) ? pageFaults(file, text) : networkFaults(file, text)));
}
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;
