/**
 * @file Golden cases of test/fixtures: reads a case, and compares tensors the way its tolerance is meant.
 */
import { join } from "node:path";
import { expect } from "vitest";
import { type Tensor, input, mul, Program } from "../../src/graph/index.ts";
import { SafetensorsFile } from "../../src/io/safetensors/safetensors.ts";

/** A file below test/fixtures/. */
export const fixture = (...path: string[]): string => join(import.meta.dirname, "..", "fixtures", ...path);

/** Opens a case, e.g. `forward/clip`. */
export async function openCase(name: string): Promise<GoldenCase> {
  return new GoldenCase(await SafetensorsFile.open(fixture(`${name}.safetensors`)));
}

export class GoldenCase {
  readonly #file: SafetensorsFile;

  constructor(file: SafetensorsFile) {
    this.#file = file;
  }

  names(prefix = ""): string[] {
    return [...this.#file.tensors.keys()].filter((name) => name.startsWith(prefix));
  }

  shape(name: string): readonly number[] {
    return this.#file.info(name).shape;
  }

  read(name: string): Promise<Float32Array> {
    return this.#file.readFloat32(name);
  }

  bytes(name: string): Promise<Uint8Array> {
    return this.#file.readBytes(name);
  }

  /** Numbers of any type. */
  async numbers(name: string): Promise<number[]> {
    const stored = this.#file.info(name).dtype === "F32" ? await this.read(name) : await this.#file.readInt32(name);
    return Array.from(stored);
  }

  /** A graph input of the name and shape of a tensor of the case. */
  input(name: string): Tensor {
    return input(name, this.shape(name));
  }

  /** The values of the named inputs. */
  async feeds(...names: string[]): Promise<Record<string, Float32Array>> {
    return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await this.read(name)] as const)));
  }

  /** Compares one tensor; `floor` is the least magnitude that errors are measured against. */
  async expectClose(name: string, got: Float32Array, tolerance = 1e-4, floor = 0): Promise<void> {
    const reference = await this.read(name);
    expect(got.length, `elements of ${name}`).toBe(reference.length);
    expect(relativeError(got, reference, floor), name).toBeLessThanOrEqual(tolerance);
  }
}

/** max|got - reference| / max|reference|. */
export function relativeError(got: Float32Array, reference: Float32Array, floor = 0): number {
  let error = 0;
  let magnitude = floor;
  for (const [i, value] of reference.entries()) {
    const difference = Math.abs(got[i] - value);
    error = difference <= error ? error : difference;
    magnitude = Math.max(magnitude, Math.abs(value));
  }
  return error / magnitude;
}

/** Compiles, runs once, disposes. Outputs may be inputs or intermediate values. */
export async function evaluate(
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Readonly<Record<string, Float32Array | Int32Array>>,
): Promise<Record<string, Float32Array>> {
  const computed = Object.entries(outputs).map(([name, tensor]) => [name, mul(tensor, 1)] as const);
  const program = await Program.create<string>(Object.fromEntries(computed));
  try {
    return await program.run(feeds);
  } finally {
    await program.dispose();
  }
}

/** Splits a flat array into rows of equal length. */
export function rows(flat: readonly number[], count: number): number[][] {
  const width = flat.length / count;
  return Array.from({ length: count }, (_, row) => flat.slice(row * width, (row + 1) * width));
}
