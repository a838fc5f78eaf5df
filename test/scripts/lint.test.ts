/**
 * @file What `npm run lint` reports: every rule finds its fault. The linter is quick because it is not ESLint, whose
 * rules these are; here it shows that it has them all.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { FAULTS, FAULTS_IN_JAVASCRIPT, FAULTS_OF_ROOMS, NO_PROGRAMS } from "./lint-faults.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const inFolder = temporaryFolder();

interface Config {
  readonly default: { readonly rules: object; readonly overrides: readonly { readonly rules: object }[] };
}

interface Report {
  readonly diagnostics: readonly {
    readonly code?: string;
    readonly message: string;
    readonly help?: string;
    readonly filename: string;
  }[];
}

const fileOf = (rule: string) => `test/${rule.replace("/", "-")}.ts`;
let reports: ReadonlyMap<string, readonly string[]>;

beforeAll(() => {
  const folder = inFolder("faulty");
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  for (const [rule, text] of Object.entries(FAULTS)) write(fileOf(rule), `${text}\n`);
  for (const [rule, text] of Object.entries(FAULTS_IN_JAVASCRIPT)) write(`${rule}.js`, `${text}\n`);
  for (const [rule, text] of Object.entries(NO_PROGRAMS)) write(`src/${rule}.ts`, `${text}\n`);
  for (const { file, text } of FAULTS_OF_ROOMS) write(file, `${text}\n`);
  write("test/unused-directive.ts", "// eslint-disable-next-line no-console -- nothing is wrong here\nexport {};\n");
  const compilerOptions = {
    module: "NodeNext",
    target: "ES2023",
    strict: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    types: [],
  };
  write("tsconfig.json", JSON.stringify({ compilerOptions, include: ["src", "test"] }));
  write("package.json", '{ "type": "module" }');
  copyFileSync(join(ROOT, "oxlint.config.js"), join(folder, "oxlint.config.js"));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const oxlint = join(ROOT, "node_modules", "oxlint", "bin", "oxlint");
  const options = { cwd: folder, encoding: "utf8", maxBuffer: 1 << 26 } as const;
  const lint = spawnSync(process.execPath, [oxlint, "-c", "oxlint.config.js", "-f", "json", "."], options);
  expect(lint.status, lint.stderr).toBe(1);
  const { diagnostics } = JSON.parse(lint.stdout) as Report;
  const instances = spawnSync(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), join(ROOT, "scripts", "lint-instances.ts")],
    options,
  );
  expect(instances.status).toBe(1);
  const found = new Map<string, string[]>();
  for (const { code, message, help, filename } of diagnostics) {
    const file = filename.replaceAll("\\", "/");
    found.set(file, [...(found.get(file) ?? []), [code, message, help].join(" ")]);
  }
  for (const line of instances.stderr.trim().split("\n")) {
    const file = line.slice(0, line.indexOf(":"));
    found.set(file, [...(found.get(file) ?? []), line]);
  }
  reports = found;
});

/** What was reported of a file. */
const of = (file: string) => (reports.get(file) ?? []).join("\n");

describe("the linter", () => {
  it.each(Object.keys(FAULTS))("reports %s", (rule) => {
    const [scope, name] = rule.includes("/") ? rule.split("/") : ["eslint", rule];
    expect(of(fileOf(rule))).toContain(`${scope}(${name})`);
  });

  it.each(Object.keys(FAULTS_IN_JAVASCRIPT))("reports %s in JavaScript, which is not compiled", (rule) => {
    expect(of(`${rule}.js`)).toContain(`eslint(${rule})`);
  });

  it.each(FAULTS_OF_ROOMS)("keeps the rooms apart: $file", ({ file, words }) => {
    expect(of(file)).toContain(words);
  });

  it.each(Object.keys(NO_PROGRAMS))("takes no program with the fault of %s", (rule) => {
    expect(of(`src/${rule}.ts`)).not.toBe("");
  });

  it("reports what is switched off for nothing", () => {
    expect(of("test/unused-directive.ts")).toContain("Unused eslint-disable directive");
  });

  it("has a fault here for every rule that is on", async () => {
    const { default: config } = (await import(pathToFileURL(join(ROOT, "oxlint.config.js")).href)) as Config;
    const rules = [config, ...config.overrides].flatMap(({ rules }) => Object.keys(rules));
    const found = new Set(
      Object.values(Object.fromEntries(reports))
        .flat()
        .map((report) => report.split(" ")[0]),
    );
    const codeOf = (rule: string) => (rule.includes("/") ? rule.replace("/", "(") : `eslint(${rule}`) + ")";
    expect(rules.filter((rule) => !found.has(codeOf(rule)))).toEqual([]);
    expect(new Set(rules).size).toBeGreaterThan(130);
  });
});
