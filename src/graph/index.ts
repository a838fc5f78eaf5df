/**
 * @file Train anything in TypeScript on ONNX Runtime: a typed tensor graph, reverse-mode automatic differentiation as a
 * graph-to-graph step, and a compiler to ordinary ONNX models. Knows nothing of images or diffusion.
 */
export { countFlops, countRepeatedFlops, dump } from "./analysis.ts";
export { checkpoint, gradients } from "./gradients.ts";
export { memoryNeed, type MemoryNeed } from "./memory.ts";
export * from "./ops/attention.ts";
export * from "./ops/broadcasting.ts";
export * from "./ops/convolution.ts";
export * from "./ops/elementwise.ts";
export * from "./ops/embedding.ts";
export * from "./ops/leaves.ts";
export * from "./ops/matmul.ts";
export * from "./ops/movement.ts";
export * from "./ops/normalization.ts";
export * from "./ops/reduce.ts";
export * from "./ops/resize.ts";
export * from "./ops/softmax.ts";
export * from "./optim/index.ts";
export type { LoweringTarget } from "./onnx/builder.ts";
export { Program, type Feeds } from "./program.ts";
export {
  loweringOf,
  mapsWeights,
  maxThreads,
  PROVIDERS,
  type CompiledProgram,
  type InputSpec,
  type ProgramOptions,
  type Provider,
} from "./program-options.ts";
export type { ReduceOptions } from "./reduction.ts";
export { formatShape, ShapeError, sizeOf, type Shape } from "./shape.ts";
export type { DType, ParameterSource, Tensor } from "./tensor.ts";
