import { describe, expect, it } from "vitest";
import { LATENT_CHANNELS, LATENT_SIZE } from "../../recipes/model/architecture.ts";
import type { NamedTensors } from "../../recipes/training/export.ts";
import {
  deviationsByWorth,
  foldLatentStatistics,
  latentStatistics,
  unusedChannels,
  worthOfChannels,
} from "../../recipes/training/latent-statistics.ts";
import { RandomStream } from "../../src/random/random.ts";

const AREA = LATENT_SIZE * LATENT_SIZE;

describe("latentStatistics", () => {
  it("finds mean and deviation of each channel", () => {
    const noise = new RandomStream(1, "test").normal(64 * LATENT_CHANNELS * AREA);
    const latents = noise.map((x, i) => {
      const channel = Math.floor(i / AREA) % LATENT_CHANNELS;
      return channel + (1 + channel / 8) * x;
    });
    const { mean, deviation } = latentStatistics(latents);
    for (let channel = 0; channel < LATENT_CHANNELS; channel++) {
      expect(mean[channel]).toBeCloseTo(channel, 1);
      expect(deviation[channel]).toBeCloseTo(1 + channel / 8, 1);
    }
  });
});

describe("unusedChannels", () => {
  it("are those whose noise is stronger than what they say", () => {
    const said = new RandomStream(1, "said").normal(8 * LATENT_CHANNELS * AREA);
    const of = (numbers: Record<number, number>, usual: number) => (_: number, i: number) =>
      numbers[Math.floor(i / AREA) % LATENT_CHANNELS] ?? usual;
    const scale = said.map(of({ 3: 0.04, 7: 0.04 }, 1));
    const mean = said.map((x, i) => 2 + scale[i] * x);
    // A posterior of 0.7 drowns 0.04 and not 1; channel 7 says little, and says it clearly.
    const logvar = said.map(of({ 7: -8 }, 2 * Math.log(0.7)));
    expect(unusedChannels({ mean, logvar })).toEqual([3]);
  });
});

describe("the worth of channels", () => {
  it("is how far pictures move when a channel is off by a deviation", async () => {
    const latents = new RandomStream(3, "latents").normal(16 * LATENT_CHANNELS * AREA);
    const channelOf = (i: number) => Math.floor(i / AREA) % LATENT_CHANNELS;
    // A decoder that gives channel c the weight c: what it decodes moves in one of 16 parts.
    const decoded = (z: Float32Array) => Promise.resolve(z.map((value, i) => channelOf(i) * value));
    const deviation = Array.from({ length: LATENT_CHANNELS }, (_, c) => (c === 5 ? 2 : 1));
    const worth = await worthOfChannels(decoded, latents, { mean: [], deviation });
    for (let c = 0; c < LATENT_CHANNELS; c++) {
      expect(worth[c] / ((c * deviation[c]) / Math.sqrt(LATENT_CHANNELS) || 1)).toBeCloseTo(c === 0 ? 0 : 1, 1);
    }
  });

  it("gives the most worthy a deviation of 1, and none so little that its weights are endless", () => {
    expect(deviationsByWorth([4, 1, 16, 0])).toEqual([0.5, 0.25, 1, 0.1]);
  });
});

describe("foldLatentStatistics", () => {
  const channels = 3;
  const random = new RandomStream(2, "test");
  const tensor = (...shape: number[]) => ({ shape, data: random.normal(shape.reduce((a, b) => a * b)) });
  const vae: NamedTensors = new Map(
    Object.entries({
      "quant_conv.weight": tensor(2 * channels, 5, 1, 1),
      "quant_conv.bias": tensor(2 * channels),
      "post_quant_conv.weight": tensor(channels, channels, 1, 1),
      "post_quant_conv.bias": tensor(channels),
    }),
  );
  const statistics = { mean: [0.5, -2, 3], deviation: [0.25, 1.5, 4] };
  const folded = foldLatentStatistics(vae, statistics);

  /** A 1x1 convolution at one pixel. */
  const apply = (tensors: NamedTensors, layer: string, x: readonly number[]): number[] => {
    const numbers = (name: string) => Array.from(tensors.get(`${layer}.${name}`)?.data ?? [], Number);
    const weight = numbers("weight");
    return numbers("bias").map((bias, row) =>
      x.reduce((sum, value, column) => sum + weight[row * x.length + column] * value, bias),
    );
  };

  it("normalises means and log-variances", () => {
    const x = [...random.normal(5)];
    const [plain, normalized] = [apply(vae, "quant_conv", x), apply(folded, "quant_conv", x)];
    for (let c = 0; c < channels; c++) {
      expect(normalized[c]).toBeCloseTo((plain[c] - statistics.mean[c]) / statistics.deviation[c], 5);
      const deviation = Math.exp(plain[channels + c] / 2) / statistics.deviation[c];
      expect(Math.exp(normalized[channels + c] / 2)).toBeCloseTo(deviation, 5);
    }
  });

  it("makes the posteriors of unused channels narrow, and changes nothing else", () => {
    const x = [...random.normal(5)];
    const narrow = apply(foldLatentStatistics(vae, statistics, [1]), "quant_conv", x);
    const plain = apply(folded, "quant_conv", x);
    expect(narrow).toEqual(plain.map((value, row) => (row === channels + 1 ? -10 : value)));
  });

  it("decodes normalised latents to what the latents themselves were decoded to", () => {
    const z = [...random.normal(channels)];
    const normalized = z.map((value, c) => (value - statistics.mean[c]) / statistics.deviation[c]);
    const [plain, restored] = [apply(vae, "post_quant_conv", z), apply(folded, "post_quant_conv", normalized)];
    for (let c = 0; c < channels; c++) expect(restored[c]).toBeCloseTo(plain[c], 5);
  });

  it("leaves the given weights as they are, and refuses a VAE without those layers", () => {
    const before = vae.get("quant_conv.bias")?.data.slice();
    foldLatentStatistics(vae, statistics);
    expect(vae.get("quant_conv.bias")?.data).toEqual(before);
    expect(() => foldLatentStatistics(new Map(), statistics)).toThrow("quant_conv");
  });
});
