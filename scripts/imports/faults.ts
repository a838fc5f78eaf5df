/**
 * @file What is wrong with the imports and sizes of a tree: circles within and between rooms, network code outside its
 * place, ONNX Runtime loaded outside its place, rooms, files and comments that have grown too large to take in.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import ts from "typescript";

const MOST_FILES = 20;
const MOST_LINES = 250;
/** Of a line of a comment, which the formatter leaves as it is. */
const MOST_COLUMNS = 120;
/** Begins the sentence of a file's header that says why the file is longer. */
const REASON = "Long because";

/** The folders with code of ours; what else there is in a tree is none of it. */
const FOLDERS = ["src", "bin", "test", "bench", "scripts", "recipes", "examples", "studio"];

/** All faults of the tree at a path, a line each. */
export function importFaults(root: string): string[] {
  const read = (file: string) => readFileSync(join(root, file), "utf8");
  const files = ["src", PAGE].flatMap((folder) => codeIn(root, folder)).filter((file) => /\.tsx?$/.test(file));
  const texts = new Map(files.map((file) => [file, read(file)]));
  const imports = new Map(
    files.map((file) => {
      const { importedFiles } = ts.preProcessFile(texts.get(file) ?? "");
      const own = importedFiles.map(({ fileName }) => normalize(join(dirname(file), fileName)));
      return [file, own.filter((other) => texts.has(other))];
    }),
  );
  const faults = circles(files, imports).map(
    (circle) => `these files import each other in a circle: ${circle.join(", ")}`,
  );
  const rooms = new Map(
    files.map((file) => [dirname(file), files.filter((other) => dirname(other) === dirname(file))]),
  );
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
  for (const file of FOLDERS.flatMap((folder) => codeIn(root, folder))) {
    const text = texts.get(file) ?? read(file);
    if (file !== LOADS_RUNTIME && text.includes(RUNTIME)) faults.push(...runtimeFaults(file, text));
    faults.push(...wideComments(file, text));
  }
  return faults;
}

/** Lines of comments alone. Rows of tables and words to the linter cannot be wrapped. */
function wideComments(file: string, text: string): string[] {
  return text.split("\n").flatMap((line, i) => {
    const columns = Array.from(line).length;
    const isComment = /^\s*(?:\*(?! \|)|\/\/(?! eslint-disable)|\/\*)/.test(line);
    if (columns <= MOST_COLUMNS || !isComment) return [];
    return [`${file}:${i + 1}: a comment has ${columns} columns; wrap it at ${MOST_COLUMNS}`];
  });
}

/** The files with code below a folder of the tree, as paths in the tree. */
function codeIn(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => /\.(?:tsx?|js|cjs)$/.test(file))
    .map((file) => join(folder, file))
    .sort();
}

/** Files that reach each other, by Tarjan's algorithm. */
function circles(files: readonly string[], imports: ReadonlyMap<string, readonly string[]>): string[][] {
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
 * The network: one folder may open connections, one file of the command line and one of the studio may reach it, and
 * only by a dynamic import, so that no other command so much as loads it. One file may listen, and it opens no
 * connection.
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
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) return [];
    const target = statement.moduleSpecifier.text;
    const path = normalize(join(dirname(file), target));
    if (!target.startsWith(".") || path.startsWith(`${PAGE}${sep}`)) return [];
    const isType = statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    if (isType && path === CONTRACT) return [];
    return [`${file} imports ${path}: the page may import types of ${CONTRACT} alone`];
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
    const ways = WAYS_TO_NETWORK.join(" and ");
    if (!isWay) found.push(`${file} imports ${path}: only ${ways} may, by import() of pull.ts`);
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

/** ONNX Runtime, and the one file that loads it. The linter sees to import declarations. */
const RUNTIME = "onnxruntime-node";
const LOADS_RUNTIME = join("src", "graph", "onnx-runtime.ts");

/** Where a file loads ONNX Runtime by a call, which it may not. */
function runtimeFaults(file: string, text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.arguments[0] && ts.isStringLiteralLike(node.arguments[0])) {
      const { expression } = node;
      const isRequire = ts.isIdentifier(expression) && expression.text === "require";
      const isLoad = isRequire || expression.kind === ts.SyntaxKind.ImportKeyword;
      // It sends telemetry unless that is switched off before.
      if (isLoad && node.arguments[0].text === RUNTIME) {
        found.push(`${file} loads ${RUNTIME}: only ${LOADS_RUNTIME} does, with its telemetry off (loadOnnxRuntime)`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest));
  return found;
}
