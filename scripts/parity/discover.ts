/** @file Finds the cases of a tree, by its folders and what their JSON files hold. */
import { readdir } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { readJson } from "../../src/io/json.ts";
import type { ParityCase } from "./case-kind.ts";
import { Fields } from "./fields.ts";
import { loraFileCases } from "./kinds/lora-files.ts";
import { modelCases } from "./kinds/models.ts";
import { isSchedulerCases, schedulerCases } from "./kinds/schedulers.ts";
import { isSingleFileTable, singleFileCases } from "./kinds/single-files.ts";
import { kindOf } from "./kinds/tensor-cases.ts";
import { isTimestepTable, timestepCases } from "./kinds/timesteps.ts";
import { isPromptTable, promptTableCases } from "./kinds/tokenizers.ts";
import { TensorCase } from "./tensor-case.ts";

/**
 * Folders whose contents are not described by a JSON file for each case; every other folder is taken to hold cases with
 * tensors.
 */
const specialFolders: Readonly<Record<string, (root: string, folder: string) => Promise<ParityCase[]>>> = {
  models: modelCases,
  lora: loraFileCases,
  tokenizer: async (root, folder) => tableCases(root, folder),
  schedulers: async (root, folder) => tableCases(root, folder),
  "single-file": async (root, folder) => tableCases(root, folder),
};

/**
 * Every case of the tree, parts first: models before what runs them. What cannot be recognised becomes a case that
 * fails.
 * @throws if the folder cannot be read.
 */
export async function discoverCases(root: string): Promise<ParityCase[]> {
  const entries = await readdir(root, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name);
  const special = Object.keys(specialFolders).filter((folder) => folders.includes(folder));
  const others = folders.filter((folder) => !special.includes(folder)).sort();
  const cases: ParityCase[] = [];
  for (const folder of [...special, ...others]) {
    const find = Object.hasOwn(specialFolders, folder) ? specialFolders[folder] : tensorCases;
    cases.push(...(await find(root, folder).catch((error: unknown) => [failing(folder, error)])));
  }
  return cases;
}

/** One case for each JSON file. */
async function tensorCases(root: string, folder: string): Promise<ParityCase[]> {
  const names = await jsonFiles(root, folder);
  return names.map((name) => ({
    name,
    run: async (tree, checks) => {
      const test = await TensorCase.open(join(root, name));
      await kindOf(test).run(test, tree, checks);
    },
  }));
}

/** The rows of the folder's JSON files, each of which describes many cases. */
async function tableCases(root: string, folder: string): Promise<ParityCase[]> {
  const cases: ParityCase[] = [];
  for (const name of await jsonFiles(root, folder)) {
    cases.push(...(await casesOfTable(root, name).catch((error: unknown) => [failing(name, error)])));
  }
  return cases;
}

async function casesOfTable(root: string, name: string): Promise<ParityCase[]> {
  const fields = new Fields(`${name}.json`, await readJson(join(root, `${name}.json`)));
  if (isSchedulerCases(fields)) return schedulerCases(await TensorCase.open(join(root, name)), name);
  if (isTimestepTable(fields)) return timestepCases(fields, name);
  if (isSingleFileTable(fields)) return singleFileCases(root, fields, dirname(name));
  if (isPromptTable(fields)) return promptTableCases(root, fields, name);
  throw new Error(`unknown kind of case, with the fields ${fields.names.join(", ")}`);
}

/** JSON files directly in `folder`, without their ending, as paths from the root. */
async function jsonFiles(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder));
  return entries
    .filter((entry) => entry.endsWith(".json"))
    .sort()
    .map((entry) => `${folder}${sep}${entry.slice(0, -".json".length)}`);
}

function failing(name: string, error: unknown): ParityCase {
  return {
    name,
    run: () => {
      throw error instanceof Error ? error : new Error(String(error));
    },
  };
}
