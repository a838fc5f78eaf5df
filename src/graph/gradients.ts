/**
 * @file Reverse-mode automatic differentiation as a graph-to-graph step: the gradient of a loss is more graph. Only the
 * paths that lead from the loss to a wanted tensor are walked (Griewank & Walther, Evaluating Derivatives, ch. 3.2).
 */
import { add } from "./ops/elementwise.ts";
import { constant } from "./ops/leaves.ts";
import { ShapeError } from "./shape.ts";
import { applyOne, nextId, reachableNodes, recomputing, type Tensor } from "./tensor.ts";

/**
 * d loss / d w for each w of `wrt`, as tensors of the same shapes.
 *
 * @example
 * ```ts
 * import { gradients, input, linear, meanSquaredError, Program } from "keepsake/graph";
 *
 * const [x, y, w] = [input("x", [4, 1]), input("y", [4, 1]), input("w", [1, 1])];
 * const loss = meanSquaredError(linear(x, w), y);
 * const [dw] = gradients(loss, [w]);
 * const program = await Program.create({ dw });
 * const data = { x: Float32Array.of(1, 2, 3, 4), y: Float32Array.of(2, 4, 6, 8) };
 * const weight = Float32Array.of(0);
 * for (let step = 0; step < 50; step++) weight[0] -= 0.05 * (await program.run({ ...data, w: weight })).dw[0];
 * console.log(weight); // [2], nearly
 * ```
 * @param loss - a scalar (shape `[]`)
 * @param wrt - float32 tensors, usually inputs; a tensor on which the loss does not depend gets zeros
 * @throws ShapeError if `loss` is not a scalar; Error naming the op when a path leads through an op without a
 *   derivative
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.shape.length !== 0) throw new ShapeError("gradients", [loss.shape], "the loss must be a scalar");
  const wanted = new Set(wrt);
  const found = backpropagate(new Map([[loss, constant(1)]]), (tensor) => wanted.has(tensor), 0);
  return wrt.map((tensor) => found.get(tensor) ?? zerosLike(tensor));
}

/**
 * Carries cotangents from `seeds` back to the tensors that `isWanted`. Nodes older than `oldest` are not entered:
 * tensors from outside are where a checkpoint's own backward pass ends.
 */
function backpropagate(
  seeds: ReadonlyMap<Tensor, Tensor>,
  isWanted: (tensor: Tensor) => boolean,
  oldest: number,
): Map<Tensor, Tensor> {
  const nodes = reachableNodes([...seeds.keys()], oldest);
  const onPath = new Set<Tensor>();
  const isNeeded = (tensor: Tensor) => onPath.has(tensor) || isWanted(tensor);
  for (const node of nodes) {
    if (node.rules.stopsGradient !== true && node.inputs.some(isNeeded))
      node.outputs.forEach((tensor) => onPath.add(tensor));
  }

  const cotangents = new Map(seeds);
  for (const node of nodes.reverse()) {
    if (!node.outputs.some((tensor) => onPath.has(tensor))) continue;
    const arriving = node.outputs.map((tensor) => cotangents.get(tensor));
    if (arriving.every((cotangent) => cotangent === undefined)) continue;
    if (node.rules.vjp === undefined) throw new Error(`no derivative is defined for ${node.op}`);
    const sources = node.rules.differentiableInputs ?? node.inputs;
    node.rules.vjp(arriving, isNeeded).forEach((cotangent, i) => {
      const source = sources[i];
      if (source === undefined || cotangent === undefined || !isNeeded(source)) return;
      const before = cotangents.get(source);
      cotangents.set(source, before === undefined ? cotangent : add(before, cotangent));
    });
  }
  return cotangents;
}

function zerosLike(tensor: Tensor): Tensor {
  return constant(new Float32Array(tensor.shape.reduce((n, extent) => n * extent, 1)), tensor.shape);
}

/**
 * Computes `segment(...inputs)` without keeping its intermediate values for the backward pass: there they are computed
 * again (Chen et al. 2016, arXiv 1604.06174). Costs one more forward pass of the segment, saves its activations.
 * Tensors that the segment captures from outside get their gradients too.
 *
 * The second computation starts from `barrier(x, dy)`, which is x but depends on the arriving cotangent at run time, so
 * that no graph optimiser can merge it with the first one or schedule it early.
 *
 * @example
 * ```ts
 * import { checkpoint, gradients, input, linear, mul, Program, silu, sum } from "keepsake/graph";
 *
 * const x = input("x", [256, 64]);
 * const w = input("w", [64, 64]);
 * const y = checkpoint((h) => silu(linear(silu(linear(h, w)), w)), [x]);
 * const [dw] = gradients(sum(mul(y, y)), [w]);
 * const program = await Program.create({ dw });
 * ```
 * @param segment - a pure function over tensors; it is traced once more for each backward pass
 * @param inputs - the activations to start from again (float32)
 */
export function checkpoint(segment: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): Tensor {
  const start = nextId();
  const result = segment(...inputs);
  // Whatever the segment reads besides its inputs may turn up again in the second computation: tensors from outside,
  // and those it made here and remembers.
  const captured = new Set([result]);
  for (const node of reachableNodes([result], start)) node.inputs.forEach((tensor) => captured.add(tensor));
  const sources = [...inputs, ...captured];
  return applyOne("checkpoint", [result], result, {
    isView: true,
    lower: (_onnx, names) => names,
    differentiableInputs: sources,
    vjp: ([dy], isNeeded) => {
      if (dy === undefined) return [];
      const restarted = inputs.map((tensor) => barrier(tensor, dy));
      const again = nextId();
      const recomputed = recomputing(() => segment(...restarted));
      const sourcesAgain = [...restarted, ...captured];
      const wanted = new Set(sourcesAgain.filter((_, i) => isNeeded(sources[i])));
      const found = backpropagate(new Map([[recomputed, dy]]), (tensor) => wanted.has(tensor), again);
      return sourcesAgain.map((tensor) => found.get(tensor));
    },
  });
}

/** x + 0 · dy[0]: x, but only once dy exists. */
function barrier(x: Tensor, dy: Tensor): Tensor {
  return applyOne(
    "barrier",
    [x, dy],
    { shape: x.shape },
    {
      inPlace: true,
      lower: (onnx, [xName, dyName]) => {
        const flat = onnx.node("Reshape", [dyName, onnx.ints([-1])]);
        const first = onnx.node("Slice", [flat, onnx.ints([0]), onnx.ints([1])]);
        return [onnx.node("Add", [xName, onnx.node("Mul", [first, onnx.floats([0], [1])])])];
      },
    },
  );
}
