/** @file LoRA files: read in every usual naming, written for diffusers, PEFT and kohya's programs. */
export { diffusersLoraFile } from "./names.ts";
export { readLora } from "./read.ts";
export { writeDiffusersLora, writeKohyaLora, writePeftLora } from "./write.ts";
export type { KohyaModel, WriteKohyaLoraOptions, WriteLoraOptions } from "./write.ts";
