/** @file What adapter files' tensors must be: matrices, vectors, single numbers, all finite. */
import { KeepsakeError } from "../../errors.ts";
import { formatShape } from "../../graph/index.ts";
import type { SafetensorsFile } from "../../io/safetensors/safetensors.ts";

/** The shape as a matrix; 1x1 kernels are dropped, larger ones refused. @throws KeepsakeError ("input") */
export function matrixShape(file: SafetensorsFile, key: string): readonly [number, number] {
  const [rows, columns, ...kernel] = file.info(key).shape;
  if (columns !== undefined && (kernel.length === 0 || (kernel.length === 2 && kernel.every((size) => size === 1)))) {
    return [rows, columns];
  }
  const shape = formatShape(file.info(key).shape);
  if (kernel.length === 2) {
    throw new KeepsakeError(
      "input",
      `${file.path}: "${key}" ${shape} belongs to a LoCon adapter (convolutions larger than 1x1), which is not supported; use a plain LoRA`,
    );
  }
  throw new KeepsakeError("input", `${file.path}: "${key}" should be a matrix, has shape ${shape}`);
}

/** A vector of so many numbers; axes of extent 1 are dropped. @throws KeepsakeError ("input") */
export async function readVector(file: SafetensorsFile, key: string, length: number): Promise<Float32Array> {
  const { shape } = file.info(key);
  const extents = shape.filter((extent) => extent !== 1);
  if (extents.length <= 1 && extents[0] === length) return readFinite(file, key);
  throw new KeepsakeError(
    "input",
    `${file.path}: "${key}" should have ${length} numbers, has shape ${formatShape(shape)}`,
  );
}

/** A single number, of any type: some programs write alphas as integers. @throws KeepsakeError ("input") */
export async function readScalar(file: SafetensorsFile, key: string): Promise<number> {
  const { dtype, shape } = file.info(key);
  if (shape.some((extent) => extent !== 1)) {
    throw new KeepsakeError("input", `${file.path}: "${key}" should be one number, has shape ${formatShape(shape)}`);
  }
  const isFloat = dtype.startsWith("F") || dtype === "BF16";
  const [value] = isFloat ? await readFinite(file, key) : await file.readInt32(key);
  return value;
}

/** A tensor as float32. @throws KeepsakeError ("input") for NaN or infinity */
export async function readFinite(file: SafetensorsFile, key: string): Promise<Float32Array> {
  const values = await file.readFloat32(key);
  if (values.every(Number.isFinite)) return values;
  throw new KeepsakeError("input", `${file.path}: "${key}" holds NaN or infinity; the training that wrote it failed`);
}
