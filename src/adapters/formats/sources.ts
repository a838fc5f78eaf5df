/** @file Finds the files of an adapter: one file, or a folder as PEFT or diffusers write it. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { AdaptedComponent } from "../../diffusion/module.ts";
import { KeepsakeError } from "../../errors.ts";
import { exists } from "../../io/folder.ts";
import { SafetensorsFile } from "../../io/safetensors/safetensors.ts";
import { adaptedComponents } from "../modules.ts";
import { diffusersLoraFile, peftConfigFile, peftWeightsFile } from "./names.ts";

/** A file of tensors, and where its rank and alpha are told apart from it. */
interface LoraSource {
  readonly path: string;
  readonly configPath?: string;
  readonly component?: AdaptedComponent;
}

/** A file of an adapter, opened: its tensors, where its settings are, and which component its folder is named after. */
export interface OpenSource extends Omit<LoraSource, "path"> {
  readonly file: SafetensorsFile;
}

/** Opens the file, or the files of the folder, that an adapter is. @throws KeepsakeError ("input") if there is none */
export async function openSources(path: string): Promise<OpenSource[]> {
  const sources = await findSources(path);
  return Promise.all(
    sources.map(async ({ path: file, ...rest }) => ({ ...rest, file: await SafetensorsFile.open(file) })),
  );
}

async function findSources(path: string): Promise<LoraSource[]> {
  if (!(await isFolder(path))) {
    if (/\.(bin|pt|pth|ckpt)$/i.test(path)) {
      throw new KeepsakeError(
        "input",
        `${path}: pickle files can run code and are not read; convert it to .safetensors`,
      );
    }
    return [{ path }];
  }
  const peft = async (folder: string, component?: AdaptedComponent): Promise<LoraSource[]> => {
    const configPath = join(folder, peftConfigFile);
    return (await exists(configPath)) ? [{ path: join(folder, peftWeightsFile), configPath, component }] : [];
  };
  const sources = await peft(path);
  for (const component of adaptedComponents) sources.push(...(await peft(join(path, component), component)));
  if (sources.length > 0) return sources;
  const file = join(path, diffusersLoraFile);
  if (await exists(file)) return [{ path: file }];
  throw new KeepsakeError(
    "input",
    `${path}: no LoRA in this folder (neither ${peftConfigFile} nor ${diffusersLoraFile})`,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
