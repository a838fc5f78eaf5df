/**
 * @file The contract between the models and everything around them: where parameters come from and where adapters hook
 * in, and the four kinds of layers with parameters. A model is a plain function of a `ModuleContext` and tensors;
 * module and parameter names are those of diffusers and transformers, so that their checkpoints and adapters fit as
 * they are.
 */
import { type Shape, type Tensor, conv2d, groupNorm, layerNorm, linear, reshape } from "../graph/index.ts";

/**
 * What a model function needs from outside. Module paths are dotted names without ".weight", e.g.
 * `mid_block.resnets.0.conv1`.
 */
export interface ModuleContext {
  /**
   * The named parameter as a float32 tensor.
   * @throws KeepsakeError naming file and key when the checkpoint lacks it or has it in another shape.
   */
  parameter(name: string, shape: Shape): Tensor;
  has(name: string): boolean;
  /**
   * Called for every linear layer and every 1x1 convolution: returns `y` with whatever an adapter does to it.
   * `x` is the layer's input in the layer's own layout (tokens `[..., in]` or `[N, in, H, W]`), `y` its output.
   */
  adapt?(module: string, x: Tensor, y: Tensor, base: BaseLayer): Tensor;
  /** Sees the output of every named module (for tests, debugging and statistics). */
  observe?(module: string, output: Tensor): void;
}

/** What a layer is without an adapter. */
export interface BaseLayer {
  /** `[out, in]`, or `[out, in, 1, 1]` of a convolution. */
  readonly weight: Tensor;
  /** `[out]` */
  readonly bias: Tensor | undefined;
}

/** The text encoders of a pipeline, by the names that diffusers gives them. SDXL has two. */
export type TextComponent = "text_encoder" | "text_encoder_2";

/** The parts of a pipeline that adapters may change, by the names that diffusers gives them. */
export type AdaptedComponent = "unet" | TextComponent;

/**
 * An adapter tied to graph inputs: it changes layers while a model is traced, and says what to feed when the program
 * runs.
 */
export interface AdapterBinding {
  /** Returns `y` with the adapter on this layer, or `y` itself for layers that it leaves alone. */
  adapt(component: AdaptedComponent, module: string, x: Tensor, y: Tensor, base: BaseLayer): Tensor;
  /** The current values of the inputs that `adapt` put into the graph. */
  feeds(): Record<string, Float32Array>;
}

/** The same context with an adapter's hook on it. */
export function withAdapter(
  context: ModuleContext,
  component: AdaptedComponent,
  adapter: AdapterBinding | undefined,
): ModuleContext {
  if (adapter === undefined) return context;
  return {
    parameter: (name, shape) => context.parameter(name, shape),
    has: (name) => context.has(name),
    adapt: (module, x, y, base) => adapter.adapt(component, module, x, context.adapt?.(module, x, y, base) ?? y, base),
    observe: (module, output) => context.observe?.(module, output),
  };
}

/** The same context with an observer on it. */
export function withObserver(context: ModuleContext, observe: (module: string, output: Tensor) => void): ModuleContext {
  return {
    parameter: (name, shape) => context.parameter(name, shape),
    has: (name) => context.has(name),
    adapt: (module, x, y, base) => context.adapt?.(module, x, y, base) ?? y,
    observe,
  };
}

/**
 * The context of a sub-module: every name given to it is looked up below `path`; the name "" is the sub-module itself.
 */
export function scoped(context: ModuleContext, path: string): ModuleContext {
  const full = (name: string): string => (name === "" ? path : `${path}.${name}`);
  return {
    parameter: (name, shape) => context.parameter(full(name), shape),
    has: (name) => context.has(full(name)),
    adapt: (module, x, y, base) => context.adapt?.(full(module), x, y, base) ?? y,
    observe: (module, output) => context.observe?.(full(module), output),
  };
}

/** Reports the output of the module that `context` is scoped to, and returns it. */
export function observed(context: ModuleContext, output: Tensor): Tensor {
  context.observe?.("", output);
  return output;
}

/** torch.nn.Linear: `[..., in]` -> `[..., outFeatures]`, y = x W^T + b with W `[out, in]`. */
export function linearLayer(
  context: ModuleContext,
  name: string,
  x: Tensor,
  outFeatures: number,
  options: { readonly bias?: boolean } = {},
): Tensor {
  const weight = context.parameter(`${name}.weight`, [outFeatures, lastDimension(x)]);
  return finishLinear(context, name, x, weight, outFeatures, options.bias ?? true);
}

/**
 * A 1x1 convolution applied to tokens `[batch, positions, in]`; its weight `[out, in, 1, 1]` is read as a linear
 * layer's.
 */
export function pointwiseConvLayer(context: ModuleContext, name: string, tokens: Tensor, outFeatures: number): Tensor {
  const inFeatures = lastDimension(tokens);
  const weight = context.parameter(`${name}.weight`, [outFeatures, inFeatures, 1, 1]);
  return finishLinear(context, name, tokens, reshape(weight, [outFeatures, inFeatures]), outFeatures, true);
}

/**
 * torch.nn.Conv2d with a square kernel: `[N, in, H, W]` -> `[N, outChannels, H', W']`. Stride 1, no padding, bias by
 * default.
 */
export function conv2dLayer(
  context: ModuleContext,
  name: string,
  x: Tensor,
  outChannels: number,
  kernel: number,
  options: {
    readonly stride?: number;
    readonly padding?: number | [number, number, number, number];
    readonly bias?: boolean;
  } = {},
): Tensor {
  const weight = context.parameter(`${name}.weight`, [outChannels, x.shape[1], kernel, kernel]);
  const bias = (options.bias ?? true) ? context.parameter(`${name}.bias`, [outChannels]) : undefined;
  const plain = conv2d(x, weight, bias, { stride: options.stride ?? 1, padding: options.padding ?? 0 });
  const y = kernel === 1 ? (context.adapt?.(name, x, plain, { weight, bias }) ?? plain) : plain;
  context.observe?.(name, y);
  return y;
}

/** torch.nn.GroupNorm over `[N, C, ...]`. */
export function groupNormLayer(context: ModuleContext, name: string, x: Tensor, groups: number, eps: number): Tensor {
  const channels = x.shape[1];
  const weight = context.parameter(`${name}.weight`, [channels]);
  const y = groupNorm(x, groups, weight, context.parameter(`${name}.bias`, [channels]), eps);
  context.observe?.(name, y);
  return y;
}

/** torch.nn.LayerNorm over the last axis. */
export function layerNormLayer(context: ModuleContext, name: string, x: Tensor, eps: number): Tensor {
  const width = lastDimension(x);
  const y = layerNorm(x, context.parameter(`${name}.weight`, [width]), context.parameter(`${name}.bias`, [width]), eps);
  context.observe?.(name, y);
  return y;
}

function finishLinear(
  context: ModuleContext,
  name: string,
  x: Tensor,
  weight: Tensor,
  outFeatures: number,
  hasBias: boolean,
): Tensor {
  const bias = hasBias ? context.parameter(`${name}.bias`, [outFeatures]) : undefined;
  const plain = linear(x, weight, bias);
  const y = context.adapt?.(name, x, plain, { weight, bias }) ?? plain;
  context.observe?.(name, y);
  return y;
}

function lastDimension(x: Tensor): number {
  return x.shape[x.shape.length - 1];
}
