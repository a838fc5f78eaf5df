/**
 * @file Looking at a graph without running it: a readable listing, and its arithmetic cost.
 */
import { formatShape } from "./shape.ts";
import { nodesOf, type Attribute, type Tensor } from "./tensor.ts";

/**
 * One line for each node that `outputs` need, in order: `%3 = linear(%1, %2) float32 [2, 77, 768] {...}`. Nodes of a
 * checkpoint's second computation are marked `recomputed`.
 */
export function dump(outputs: Readonly<Record<string, Tensor>>): string {
  const names = new Map<Tensor, string>();
  const lines: string[] = [];
  for (const node of nodesOf(outputs)) {
    const results = node.outputs.map((tensor) => {
      const name = `%${names.size}`;
      names.set(tensor, name);
      return name;
    });
    const operands = node.inputs.map((tensor) => names.get(tensor) ?? "?").join(", ");
    const types = node.outputs.map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`).join(", ");
    const attributes = Object.entries(node.rules.attributes ?? {}).map(
      ([key, value]) => `${key}: ${formatAttribute(value)}`,
    );
    const suffix = [
      attributes.length > 0 ? ` {${attributes.join(", ")}}` : "",
      node.recomputed ? " recomputed" : "",
    ].join("");
    lines.push(`${results.join(", ")} = ${node.op}(${operands}) ${types}${suffix}`);
  }
  for (const [name, tensor] of Object.entries(outputs)) lines.push(`return ${name} = ${names.get(tensor) ?? "?"}`);
  return lines.join("\n");
}

function formatAttribute(value: Attribute): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" ? `[${value.join(", ")}]` : String(value);
}

/**
 * Floating-point operations of one run: 2 per multiply-add of matrix products, convolutions and attention. What a
 * checkpoint or the attention's backward pass computes again is not counted (as for model FLOPs utilisation, MFU).
 */
export function countFlops(outputs: Readonly<Record<string, Tensor>>): number {
  return flopsOf(outputs, false);
}

/** Floating-point operations of one run that checkpoints compute a second time: they take time, and are no progress. */
export function countRepeatedFlops(outputs: Readonly<Record<string, Tensor>>): number {
  return flopsOf(outputs, true);
}

function flopsOf(outputs: Readonly<Record<string, Tensor>>, recomputed: boolean): number {
  const nodes = nodesOf(outputs);
  const used = new Set<Tensor>(Object.values(outputs));
  for (const node of nodes) node.inputs.forEach((tensor) => used.add(tensor));
  return nodes
    .filter((node) => node.recomputed === recomputed)
    .reduce((total, { rules, outputs: results }) => total + (rules.flops?.(results.map((t) => used.has(t))) ?? 0), 0);
}
