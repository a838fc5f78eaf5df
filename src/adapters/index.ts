/**
 * @file Adapters of a model and learned tokens, in memory and in the file formats of other programs.
 */
export type { AdaptedLayer, Adapter, AdapterKind, AdapterKindName } from "./adapter.ts";
export { BoundAdapter } from "./bound-adapter.ts";
export { createDora, Dora, type DoraLayer } from "./dora.ts";
export {
  readAdapter,
  readLora,
  writeDiffusersLora,
  writeKohyaLora,
  writePeftLora,
  writePeftVera,
} from "./formats/index.ts";
export { ADAPTER_KINDS } from "./kinds.ts";
export { createLora, Lora, loraDelta, type LoraLayer } from "./lora.ts";
export { discoverModules, parseLoraTargets, type AdaptableModules, type LoraTargets } from "./modules.ts";
export { readTokenEmbeddings, writeTokenEmbedding, type TokenEmbedding } from "./textual-inversion.ts";
export { createVera, Vera, type VeraLayer, type VeraProjections } from "./vera.ts";
