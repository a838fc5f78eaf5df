import { describe, expect, it } from "vitest";
import { BoundAdapter } from "../../src/adapters/bound-adapter.ts";
import { Lora, loraDelta, type LoraLayer } from "../../src/adapters/lora.ts";
import {
  constant,
  conv2d,
  gradients,
  input,
  linear,
  Program,
  square,
  sum,
  type Tensor,
} from "../../src/graph/index.ts";
import { RandomStream } from "../../src/random/random.ts";

const [rank, inFeatures, outFeatures] = [2, 3, 4];
const normal = (name: string, count: number): Float32Array => new RandomStream(11, name).normal(count);

const layer = (module: string, rest: Partial<LoraLayer> = {}): LoraLayer => ({
  component: "unet",
  module,
  kind: "linear",
  rank,
  inFeatures,
  outFeatures,
  loraAlpha: 5,
  loraA: normal(`${module} A`, rank * inFeatures),
  loraB: normal(`${module} B`, outFeatures * rank),
  ...rest,
});

const weight = normal("weight", outFeatures * inFeatures);
const base = { weight: constant(weight, [outFeatures, inFeatures]), bias: undefined };
const merged = (one: LoraLayer, scale = 1): Float32Array => loraDelta(one).map((delta, i) => weight[i] + scale * delta);

/** Runs y(x) with the layer's weight, through `adapt`. */
async function run(
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Readonly<Record<string, Float32Array>>,
): Promise<Record<string, Float32Array>> {
  const program = await Program.create(outputs);
  try {
    return await program.run(feeds);
  } finally {
    await program.dispose();
  }
}

function expectClose(actual: Float32Array, expected: Float32Array): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    expect(actual[i]).toBeCloseTo(value, 4);
  });
}

describe("BoundAdapter", () => {
  const tokens = { shape: [2, 5, inFeatures], values: normal("x", 2 * 5 * inFeatures) };

  it("acts on tokens like the merged weight W + scale * alpha / rank * B A", async () => {
    const one = layer("to_k");
    const x = input("x", tokens.shape);
    for (const scale of [1, 0.5]) {
      const binding = new BoundAdapter(new Lora([one]), { scale });
      const adapted = binding.adapt("unet", "to_k", x, linear(x, base.weight), base);
      const expected = linear(x, constant(merged(one, scale), [outFeatures, inFeatures]));
      const result = await run({ adapted, expected }, { x: tokens.values, ...binding.feeds() });
      expectClose(result.adapted, result.expected);
    }
  });

  it("acts on images at a 1x1 convolution, and on their tokens", async () => {
    const one = layer("proj_in", { kind: "conv1x1" });
    const binding = new BoundAdapter(new Lora([one]));
    const image = input("image", [2, inFeatures, 4, 3]);
    const x = input("x", tokens.shape);
    const conv = (values: Float32Array): Tensor => conv2d(image, constant(values, [outFeatures, inFeatures, 1, 1]));
    const flat = (values: Float32Array): Tensor => linear(x, constant(values, [outFeatures, inFeatures]));
    const outputs = {
      image: binding.adapt("unet", "proj_in", image, conv(weight), base),
      expectedImage: conv(merged(one)),
      tokens: binding.adapt("unet", "proj_in", x, flat(weight), base),
      expectedTokens: flat(merged(one)),
    };
    const feeds = { x: tokens.values, image: normal("image", 2 * inFeatures * 12), ...binding.feeds() };
    const result = await run(outputs, feeds);
    expectClose(result.image, result.expectedImage);
    expectClose(result.tokens, result.expectedTokens);
  });

  it("leaves other layers, and those of other components, alone", () => {
    const binding = new BoundAdapter(new Lora([layer("to_k")]));
    const x = input("x", tokens.shape);
    const y = linear(x, constant(weight, [outFeatures, inFeatures]));
    expect(binding.adapt("unet", "to_q", x, y, base)).toBe(y);
    expect(binding.adapt("text_encoder", "to_k", x, y, base)).toBe(y);
  });

  it("lists its inputs in the order of the flat parameters, for gradients", async () => {
    const lora = new Lora([layer("to_v"), layer("to_k")]);
    const binding = new BoundAdapter(lora);
    const x = input("x", tokens.shape);
    const y = linear(x, constant(weight, [outFeatures, inFeatures]));
    const loss = sum(square(binding.adapt("unet", "to_v", x, binding.adapt("unet", "to_k", x, y, base), base)));
    const derivatives = gradients(loss, binding.inputs);
    const outputs = Object.fromEntries(lora.slots.map(({ name }, i) => [name, derivatives[i]]));
    const result = await run({ loss, ...outputs }, { x: tokens.values, ...binding.feeds() });
    const gradient = lora.flatten((name) => result[name]);

    // The directional derivative along one parameter of each slot.
    const program = await Program.create({ loss });
    const lossAt = async (parameters: Float32Array): Promise<number> =>
      (await program.run({ x: tokens.values, ...binding.feeds(parameters) })).loss[0];
    for (const { offset } of lora.slots) {
      const step = 1 / 16;
      const [up, down] = [lora.parameters.slice(), lora.parameters.slice()];
      up[offset] += step;
      down[offset] -= step;
      const slope = ((await lossAt(up)) - (await lossAt(down))) / (2 * step);
      expect(Math.abs(slope - gradient[offset])).toBeLessThan(1e-3 * Math.max(1, Math.abs(slope)));
    }
    await program.dispose();
  });

  it("serves any adapter of its layout, and none with zeros", async () => {
    const lora = new Lora([layer("to_k")]);
    const binding = new BoundAdapter(lora);
    const x = input("x", tokens.shape);
    const y = linear(x, constant(weight, [outFeatures, inFeatures]));
    const feeds = binding.feeds(new Float32Array(lora.parameters.length));
    const result = await run({ adapted: binding.adapt("unet", "to_k", x, y, base), y }, { x: tokens.values, ...feeds });
    expect(result.adapted).toEqual(result.y);
    expect(() => binding.feeds(new Float32Array(1))).toThrow(RangeError);
  });

  it("meets another adapter of the same layer in one graph under a prefix", async () => {
    const [first, second] = [layer("to_k"), layer("to_k", { loraB: normal("other", outFeatures * rank) })];
    const earlier = new BoundAdapter(new Lora([first]), { prefix: "earlier." });
    const current = new BoundAdapter(new Lora([second]));
    const x = input("x", tokens.shape);
    const y = linear(x, constant(weight, [outFeatures, inFeatures]));
    const adapted = current.adapt("unet", "to_k", x, earlier.adapt("unet", "to_k", x, y, base), base);
    const both = merged(first).map((value, i) => value + loraDelta(second)[i]);
    const expected = linear(x, constant(both, [outFeatures, inFeatures]));
    const feeds = { x: tokens.values, ...earlier.feeds(), ...current.feeds() };
    const result = await run({ adapted, expected }, feeds);
    expectClose(result.adapted, result.expected);
  });
});
