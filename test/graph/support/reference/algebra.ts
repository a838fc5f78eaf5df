/**
 * @file Reference kernels of reductions, matrix products, softmax and normalisation.
 */
import {
  at,
  broadcastAt,
  flagAttribute,
  indicesOf,
  listAttribute,
  numberAttribute,
  operand,
  outputShape,
  position,
  tabulate,
  zeros,
  type Kernel,
  type NdArray,
} from "./array.ts";

/** Applies `f` to every row along the last axis. */
function mapRows(x: NdArray, f: (row: readonly number[]) => readonly number[]): NdArray {
  const width = x.shape.at(-1) ?? 1;
  const data: number[] = [];
  for (let start = 0; start < x.data.length; start += width) data.push(...f([...x.data.slice(start, start + width)]));
  return { shape: [...x.shape.slice(0, -1), data.length / (x.data.length / width)], data: Float64Array.from(data) };
}

const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

const logSumExp = (row: readonly number[]) => {
  const largest = Math.max(...row);
  return largest + Math.log(total(row.map((x) => Math.exp(x - largest))));
};

const reduction =
  (scale: (count: number) => number): Kernel =>
  (operands, node) => {
    const x = operand(operands, 0);
    const axes = listAttribute(node, "axes");
    const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const sums = zeros(kept);
    for (const index of indicesOf(x.shape)) {
      const cell = position(
        kept,
        index.map((i, axis) => (axes.includes(axis) ? 0 : i)),
      );
      sums.data[cell] = sums.data[cell] + at(x, index);
    }
    const factor = scale(x.data.length / sums.data.length);
    return [{ shape: outputShape(node), data: sums.data.map((value) => value * factor) }];
  };

export const algebraKernels: Readonly<Record<string, Kernel>> = {
  sum: reduction(() => 1),
  mean: reduction((count) => 1 / count),

  matmul: (operands, node) => {
    const [a, b] = [operand(operands, 0), operand(operands, 1)];
    const [transposeA, transposeB] = [flagAttribute(node, "transposeA"), flagAttribute(node, "transposeB")];
    const inner = a.shape.at(transposeA ? -2 : -1) ?? 0;
    return [
      tabulate(outputShape(node), (index) => {
        const batch = index.slice(0, -2);
        const [row, column] = index.slice(-2);
        let value = 0;
        for (let k = 0; k < inner; k++) {
          const left = broadcastMatrix(a, batch, transposeA ? [k, row] : [row, k]);
          const right = broadcastMatrix(b, batch, transposeB ? [column, k] : [k, column]);
          value += left * right;
        }
        return value;
      }),
    ];
  },

  linear: (operands, node) => {
    const [x, weight, bias] = [operand(operands, 0), operand(operands, 1), operands[2]];
    return [
      tabulate(outputShape(node), ([row, feature]) => {
        let value = bias?.data[feature] ?? 0;
        for (let k = 0; k < weight.shape[1]; k++) value += at(x, [row, k]) * at(weight, [feature, k]);
        return value;
      }),
    ];
  },

  softmax: (operands) => [mapRows(operand(operands, 0), (row) => row.map((x) => Math.exp(x - logSumExp(row))))],

  logSoftmax: (operands) => [mapRows(operand(operands, 0), (row) => row.map((x) => x - logSumExp(row)))],

  layerNorm: (operands, node) => {
    const [x, weight, bias] = [operand(operands, 0), operands[1], operands[2]];
    const eps = numberAttribute(node, "eps");
    const mean = (row: readonly number[]) => total(row) / row.length;
    const inverseDeviation = (row: readonly number[]) => {
      const average = mean(row);
      return 1 / Math.sqrt(mean(row.map((value) => (value - average) ** 2)) + eps);
    };
    const y = mapRows(x, (row) => {
      const [average, inverse] = [mean(row), inverseDeviation(row)];
      return row.map((value, i) => (value - average) * inverse * (weight?.data[i] ?? 1) + (bias?.data[i] ?? 0));
    });
    return [y, mapRows(x, (row) => [mean(row)]), mapRows(x, (row) => [inverseDeviation(row)])];
  },
};

/** Element `cell` of the matrix that broadcasting shows at a batch index. */
function broadcastMatrix(x: NdArray, batch: readonly number[], cell: readonly number[]): number {
  // The matrix axes are never stretched: an extent of 1 there only has the index 0.
  return broadcastAt(x, [...batch, ...cell]);
}
