/**
 * @file Trains a small network with the compiler alone: is a point inside a ring? Run it with
 * `npx tsx examples/train-a-network.ts`.
 */
import { AdamW, gradients, input, linear, meanSquaredError, Program, tanh } from "keepsake/graph";

const POINTS = 256;
const HIDDEN = 32;

// The network as a function of tensors. All numbers that are trained are inputs of the program.
const x = input("x", [POINTS, 2]);
const wanted = input("wanted", [POINTS, 1]);
const w1 = input("w1", [HIDDEN, 2]);
const b1 = input("b1", [HIDDEN]);
const w2 = input("w2", [1, HIDDEN]);
const b2 = input("b2", [1]);
const hidden = tanh(linear(x, w1, b1)); // [POINTS, HIDDEN]
const loss = meanSquaredError(linear(hidden, w2, b2), wanted); // []

// Its backward pass is more of the same graph; both become one ONNX model.
const [dw1, db1, dw2, db2] = gradients(loss, [w1, b1, w2, b2]);
const program = await Program.create({ loss, dw1, db1, dw2, db2 }, { threads: 1 });

// Points on a grid, and whether each is at a distance of 0.4 to 0.8 from the middle.
const points = Float32Array.from({ length: 2 * POINTS }, (_, i) => {
  const [row, column] = [Math.floor(i / 2 / 16), Math.floor(i / 2) % 16];
  return ((i % 2 === 0 ? column : row) - 7.5) / 7.5;
});
const targets = Float32Array.from({ length: POINTS }, (_, i) => {
  const distance = Math.hypot(points[2 * i], points[2 * i + 1]);
  return distance > 0.4 && distance < 0.8 ? 1 : 0;
});

// Any spread of small numbers will do to begin with; this one is the same on every run.
const spread = (length: number, size: number) =>
  Float32Array.from({ length }, (_, i) => size * Math.sin(78.233 * i * i));
const trained = { w1: spread(2 * HIDDEN, 3), b1: spread(HIDDEN, 2), w2: spread(HIDDEN, 0.2), b2: new Float32Array(1) };
const optimizer = new AdamW(
  Object.entries(trained).map(([name, parameters]) => ({ name, parameters, learningRate: 0.03, weightDecay: 0 })),
);

for (let step = 0; step <= 600; step++) {
  const now = await program.run({ x: points, wanted: targets, ...trained });
  if (step % 200 === 0) console.log(`step ${step}: mean squared error ${now.loss[0].toFixed(3)}`);
  optimizer.step([now.dw1, now.db1, now.dw2, now.db2]);
}
await program.dispose();
