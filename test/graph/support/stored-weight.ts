/**
 * @file Weights that lie in a safetensors file, as tensors.
 */
import { realpath } from "node:fs/promises";
import { parameter, type Shape, type Tensor } from "../../../src/graph/index.ts";
import { SafetensorsFile } from "../../../src/io/safetensors/safetensors.ts";

/** Types of a file's numbers, and what they are called in a graph. */
export const STORED = { F32: "float32", F16: "float16", BF16: "bfloat16" } as const;

/** The named tensor of a file, perhaps seen in another shape. */
export async function loadStored(file: string, name: string, shape?: Shape): Promise<Tensor> {
  const { dtype, byteOffset, byteLength, shape: stored } = (await SafetensorsFile.open(file)).info(name);
  if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16") throw new Error(dtype);
  const source = { path: await realpath(file), byteOffset, byteLength, dtype: STORED[dtype] };
  return parameter(name, shape ?? stored, source);
}
