/**
 * @file Static shapes: the arithmetic that the ops' shape rules share, and the error they raise.
 */

/** A static shape, outermost axis first. A scalar has the empty shape. */
export type Shape = readonly number[];

/** Thrown when an op is applied to tensors it does not fit. Names the op, the shapes and the line of the caller. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";

  constructor(op: string, shapes: readonly Shape[], reason: string) {
    super(`${op}(${shapes.map(formatShape).join(", ")}): ${reason}${callSite()}`);
  }
}

/** `[2, 77, 768]` */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((size, extent) => size * extent, 1);
}

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** NumPy's broadcasting rule: axes are aligned at the end, and an extent of 1 stretches. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const m = a[axis - rank + a.length] ?? 1;
    const n = b[axis - rank + b.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1) throw new ShapeError(op, [a, b], `axis ${axis - rank} cannot be broadcast`);
    return m === 1 ? n : m;
  });
}

/** Axis -1 is the last one, as in NumPy. */
export function normalizeAxis(op: string, shape: Shape, axis: number): number {
  const positive = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= shape.length) {
    throw new ShapeError(op, [shape], `there is no axis ${axis}`);
  }
  return positive;
}

/** The first line of the stack outside this folder, so that an error points at the model's code and not at ours. */
function callSite(): string {
  const own = new URL(".", import.meta.url).href;
  const frames = (new Error().stack ?? "").split("\n").slice(1);
  const frame = frames.find((line) => !line.includes(own) && !line.includes(new URL(own).pathname));
  return frame === undefined ? "" : ` (${frame.trim()})`;
}
