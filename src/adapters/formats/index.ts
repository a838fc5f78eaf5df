/** @file Adapter files: read in every usual naming, written for diffusers, PEFT and kohya's programs. */
export { diffusersLoraFile } from "./names.ts";
export { readAdapter, readLora } from "./read.ts";
export { writePeftVera } from "./vera.ts";
export {
  writeDiffusersLora,
  writeKohyaLora,
  writePeftLora,
  type KohyaModel,
  type WriteKohyaLoraOptions,
  type WriteLoraOptions,
} from "./write.ts";
