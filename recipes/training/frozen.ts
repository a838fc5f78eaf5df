/**
 * @file Models whose training is over, as programs: their averaged weights are read from a recipe's checkpoint and fed with every run.
 */
import { onlyInputs } from "../../src/diffusion/prompt-encoder.ts";
import type { ModuleContext } from "../../src/diffusion/module.ts";
import { Program, type Feeds, type ProgramOptions, type Tensor } from "../../src/graph/index.ts";
import { SafetensorsFile } from "../../src/io/safetensors.ts";
import { traceParameters } from "./parameters.ts";

/** Weights by the names of a model's parameters. */
export type NamedWeights = Readonly<Record<string, Float32Array>>;

/**
 * The averaged weights in a recipe's checkpoint.
 *
 * @throws KeepsakeError if there is no such file, or it is none of `FullTrainer.save`
 */
export async function averagedWeights(checkpoint: string): Promise<NamedWeights> {
  const file = await SafetensorsFile.open(checkpoint);
  const ema = await file.readFloat32("ema");
  const places = JSON.parse(file.metadata.get("parameters") ?? "[]") as readonly (readonly [string, number])[]; // as `FullTrainer.save` wrote them
  const weights: Record<string, Float32Array> = {};
  let offset = 0;
  for (const [name, length] of places) {
    weights[name] = ema.subarray(offset, offset + length);
    offset += length;
  }
  if (offset !== ema.length) throw new Error(`${checkpoint} does not say which parameters it holds`);
  return weights;
}

/** A program of a frozen model, to be called with its other inputs alone. */
export async function frozenProgram<Name extends string>(
  weights: NamedWeights,
  trace: (context: ModuleContext) => Readonly<Record<Name, Tensor>>,
  options: ProgramOptions = {},
): Promise<(feeds: Feeds) => Promise<Record<Name, Float32Array>>> {
  const program = await Program.create(traceParameters(trace).traced, options);
  const frozen = onlyInputs(program, weights);
  return (feeds) => program.run({ ...feeds, ...frozen });
}
