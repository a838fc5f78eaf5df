import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AdamW, type AdamWGroup } from "../../../src/graph/optim/index.ts";
import golden from "./adamw-torch.json" with { type: "json" };

const group = (parameters: Float32Array, rest: Partial<AdamWGroup> = {}): AdamWGroup => ({
  name: "adapter",
  parameters,
  learningRate: 1e-3,
  ...rest,
});

// "+ 0" turns -0 into 0.
const finite = fc.float({ min: -4, max: 4, noNaN: true }).map((value) => value + 0);
const arrays = (count: number) =>
  fc.integer({ min: 1, max: 12 }).chain((length) =>
    fc.array(
      fc.array(finite, { minLength: length, maxLength: length }).map((values) => Float32Array.from(values)),
      { minLength: count, maxLength: count },
    ),
  );

/** The recurrences of the paper, written out in float64 for one number. */
function adamw64(start: number, gradients: readonly number[], learningRate: number, weightDecay: number): number {
  let [theta, m, v] = [start, 0, 0];
  gradients.forEach((g, index) => {
    const t = index + 1;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    const [mHat, vHat] = [m / (1 - 0.9 ** t), v / (1 - 0.999 ** t)];
    theta = theta - learningRate * weightDecay * theta - (learningRate * mHat) / (Math.sqrt(vHat) + 1e-8);
  });
  return theta;
}

