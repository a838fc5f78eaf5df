/** @file A VAE that comes beside a checkpoint: a folder of its own, or a file. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { exists } from "../../io/folder.ts";
import { SafetensorsFile } from "../../io/safetensors/safetensors.ts";
import { type Component, openAutoencoderKl } from "../checkpoint.ts";
import type { AutoencoderKlConfig } from "../config/autoencoder-kl-config.ts";
import { modelIndex } from "../not-a-model.ts";
import { vaeWithin } from "./single-file.ts";

/** A config, and what to call it in messages. */
export interface Described<Config> {
  readonly config: Config;
  readonly label: string;
}

/**
 * Opens a VAE: a folder with its config, a whole model's folder, or a file, whole checkpoints included.
 * @param described of a file, which has no config.
 * @throws KeepsakeError naming file and fault.
 */
export async function openVae(
  path: string,
  { config, label }: Described<AutoencoderKlConfig>,
): Promise<Component<AutoencoderKlConfig>> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    return openAutoencoderKl((await exists(join(path, modelIndex))) ? join(path, "vae") : path);
  }
  if (/\.(ckpt|pt|pth|bin)$/i.test(path)) {
    const fault = "pickle weights are not loaded, because a pickle can run any program";
    throw new KeepsakeError("input", `${path}: ${fault}; give the VAE as .safetensors.`);
  }
  const weights = await vaeWithin(await SafetensorsFile.open(path), config, label);
  if (weights === undefined) throw new KeepsakeError("input", `${path}: there is no VAE in this file.`);
  return { config, weights };
}
