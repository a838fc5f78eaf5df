/**
 * @file The adaptable layers of the reference fixtures' tiny SD 1 model, which the LoRA fixtures are for, and the
 * fixtures' paths. tiny-sd1-shapes.json lists the names and shapes of its UNet's and text encoder's tensors.
 */
import { join } from "node:path";
import { discoverModules, type AdaptableModules } from "../../src/adapters/modules.ts";
import shapes from "./tiny-sd1-shapes.json" with { type: "json" };

const modulesOf = (tensors: Readonly<Record<string, number[]>>) =>
  discoverModules(Object.entries(tensors).map(([name, shape]) => ({ name, shape })));

export const tinySd1: AdaptableModules = {
  unet: modulesOf(shapes.unet),
  text_encoder: modulesOf(shapes.text_encoder),
};

/** A file below test/fixtures/. */
export const fixture = (...path: string[]): string => join(import.meta.dirname, "..", "fixtures", ...path);
