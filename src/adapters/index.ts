/**
 * @file Published as `keepsake/adapters`: LoRA, VeRA, DoRA, their files and learned tokens, and what a kind of your own
 * is made of.
 */
export {
  Adapter,
  filled,
  type AdaptedLayer,
  type AdaptedSite,
  type AdapterForm,
  type AdapterKind,
  type AdapterOptions,
  type AdapterStart,
  type FedArray,
  type FrozenArray,
  type LayerPart,
  type LayerTensors,
  type ParameterSlot,
} from "./adapter.ts";
export { checkRank, checkRankFits } from "./rank.ts";
export { lowRankPath, overFeatures } from "./low-rank-path.ts";
export { BoundAdapter, type BoundAdapterOptions } from "./bound-adapter.ts";
export { ADAPTER_KINDS, findAdapterKind, registerAdapterKind } from "./kinds.ts";
export { createLora, Lora, loraDelta, requireLora, type CreateLoraOptions, type LoraLayer } from "./lora.ts";
export { createDora, Dora, type DoraLayer } from "./dora.ts";
export { createVera, Vera, type VeraLayer, type VeraProjections } from "./vera.ts";
export {
  addToTrainedPart,
  stackedLayer,
  trainedPart,
  weightChange,
  type StackedLayer,
  type TrainedPart,
} from "./stacked-lora.ts";
export {
  discoverModules,
  parseTargets,
  selectModules,
  type AdaptableModule,
  type AdaptableModules,
  type AdapterTargets,
  type ModuleTarget,
  type TargetPreset,
} from "./modules.ts";
export * from "./formats/index.ts";
export { readTokenEmbeddings, writeTokenEmbedding } from "./formats/token-embedding.ts";
export { type TokenEmbedding } from "./textual-inversion.ts";
export { RandomStream } from "../random/random.ts";
