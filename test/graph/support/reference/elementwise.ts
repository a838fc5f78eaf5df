/**
 * @file Reference kernels of the elementwise ops.
 */
import { broadcastAt, numberAttribute, operand, outputShape, tabulate, type Kernel } from "./array.ts";

const unary =
  (f: (x: number) => number): Kernel =>
  (operands) => {
    const { shape, data } = operand(operands, 0);
    return [{ shape, data: data.map(f) }];
  };

const binary =
  (f: (a: number, b: number) => number): Kernel =>
  (operands, node) => {
    const [a, b] = [operand(operands, 0), operand(operands, 1)];
    return [tabulate(outputShape(node), (index) => f(broadcastAt(a, index), broadcastAt(b, index)))];
  };

/**
 * erf(x) = 2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!! (Abramowitz & Stegun 7.1.6), whose terms are all of one sign, so
 * that it is good to float64 precision wherever erf is not ±1.
 */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, total] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const swish: Kernel = (operands, node) => {
  const alpha = numberAttribute(node, "alpha");
  return unary((x) => x * sigmoid(alpha * x))(operands, node);
};

export const elementwiseKernels: Readonly<Record<string, Kernel>> = {
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  square: unary((x) => x * x),
  erf: unary(erf),
  tanh: unary(Math.tanh),
  sigmoid: unary(sigmoid),
  silu: swish,
  quickGelu: swish,
  gelu: unary((x) => (x * (1 + erf(x / Math.SQRT2))) / 2),
  clip: (operands, node) => {
    const [low, high] = [numberAttribute(node, "low"), numberAttribute(node, "high")];
    return unary((x) => Math.min(Math.max(x, low), high))(operands, node);
  },
  inRange: (operands, node) => {
    const [low, high] = [numberAttribute(node, "low"), numberAttribute(node, "high")];
    return unary((x) => (x >= low && x <= high ? 1 : 0))(operands, node);
  },
};
