/**
 * @file What the three networks of a single-file checkpoint have in common: names that begin otherwise, and shapes of
 * the same bytes.
 */
import type { Shape } from "../../graph/index.ts";

/** The name with its module replaced, as the table says; undefined if the table has no such module. */
export function renamedParts(name: string, modules: Readonly<Record<string, string>>): string | undefined {
  const end = name.lastIndexOf(".");
  const module = name.slice(0, end);
  return Object.hasOwn(modules, module) ? `${modules[module]}${name.slice(end)}` : undefined;
}

/**
 * A 1x1 convolution `[out, in, 1, 1]` and a matrix `[out, in]` are the same numbers in the same order. Other shapes
 * stay.
 */
export function matrixOrConvolution(shape: Shape, form: "matrix" | "convolution"): Shape {
  const [rows = 0, columns = 0, ...kernel] = shape;
  if (kernel.some((extent) => extent !== 1) || ![2, 4].includes(shape.length)) return shape;
  return form === "matrix" ? [rows, columns] : [rows, columns, 1, 1];
}
