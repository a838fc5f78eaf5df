/** @file Adapter files: read in every usual naming, written for diffusers, PEFT and kohya's programs. */
export { plainTokenName, readBundledEmbeddings } from "./bundle.ts";
export { modelspec, type KohyaModel, type ModelspecFacts } from "./modelspec.ts";
export { diffusersLoraFile } from "./names.ts";
export { readAdapter, readLora } from "./read.ts";
export { writePeftVera } from "./vera.ts";
export {
  writeDiffusersLora,
  writeKohyaLora,
  writePeftLora,
  type WriteKohyaLoraOptions,
  type WriteLoraOptions,
} from "./write.ts";
