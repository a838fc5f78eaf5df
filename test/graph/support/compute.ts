/**
 * @file One-off runs of a graph on ONNX Runtime.
 */
import { Program, type Feeds, type ProgramOptions, type Tensor } from "../../../src/graph/index.ts";

/** Compiles, runs once and frees. */
export async function compute<Name extends string>(
  outputs: Readonly<Record<Name, Tensor>>,
  feeds: Feeds,
  options: ProgramOptions = {},
): Promise<Record<Name, Float32Array>> {
  const program = await Program.create(outputs, { threads: 1, ...options });
  try {
    return await program.run(feeds);
  } finally {
    await program.dispose();
  }
}

/** Numbers without pattern, in [-1, 1), the same ones for the same arguments. */
export function noise(count: number, seed = 1): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const x = Math.sin(12.9898 * (i + 1) + 78.233 * seed) * 43758.5453;
    return 2 * (x - Math.floor(x)) - 1;
  });
}
