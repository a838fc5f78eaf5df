/**
 * @file VeRA files as PEFT writes and reads them: vectors by layer, and the frozen pair of projections beside them
 * (`peft: utils/save_and_load.py`).
 */
import type { AdaptedComponent } from "../../diffusion/module.ts";
import { KeepsakeError, shown } from "../../errors.ts";
import { formatShape } from "../../graph/index.ts";
import type { SafetensorsFile, TensorToWrite } from "../../io/safetensors/safetensors.ts";
import { adaptedComponents, type AdaptableModules } from "../modules.ts";
import type { Vera, VeraLayer, VeraProjections } from "../vera.ts";
import { requireAdapter, requireDType, requirePath } from "./arguments.ts";
import { matrixShape, readFinite, readVector } from "./tensors.ts";
import { writePeftFolders, type WriteLoraOptions } from "./write.ts";

const PREFIX = "base_model.";
const vectorKey = /^(?:base_model\.model\.)?(.+)\.vera_lambda_([bd])$/;
const projectionKey = /^(?:base_model\.)?vera_([AB])$/;

/** Whether a file holds a VeRA adapter, or a part of one. */
export function isVeraFile(file: SafetensorsFile): boolean {
  return [...file.tensors.keys()].some((key) => vectorKey.test(key) || projectionKey.test(key));
}

/** The part of a VeRA adapter in one file. */
export interface VeraFileContents {
  readonly component: AdaptedComponent;
  readonly layers: readonly VeraLayer[];
  readonly projections: VeraProjections;
}

/**
 * Reads a VeRA file, which is of one component.
 *
 * @param folderComponent - the component that the file's folder is named after; by default the UNet, unless only the
 *   text encoder has the layers
 * @throws KeepsakeError ("input") if it is incomplete, without projections, or for another model
 */
export async function readVeraFile(
  file: SafetensorsFile,
  folderComponent: AdaptedComponent | undefined,
  model: AdaptableModules,
): Promise<VeraFileContents> {
  const found = new Map<string, { b?: string; d?: string }>();
  const shared: { A?: string; B?: string } = {};
  for (const key of file.tensors.keys()) {
    const [, module, vector] = vectorKey.exec(key) ?? [];
    const [, matrix] = projectionKey.exec(key) ?? [];
    if (vector !== undefined) found.set(module, { ...found.get(module), [vector]: key });
    else if (matrix !== undefined) Object.assign(shared, { [matrix]: key });
    else throw fault(file, `${shown(key, 200)} is not a name known from VeRA files`);
  }
  const projections = await readProjections(file, shared.A, shared.B);
  const modules = [...found.keys()];
  const isText = modules.every((module) => !model.unet?.has(module) && model.text_encoder?.has(module));
  const component = folderComponent ?? (isText ? "text_encoder" : "unet");
  const layers: VeraLayer[] = [];
  for (const [module, { b, d }] of found) {
    const name = `${component} layer "${module}"`;
    if (b === undefined || d === undefined) {
      throw fault(file, `${name} has no vera_lambda_${b === undefined ? "b" : "d"}; the file is incomplete`);
    }
    const shape = model[component]?.get(module);
    if (shape === undefined) {
      throw fault(file, `the VeRA was made for another model: the model's ${component} has no layer "${module}"`);
    }
    if (shape.inFeatures > projections.inFeatures || shape.outFeatures > projections.outFeatures) {
      const weight = formatShape([shape.outFeatures, shape.inFeatures]);
      throw fault(file, `the VeRA was made for another model: its projections are narrower than ${name} ${weight}`);
    }
    const lambdaB = await readVector(file, b, shape.outFeatures);
    const lambdaD = await readVector(file, d, projections.rank);
    layers.push({ ...shape, component, module, rank: projections.rank, lambdaB, lambdaD });
  }
  if (layers.length === 0) throw fault(file, "there is no layer in this file");
  return { component, layers, projections };
}

async function readProjections(file: SafetensorsFile, keyA = "", keyB = ""): Promise<VeraProjections> {
  if (keyA === "" || keyB === "") {
    const without = `the projections ${keyA === "" ? "vera_A" : "vera_B"} are not in the file`;
    throw fault(file, `${without}, and only PyTorch can draw them again; save it with save_projection = True`);
  }
  const [rank, inFeatures] = matrixShape(file, keyA);
  const [outFeatures, rankB] = matrixShape(file, keyB);
  if (rank < 1 || rankB !== rank) {
    const shapes = `"${keyA}" ${formatShape([rank, inFeatures])}, "${keyB}" ${formatShape([outFeatures, rankB])}`;
    throw fault(file, `the ranks of a pair differ: ${shapes}`);
  }
  return { rank, inFeatures, outFeatures, a: await readFinite(file, keyA), b: await readFinite(file, keyB) };
}

function fault(file: SafetensorsFile, text: string): KeepsakeError {
  return new KeepsakeError("input", `${file.path}: ${text}`);
}

/**
 * Writes a folder as PEFT's save_pretrained does with `save_projection`; a VeRA of UNet and text encoder becomes a
 * folder of each below `folder`. diffusers and kohya's programs know no VeRA: for them write {@link Vera.toLora}.
 *
 * @throws KeepsakeError ("usage") for 1x1 convolutions, which PEFT's VeRA has not
 */
export async function writePeftVera(folder: string, vera: Vera, { dtype = "F32", metadata }: WriteLoraOptions = {}) {
  requirePath("writePeftVera", folder);
  requireAdapter("writePeftVera", vera, ["vera"]);
  requireDType("writePeftVera", dtype);
  const convolution = vera.layers.find(({ kind }) => kind === "conv1x1");
  if (convolution !== undefined) {
    const what = `${convolution.component}.${convolution.module} is a convolution, and PEFT's VeRA is of linear layers only`;
    throw new KeepsakeError("usage", `${what}; write it as a LoRA.`);
  }
  const parts = adaptedComponents.flatMap((component) => {
    const shared = vera.projections.get(component);
    const layers = vera.layers.filter((layer) => layer.component === component);
    if (shared === undefined || layers.length === 0) return [];
    const { rank, inFeatures, outFeatures } = shared;
    const tensors = new Map<string, TensorToWrite>([
      [`${PREFIX}vera_A`, { shape: [rank, inFeatures], data: shared.a, dtype }],
      [`${PREFIX}vera_B`, { shape: [outFeatures, rank], data: shared.b, dtype }],
    ]);
    for (const { module, lambdaB, lambdaD } of layers) {
      tensors.set(`${PREFIX}model.${module}.vera_lambda_b`, { shape: [lambdaB.length], data: lambdaB, dtype });
      tensors.set(`${PREFIX}model.${module}.vera_lambda_d`, { shape: [lambdaD.length], data: lambdaD, dtype });
    }
    const config = {
      bias: "none",
      d_initial: 0.1,
      fan_in_fan_out: false,
      init_weights: true,
      peft_type: "VERA",
      // PEFT asks for one, and then takes what the file holds.
      projection_prng_key: 0,
      r: rank,
      save_projection: true,
      target_modules: layers.map(({ module }) => module),
      vera_dropout: 0,
    };
    return [{ component, tensors, config }];
  });
  await writePeftFolders(folder, parts, metadata);
}
