/**
 * @file From the graph to an ONNX model: every node that the outputs can reach is lowered once, weights become external
 * data that points into the user's own files.
 */
import { dirname, relative, sep } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { nodesOf, type Node, type StoredWeight, type Tensor } from "../tensor.ts";
import { OnnxBuilder, type LoweringTarget, type OnnxBuilderOptions } from "./builder.ts";
import { encodeModel, type OnnxNode, type OnnxValue } from "./model.ts";

export interface EmittedModel {
  readonly bytes: Uint8Array;
  /** The folder to which the external data's locations are relative; undefined when there are no weights in files. */
  readonly weightsFolder: string | undefined;
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Whether half-precision weights are converted in the graph; such a model needs constant folding off. */
  readonly castsWeights: boolean;
}

/**
 * Emits the graph under `outputs`.
 *
 * @throws Error if two inputs share a name; KeepsakeError if weights lie on different drives
 */
export function emitModel(
  outputs: Readonly<Record<string, Tensor>>,
  target: LoweringTarget,
  options: Pick<OnnxBuilderOptions, "mapsWeights"> = {},
): EmittedModel {
  const nodes = nodesOf(outputs);
  const used = new Set<Tensor>(Object.values(outputs));
  for (const node of nodes) node.inputs.forEach((tensor) => used.add(tensor));

  const onnx = new OnnxBuilder(target, options);
  const early: OnnxNode[] = [];
  const names = new Map<Tensor, string>();
  const inputs = new Map<string, Tensor>();
  const weights = new Map<Tensor, StoredWeight>();
  const weightsFolder = commonFolder(nodes);
  let castsWeights = false;

  const declareWeight = ({ name, source, shape }: StoredWeight): string => {
    const location = relative(weightsFolder ?? "", source.path)
      .split(sep)
      .join("/");
    return onnx.declare({
      // Weights of different files or places may have the same name: two text encoders, for instance.
      name: `${name}@${location}+${source.byteOffset}@${shape.join("x")}`,
      type: source.dtype,
      shape,
      external: { location, offset: source.byteOffset, length: source.byteLength },
    });
  };

  /**
   * One cast per use, all of them at the front: ONNX Runtime then runs each just before its use and frees the copy
   * after.
   */
  const valueOf = (tensor: Tensor): string => {
    const weight = weights.get(tensor);
    if (weight === undefined) return names.get(tensor) ?? "";
    const stored = declareWeight(weight);
    if (!weight.cast) return stored;
    castsWeights = true;
    const converted = onnx.freshName();
    early.push({ opType: "Cast", domain: "", inputs: [stored], outputs: [converted], attributes: { to: { int: 1 } } });
    return converted;
  };

  for (const node of nodes) {
    const [output] = node.outputs;
    const weight = weightOf(node, weights);
    if (weight !== undefined) {
      weights.set(output, weight);
    } else if (node.leaf?.kind === "input") {
      const { name } = node.leaf;
      if (inputs.has(name)) throw new Error(`two different inputs are named "${name}"`);
      inputs.set(name, output);
      names.set(output, name);
    } else if (node.leaf?.kind === "constant") {
      names.set(output, onnx.constant(node.leaf.data, output.shape));
    } else {
      const isUsed = node.outputs.map((tensor) => used.has(tensor));
      const lowered = node.rules.lower?.(onnx, node.inputs.map(valueOf), isUsed);
      if (lowered === undefined) throw new Error(`${node.op} cannot be emitted`);
      node.outputs.forEach((tensor, i) => names.set(tensor, lowered[i]));
    }
  }

  const graphOutputs = Object.entries(outputs).map(([name, tensor]): OnnxValue => {
    return { name: onnx.output(name, valueOf(tensor)), type: tensor.dtype, shape: tensor.shape };
  });
  const graphInputs = [...inputs].map(([name, { dtype, shape }]): OnnxValue => ({ name, type: dtype, shape }));
  const graph = onnx.build("keepsake", graphInputs, graphOutputs, early);
  return { bytes: encodeModel(graph), weightsFolder, inputs, castsWeights };
}

/** The weight that a node's output is, in a file. */
function weightOf({ inputs, outputs, leaf, rules }: Node, known: ReadonlyMap<Tensor, StoredWeight>) {
  if (leaf?.kind === "parameter") {
    const { name, source } = leaf;
    return { name, source, shape: outputs[0].shape, cast: false };
  }
  const weight = inputs.length === 0 ? undefined : known.get(inputs[0]);
  return weight && rules.seeWeight?.(weight);
}

/** The deepest folder that holds every weights file: ONNX Runtime refuses external data outside the model's folder. */
function commonFolder(nodes: readonly Node[]): string | undefined {
  const folders = nodes.flatMap(({ leaf }) => (leaf?.kind === "parameter" ? [dirname(leaf.source.path)] : []));
  return folders.reduce<string | undefined>((common, folder) => {
    if (common === undefined) return folder;
    let shared = common;
    while (folder !== shared && !folder.startsWith(shared.endsWith(sep) ? shared : shared + sep)) {
      const parent = dirname(shared);
      if (parent === shared) {
        throw new KeepsakeError(
          "input",
          `weights in ${common} and ${folder} have no folder in common: move one of them`,
        );
      }
      shared = parent;
    }
    return shared;
  }, undefined);
}