describe("AdamW", () => {
  it("does PyTorch's first step to within its rounding", () => {
    for (const { name, parameters, gradient, afterStep } of golden.tensors) {
      const values = Float32Array.from(parameters);
      new AdamW([group(values, { weightDecay: 0.01 })]).step([Float32Array.from(gradient)]);
      const worst = Math.max(...afterStep.map((value, i) => Math.abs(value - values[i])));
      // The values are below 2, where float32 numbers are 2^-23 apart.
      expect(worst, name).toBeLessThanOrEqual(2 ** -23);
    }
  });

  it("follows the paper's recurrences over many steps", () => {
    fc.assert(
      fc.property(finite, fc.array(finite, { minLength: 1, maxLength: 30 }), (start, gradients) => {
        // Near zero Adam divides rounding errors by each other; gradients that a float32 square underflows are left
        // out.
        const usable = gradients.map((g) => (Math.abs(g) < 1e-3 ? 1 : g));
        const parameters = Float32Array.of(start);
        const optimizer = new AdamW([group(parameters, { learningRate: 0.01, weightDecay: 0.1 })]);
        for (const g of usable) optimizer.step([Float32Array.of(g)]);
        const rounded = usable.map(Math.fround);
        expect(Math.abs(parameters[0] - adamw64(start, rounded, 0.01, 0.1))).toBeLessThan(1e-4);
      }),
    );
  });

  it("moves by the learning rate against the sign of a constant gradient", () => {
    const parameters = Float32Array.of(1, 1, 1);
    const optimizer = new AdamW([group(parameters, { learningRate: 0.125, weightDecay: 0 })]);
    for (let step = 0; step < 4; step++) optimizer.step([Float32Array.of(3, -0.5, 0)]);
    expect(parameters[0]).toBeCloseTo(0.5, 5);
    expect(parameters[1]).toBeCloseTo(1.5, 5);
    expect(parameters[2]).toBe(1);
  });

  it("decays decoupled from the gradient: without gradient, parameters shrink by learning rate times decay", () => {
    const parameters = Float32Array.of(2);
    new AdamW([group(parameters, { learningRate: 0.5, weightDecay: 0.25 })]).step([Float32Array.of(0)]);
    expect(parameters[0]).toBe(2 * (1 - 0.125));
  });

  it("decays by 0.01 unless told otherwise", () => {
    const parameters = Float32Array.of(1);
    new AdamW([group(parameters, { learningRate: 1 })]).step([Float32Array.of(0)]);
    expect(parameters[0]).toBe(Math.fround(0.99));
  });

  it("keeps parameters at learning rate 0, whatever the gradients", () => {
    fc.assert(
      fc.property(arrays(4), ([start, ...gradients]) => {
        const byRate = start.slice();
        const byFactor = start.slice();
        const still = new AdamW([group(byRate, { learningRate: 0 })]);
        const paused = new AdamW([group(byFactor)]);
        for (const gradient of gradients) {
          still.step([gradient]);
          paused.step([gradient], 0);
        }
        expect(byRate).toEqual(start);
        expect(byFactor).toEqual(start);
      }),
    );
  });

  it("continues from a saved state to the bits of an uninterrupted run", () => {
    fc.assert(
      fc.property(arrays(7), fc.integer({ min: 0, max: 6 }), ([start, ...gradients], stop) => {
        const straight = start.slice();
        const whole = new AdamW([group(straight)]);
        for (const gradient of gradients) whole.step([gradient]);

        const first = start.slice();
        const before = new AdamW([group(first)]);
        for (const gradient of gradients.slice(0, stop)) before.step([gradient]);
        const state = before.state();
        const resumed = first.slice();
        const after = new AdamW([group(resumed)]);
        after.loadState(state);
        for (const gradient of gradients.slice(stop)) after.step([gradient]);

        expect(resumed).toEqual(straight);
        expect(after.state()).toEqual(whole.state());
      }),
    );
  });

  it("gives a state that later steps do not change", () => {
    const optimizer = new AdamW([group(Float32Array.of(1))]);
    optimizer.step([Float32Array.of(1)]);
    const state = optimizer.state();
    const copy = structuredClone(state);
    optimizer.step([Float32Array.of(5)]);
    expect(state).toEqual(copy);
    expect(optimizer.stepCount).toBe(2);
  });

  it("treats each group with its own rate, and the same as if it were alone", () => {
    const alone = Float32Array.of(1, 2);
    new AdamW([group(alone, { learningRate: 0.1, weightDecay: 0 })]).step([Float32Array.of(1, -1)]);
    const together = Float32Array.of(1, 2);
    const frozen = Float32Array.of(3);
    const optimizer = new AdamW([
      group(frozen, { name: "frozen", learningRate: 0 }),
      group(together, { name: "token", learningRate: 0.1, weightDecay: 0 }),
    ]);
    optimizer.step([Float32Array.of(1), Float32Array.of(1, -1)]);
    expect(together).toEqual(alone);
    expect(frozen).toEqual(Float32Array.of(3));
  });

  it("refuses gradients, states and rates that do not fit", () => {
    const optimizer = new AdamW([group(Float32Array.of(1, 2))]);
    expect(() => {
      optimizer.step([]);
    }).toThrow(RangeError);
    expect(() => {
      optimizer.step([Float32Array.of(1)]);
    }).toThrow('gradient of "adapter" has 1 elements, its parameters 2');
    expect(optimizer.stepCount).toBe(0);
    const other = new AdamW([group(Float32Array.of(1))]).state();
    expect(() => {
      optimizer.loadState(other);
    }).toThrow(RangeError);
    expect(() => {
      optimizer.loadState({ step: -1, groups: optimizer.state().groups });
    }).toThrow(RangeError);
    expect(() => {
      optimizer.loadState({ step: 1, groups: {} });
    }).toThrow(RangeError);
    expect(() => new AdamW([group(Float32Array.of(1), { learningRate: -1 })])).toThrow(RangeError);
    expect(() => new AdamW([group(Float32Array.of(1), { weightDecay: Number.NaN })])).toThrow(RangeError);
    expect(() => new AdamW([], { betas: [0.9, 1] })).toThrow(RangeError);
    expect(() => new AdamW([], { eps: -1 })).toThrow(RangeError);
    expect(() => new AdamW([group(Float32Array.of(1)), group(Float32Array.of(1))])).toThrow(RangeError);
  });
});
