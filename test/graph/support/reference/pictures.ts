/**
 * @file Reference kernels of the ops on pictures [batch, channels, height, width]: convolution, resizing, pooling.
 */
import {
  at,
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

interface Tap {
  /** Flat positions of the three elements that a multiply-add of the convolution ties together. */
  readonly x: number;
  readonly weight: number;
  readonly y: number;
}

/** Every (x, W, y) that y[n,o,h,w] += W[o,c,i,j] · x[n, c, h·stride + i - top, w·stride + j - left] names inside x. */
function* taps(
  x: readonly number[],
  weight: readonly number[],
  y: readonly number[],
  stride: number,
  pads: readonly number[],
): Generator<Tap> {
  const [top, left] = pads;
  const [, channels, height, width] = x;
  const [, , kernelHeight, kernelWidth] = weight;
  for (const [n, o, h, w] of indicesOf(y)) {
    const target = position(y, [n, o, h, w]);
    for (let c = 0; c < channels; c++) {
      const [picture, kernel] = [position(x, [n, c, 0, 0]), position(weight, [o, c, 0, 0])];
      for (let i = 0; i < kernelHeight; i++) {
        for (let j = 0; j < kernelWidth; j++) {
          const [row, column] = [h * stride + i - top, w * stride + j - left];
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          yield { x: picture + row * width + column, weight: kernel + i * kernelWidth + j, y: target };
        }
      }
    }
  }
}

const element = (array: NdArray, i: number) => array.data[i];

export const pictureKernels: Readonly<Record<string, Kernel>> = {
  conv2d: (operands, node) => {
    const [x, weight, bias] = [operand(operands, 0), operand(operands, 1), operands[2]];
    const y = tabulate(outputShape(node), ([, o = 0]) => bias?.data[o] ?? 0);
    const [stride, pads] = [numberAttribute(node, "stride"), listAttribute(node, "pads")];
    for (const tap of taps(x.shape, weight.shape, y.shape, stride, pads)) {
      y.data[tap.y] = element(y, tap.y) + element(weight, tap.weight) * element(x, tap.x);
    }
    return [y];
  },

  conv2dInputGradient: (operands, node) => {
    const [dy, weight] = [operand(operands, 0), operand(operands, 1)];
    const dx = zeros(outputShape(node));
    const [stride, pads] = [numberAttribute(node, "stride"), listAttribute(node, "pads")];
    for (const tap of taps(dx.shape, weight.shape, dy.shape, stride, pads)) {
      dx.data[tap.x] = element(dx, tap.x) + element(weight, tap.weight) * element(dy, tap.y);
    }
    return [dx];
  },

  conv2dKernelGradient: (operands, node) => {
    const [dy, x] = [operand(operands, 0), operand(operands, 1)];
    const dw = zeros(outputShape(node));
    const [stride, pads] = [numberAttribute(node, "stride"), listAttribute(node, "pads")];
    for (const tap of taps(x.shape, dw.shape, dy.shape, stride, pads)) {
      dw.data[tap.weight] = element(dw, tap.weight) + element(x, tap.x) * element(dy, tap.y);
    }
    return [dw];
  },

  resizeNearest: (operands, node) => {
    const x = operand(operands, 0);
    const [, , height, width] = x.shape;
    const [toHeight, toWidth] = listAttribute(node, "size");
    return [
      tabulate(outputShape(node), ([n, c, h, w]) =>
        at(x, [n, c, Math.floor((h * height) / toHeight), Math.floor((w * width) / toWidth)]),
      ),
    ];
  },

  sumPool: (operands, node) => {
    const dy = operand(operands, 0);
    const [down, across] = listAttribute(node, "kernel");
    return [
      tabulate(outputShape(node), ([n, c, h, w]) => {
        let value = 0;
        for (const [i, j] of indicesOf([down, across])) value += at(dy, [n, c, h * down + i, w * across + j]);
        return value;
      }),
    ];
  },
};
