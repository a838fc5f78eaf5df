/**
 * @file A training step as outputs of a program: the loss and the gradients of all parameters, in one of two forms.
 */
import type { ModuleContext } from "../../src/diffusion/module.ts";
import { concat, gradients, input, reshape, slice, type Provider, type Tensor } from "../../src/graph/index.ts";
import { traceParameters, type Parameters } from "./parameters.ts";

/**
 * `separate`: an input named after each parameter, and `gradient <i>` of each place. A CPU reads and writes them where
 * they lie. `joined`: one input `parameters` and one output `gradients`, in the layout of the flat arrays. Each array
 * that goes to a GPU or comes from it costs about a millisecond, however small it is.
 */
export type StepForm = "separate" | "joined";

/** The form that is quicker on a provider. */
export function stepForm(provider: Provider): StepForm {
  return provider === "cpu" ? "separate" : "joined";
}

export interface TrainingStep {
  readonly parameters: Parameters;
  /** `loss`, and the gradients as the form has them. */
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** @param trace - builds the scalar loss from parameters and inputs; called once or twice */
export function traceStep(trace: (context: ModuleContext) => { readonly loss: Tensor }, form: StepForm): TrainingStep {
  const { traced, parameters, inputs } = traceParameters(trace);
  if (form === "joined") return { parameters, outputs: joinedOutputs(trace, parameters) };
  const outputs: Record<string, Tensor> = { loss: traced.loss };
  gradients(traced.loss, inputs).forEach((gradient, i) => (outputs[`gradient ${i}`] = gradient));
  return { parameters, outputs };
}

function joinedOutputs(
  trace: (context: ModuleContext) => { readonly loss: Tensor },
  { places, values }: Parameters,
): TrainingStep["outputs"] {
  const all = input("parameters", [values.length]);
  const pieces = new Map(
    places.map(({ name, shape, offset, length }) => [name, reshape(slice(all, [offset], [offset + length]), shape)]),
  );
  const { loss } = trace({
    has: () => true,
    parameter: (name) => {
      const piece = pieces.get(name);
      if (piece === undefined) throw new Error(`${name} was not asked for the first time`);
      return piece;
    },
  });
  const slopes = gradients(loss, [...pieces.values()]);
  return {
    loss,
    gradients: concat(
      slopes.map((slope) => reshape(slope, [-1])),
      0,
    ),
  };
}
