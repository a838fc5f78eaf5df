/**
 * @file What the training kinds share: gradients of named parameters, the rule they are compared by, and AdamW steps.
 */
import type { Weights } from "../../../src/diffusion/weights.ts";
import { AdamW } from "../../../src/graph/optim/index.ts";
import { type Tensor, gradients, mean, square, sub } from "../../../src/graph/index.ts";
import type { Rule } from "../checks.ts";
import type { Fields } from "../fields.ts";
import type { TensorCase } from "../tensor-case.ts";

/** Scale of gradients that are small beside the largest one of the model (README of the fixtures, "Tolerance"). */
const leastGradientShare = 1e-3;

/** A scalar: the mean squared difference. */
export function meanSquaredError(prediction: Tensor, target: Tensor): Tensor {
  return mean(square(sub(prediction, target)));
}

/** d loss / d tensor for each, named `prefix` + name. */
export function namedGradients(
  loss: Tensor,
  tensors: ReadonlyMap<string, Tensor>,
  prefix = "grad.",
): Record<string, Tensor> {
  const found = gradients(loss, [...tensors.values()]);
  return Object.fromEntries([...tensors.keys()].map((name, i) => [prefix + name, found[i]]));
}

/** The checkpoint's values of trainable parameters, as feeds. */
export async function startingValues(
  weights: Weights,
  parameters: ReadonlyMap<string, Tensor>,
): Promise<Record<string, Float32Array>> {
  const values: Record<string, Float32Array> = {};
  for (const name of parameters.keys()) values[name] = await weights.readFloat32(name);
  return values;
}

/**
 * Gradients of a whole model are compared on a scale that is not smaller than a share of the largest one; the rest as
 * usual.
 */
export function gradientRules(test: TensorCase): (name: string) => Rule {
  if (!test.fields.has("largest_abs_gradient")) return () => test.rule;
  const leastScale = leastGradientShare * test.fields.number("largest_abs_gradient");
  return (name) => (name.startsWith("grad") ? { ...test.rule, leastScale } : test.rule);
}

interface AdamWSettings {
  readonly learningRate: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
}

/**
 * From the field `adamw`, or from the description (`lr=1e-3, betas=(0.9, 0.999), ...`); what neither says is PyTorch's
 * default.
 */
function adamWSettings(fields: Fields): AdamWSettings {
  const settings = fields.object("adamw");
  const description = fields.optionalString("description") ?? "";
  const described = (pattern: RegExp): number[] => pattern.exec(description)?.slice(1).map(Number) ?? [];
  const [lr = 1e-3] = described(/\blr=([\d.e+-]+)/);
  const [beta1 = 0.9, beta2 = 0.999] = described(/\bbetas=\(([\d.e+-]+), ([\d.e+-]+)\)/);
  const [eps = 1e-8] = described(/\beps=([\d.e+-]+)/);
  const [weightDecay = 1e-2] = described(/\bweight_decay=([\d.e+-]+)/);
  const betas = settings.has("betas") ? settings.numbers("betas") : [beta1, beta2];
  return {
    learningRate: settings.number("lr", lr),
    betas: [betas[0], betas[1]],
    eps: settings.number("eps", eps),
    weightDecay: settings.number("weight_decay", weightDecay),
  };
}

/** What AdamW trains. */
export interface TrainingRun {
  /** Updated in place. */
  readonly parameters: readonly Float32Array[];
  /** The loss at the current values, and its gradients in the order of `parameters`. */
  readonly run: () => Promise<{ readonly loss: number; readonly gradients: readonly Float32Array[] }>;
  /** Told the number of steps done. */
  readonly afterStep?: (step: number) => void;
}

/** Steps of AdamW on the same batch. @returns the losses before each step and after the last. */
export async function trainWithAdamW(
  fields: Fields,
  steps: number,
  { parameters, run, afterStep }: TrainingRun,
): Promise<number[]> {
  const { learningRate, betas, eps, weightDecay } = adamWSettings(fields);
  const groups = parameters.map((values, i) => ({ name: `${i}`, parameters: values, learningRate, weightDecay }));
  const optimizer = new AdamW(groups, { betas, eps });
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const { loss, gradients: found } = await run();
    losses.push(loss);
    optimizer.step(found);
    afterStep?.(step);
  }
  return [...losses, (await run()).loss];
}
