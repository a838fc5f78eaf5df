import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  add,
  gradients,
  input,
  matmul,
  maxThreads,
  mul,
  Program,
  reshape,
  silu,
  square,
  sum,
  type Tensor,
} from "../../src/graph/index.ts";
import { availableMemory, checkMemory, isAllocationFailure, peakBytes } from "../../src/graph/memory.ts";

const MB = 1_000_000;
/** A matrix of 4 MB. */
const matrix = (name = "x") => input(name, [1000, 1000]);

describe("the memory of a graph", () => {
  it("counts what is alive at the same time", () => {
    // x and the product; both operands are the same tensor.
    expect(peakBytes({ y: matmul(matrix(), matrix("w")) })).toBe(12 * MB);
    const x = matrix();
    expect(peakBytes({ y: matmul(x, x) })).toBe(8 * MB);
  });

  it("frees a value after its last use, and writes over it where an op is elementwise", () => {
    let chain: Tensor = matrix();
    for (let i = 0; i < 10; i++) chain = silu(chain);
    expect(peakBytes({ y: chain })).toBe(4 * MB);
    const x = matrix();
    expect(peakBytes({ y: add(silu(x), square(x)) })).toBe(8 * MB);
  });

  it("takes nothing for another shape of the same values", () => {
    expect(peakBytes({ y: silu(reshape(matrix(), [1_000_000])) })).toBe(4 * MB);
  });

  it("keeps what the backward pass needs", () => {
    const x = matrix();
    const w = matrix("w");
    const loss = sum(square(matmul(x, w)));
    const [dx] = gradients(loss, [x]);
    expect(peakBytes({ loss, dx })).toBeGreaterThan(peakBytes({ loss }));
  });

  it("is never less than the outputs, and never more than everything together", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(9), fc.nat(9)), { minLength: 1, maxLength: 12 }), (steps) => {
        const values: Tensor[] = [input("x", [10, 10])];
        for (const [op, i, j] of steps) {
          const [a, b] = [values[i % values.length], values[j % values.length]];
          if (a === undefined || b === undefined) continue;
          values.push(op === 0 ? matmul(a, b) : op === 1 ? mul(a, b) : silu(a));
        }
        const last = values.at(-1);
        if (last === undefined) return;
        const peak = peakBytes({ last });
        expect(peak).toBeGreaterThanOrEqual(400);
        expect(peak).toBeLessThanOrEqual(400 * values.length);
      }),
    );
  });
});

describe("what cannot fit", () => {
  it("is refused with both figures, before anything is allocated", async () => {
    expect(() => {
      checkMemory(19e9, 20e9);
    }).toThrow(/^This needs about 38 GB of memory, and 20 GB are free: choose a smaller picture/);
    expect(() => {
      checkMemory(9e9, 20e9);
    }).not.toThrow();
    const side = 4_000_000;
    const x = input("x", [side, 1]);
    await expect(Program.create({ y: matmul(x, reshape(x, [1, side])) })).rejects.toThrow(/GB are free/);
  });

  it("is told apart from other failures", () => {
    expect(availableMemory()).toBeGreaterThan(0);
    expect(isAllocationFailure(new RangeError("Array buffer allocation failed"))).toBe(true);
    expect(isAllocationFailure(new RangeError("Invalid typed array length: 3000000000000"))).toBe(true);
    expect(isAllocationFailure(new Error("std::bad_alloc"))).toBe(true);
    expect(isAllocationFailure(new RangeError("there is no concept to judge"))).toBe(false);
    expect(isAllocationFailure(new Error("no such input"))).toBe(false);
  });
});

describe("threads", () => {
  it.each([0, -1, 1.5, NaN, 2000, 1e9])("%d are refused: the machine has not so many cores", async (threads) => {
    const y = silu(input("x", [2]));
    await expect(Program.create({ y }, { threads })).rejects.toThrow(
      `expected a whole number from 1 to ${maxThreads()}: this machine has`,
    );
  });
});
