import { describe, expect, it } from "vitest";
import { KeepsakeError } from "../../src/errors.ts";
import {
  add,
  constant,
  embedding,
  gradients,
  input,
  linear,
  mul,
  Program,
  reshape,
  silu,
  slice,
  square,
  sum,
} from "../../src/graph/index.ts";
import { compute, noise } from "./support/compute.ts";

describe("Program", () => {
  it("finds its inputs by walking the graph", async () => {
    const [x, y] = [input("x", [2]), input("y", [2])];
    input("unused", [2]);
    const program = await Program.create({ sum: add(x, mul(x, y)) });
    expect(program.inputs).toEqual(
      new Map([
        ["x", { shape: [2], dtype: "float32" }],
        ["y", { shape: [2], dtype: "float32" }],
      ]),
    );
    await program.dispose();
  });

  it("is plain data once it is compiled, and can be opened in another thread", async () => {
    const x = input("x", [2]);
    const compiled = structuredClone(Program.compile({ double: add(x, x) }));
    const program = await Program.open(compiled, { threads: 1 });
    expect(await program.run({ x: Float32Array.of(2, 3) })).toEqual({ double: Float32Array.of(4, 6) });
    await program.dispose();
  });

  it("gives each output the name it was asked for, an input's own name included", async () => {
    const [x, y] = [input("x", [2]), input("y", [2])];
    const result = await compute({ x: square(x), y: x, same: x, again: x }, { x: Float32Array.of(2, 3) });
    expect(result).toEqual({
      x: Float32Array.of(4, 9),
      y: Float32Array.of(2, 3),
      same: Float32Array.of(2, 3),
      again: Float32Array.of(2, 3),
    });
    expect(await compute({ y: constant(4) }, {})).toEqual({ y: Float32Array.of(4) });
    await expect(compute({ x: y }, { x: Float32Array.of(1, 2) })).rejects.toThrow('input "y"');
  });

  it("gives the same numbers each time, and new ones for new inputs", async () => {
    const [x, weight] = [input("x", [64, 32]), input("weight", [32, 32])];
    const loss = sum(square(silu(linear(x, weight))));
    const [slope] = gradients(loss, [weight]);
    const program = await Program.create({ loss, slope });
    const feeds = { x: noise(64 * 32, 1), weight: noise(32 * 32, 2) };
    const first = await program.run(feeds);
    const second = await program.run(feeds);
    expect(second).toEqual(first);
    const other = await program.run({ ...feeds, x: noise(64 * 32, 3) });
    expect(other.loss).not.toEqual(first.loss);
    expect(await program.run(feeds)).toEqual(first);
    await program.dispose();
  });

  it("computes the same with packed weights", async () => {
    const y = linear(input("x", [3, 8]), input("w", [5, 8]));
    const feeds = { x: noise(24, 1), w: noise(40, 2) };
    const [mapped, packed] = [await compute({ y }, feeds), await compute({ y }, feeds, { weights: "packed" })];
    packed.y.forEach((value, i) => {
      expect(value).toBeCloseTo(mapped.y[i], 5);
    });
  });

  it("gives memory back before a value of the same shape comes, with weights in their file", async () => {
    // 24 values, each of a size of its own, one after another; then the same again.
    const count = 2_000_000;
    const x = input("x", [count]);
    let total = sum(slice(x, [0], [1]));
    for (let step = 0; step < 48; step++) total = sum(square(slice(mul(x, total), [step % 24], [count])));
    const growth = async (weights: "mapped" | "packed") => {
      const before = process.memoryUsage.rss();
      const program = await Program.create({ total }, { threads: 1, weights });
      await program.run({ x: new Float32Array(count) });
      const bytes = process.memoryUsage.rss() - before;
      await program.dispose();
      return bytes;
    };
    const mapped = await growth("mapped");
    expect(mapped).toBeLessThan((await growth("packed")) / 2);
  });

  it("cannot be run once disposed of", async () => {
    const program = await Program.create({ y: square(input("x", [1])) });
    await program.dispose();
    await expect(program.run({ x: Float32Array.of(1) })).rejects.toThrow();
  });
});

describe("feeds", () => {
  const x = input("x", [2, 3]);
  const ids = input("ids", [2], "int32");
  const outputs = { rows: embedding(x, ids), y: reshape(mul(x, 2), [6]) };
  const good = { x: Float32Array.of(1, 2, 3, 4, 5, 6), ids: Int32Array.of(1, 0) };

  it("are bound by name", async () => {
    expect(await compute(outputs, good)).toEqual({
      rows: Float32Array.of(4, 5, 6, 1, 2, 3),
      y: Float32Array.of(2, 4, 6, 8, 10, 12),
    });
  });

  it.each([
    ["missing", { x: good.x }, 'input "ids" is int32 [2], got nothing'],
    ["unknown", { ...good, z: good.x }, 'the program has no input "z"'],
    ["too short", { ...good, x: good.x.slice(1) }, 'input "x" is float32 [2, 3], got 5 elements of Float32Array'],
    ["too long", { ...good, ids: Int32Array.of(0, 1, 2) }, 'input "ids" is int32 [2], got 3 elements of Int32Array'],
    ["of another type", { ...good, ids: Float32Array.of(0, 1) }, "got 2 elements of Float32Array"],
    ["of the other type", { ...good, x: new Int32Array(6) }, "got 6 elements of Int32Array"],
  ])("that are %s are an error", async (_fault, feeds, message) => {
    await expect(compute(outputs, feeds)).rejects.toThrow(message);
  });
});

describe("Program.create", () => {
  it("refuses two inputs of one name", async () => {
    const y = add(input("x", [2]), input("x", [2]));
    await expect(Program.create({ y })).rejects.toThrow('two different inputs are named "x"');
  });

  it("says in one line that a provider does not exist here", async () => {
    const absent = process.platform === "win32" ? "coreml" : "dml";
    const created = Program.create({ y: square(input("x", [1])) }, { provider: absent });
    await expect(created).rejects.toBeInstanceOf(KeepsakeError);
    await expect(created).rejects.toThrow(
      new RegExp(`^The provider "${absent}" cannot be used on this machine \\(.+\\); use another --provider\\.$`),
    );
  });
});
