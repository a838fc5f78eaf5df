import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unetConfigJson } from "../../recipes/model/architecture.ts";
import { namedTensors, writeComponent } from "../../recipes/training/export.ts";
import { FullTrainer } from "../../recipes/training/full-trainer.ts";
import { Weights } from "../../src/diffusion/weights.ts";
import { parseUNet2DConditionConfig } from "../../src/diffusion/config/unet-2d-condition-config.ts";
import { unet2DConditionModel } from "../../src/diffusion/models/unet-2d-condition-model.ts";
import { linearLayer } from "../../src/diffusion/module.ts";
import { input, meanSquaredError } from "../../src/graph/index.ts";
import { RandomStream } from "../../src/random/random.ts";

const SETTINGS = {
  learningRate: 0.02,
  betas: [0.9, 0.99],
  weightDecay: 0.01,
  maxGradNorm: 1,
  emaDecay: 0.9,
  seed: 1,
  batchSize: 8,
} as const;

/** One linear layer that has to learn to swap its two inputs. */
const newTrainer = (workers = 1) =>
  FullTrainer.create(
    (context, count) => ({
      loss: meanSquaredError(linearLayer(context, "layer", input("x", [count, 2]), 2), input("y", [count, 2])),
    }),
    { ...SETTINGS, workers },
  );

function feedsOf(step: number) {
  const x = new RandomStream(2, "test", step).normal(16);
  return { x, y: x.map((_, i) => x[i ^ 1]) };
}

async function steps(trainer: FullTrainer, count: number): Promise<number> {
  let loss = NaN;
  for (let i = 0; i < count; i++) ({ loss } = await trainer.train(feedsOf(trainer.step), 1));
  return loss;
}

const [SIDE, TOKENS, WIDTH] = [8, 4, 8];

/** A UNet of two levels, with the first of its blocks down and the last of its blocks up of these kinds. */
const newUnetTrainer = (firstDown: string, lastUp: string) =>
  FullTrainer.create(
    (context, count) => {
      const config = parseUNet2DConditionConfig("test", {
        ...unetConfigJson,
        block_out_channels: [16, 16],
        attention_head_dim: 2,
        norm_num_groups: 4,
        cross_attention_dim: WIDTH,
        in_channels: 1,
        out_channels: 1,
        sample_size: SIDE,
        down_block_types: [firstDown, "CrossAttnDownBlock2D"],
        up_block_types: ["CrossAttnUpBlock2D", lastUp],
      });
      const sample = input("sample", [count, 1, SIDE, SIDE]);
      const prediction = unet2DConditionModel(context, config, {
        sample,
        timestepProjection: input("timestepProjection", [count, 16]),
        encoderHiddenStates: input("encoderHiddenStates", [count, TOKENS, WIDTH]),
      });
      return { loss: meanSquaredError(prediction, sample) };
    },
    { ...SETTINGS, batchSize: 2, maxGradNorm: Infinity },
  );

const unetFeeds = () => {
  const random = new RandomStream(3, "test");
  return {
    sample: random.normal(2 * SIDE * SIDE),
    timestepProjection: random.normal(2 * 16),
    encoderHiddenStates: random.normal(2 * TOKENS * WIDTH),
  };
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keepsake-trainer-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("FullTrainer", () => {
  it("learns, and its average follows", async () => {
    const trainer = newTrainer();
    expect(await steps(trainer, 200)).toBeLessThan(1e-2);
    const [weight] = trainer.parameters.places;
    const averaged = trainer.parameters.window(weight, trainer.ema);
    for (const [i, expected] of [0, 1, 1, 0].entries()) expect(averaged[i]).toBeCloseTo(expected, 1);
    await trainer.dispose();
  });

  it("goes on from a checkpoint to the very bits of an uninterrupted training", async () => {
    const path = join(folder, "checkpoint.safetensors");
    const straight = newTrainer();
    await steps(straight, 3);
    await straight.save(path);
    await steps(straight, 4);
    const resumed = newTrainer();
    expect(await resumed.load(path)).toBe(true);
    expect(resumed.step).toBe(3);
    await steps(resumed, 4);
    expect(resumed.values).toEqual(straight.values);
    expect(resumed.ema).toEqual(straight.ema);
    expect(await resumed.load(join(folder, "none.safetensors"))).toBe(false);
    await Promise.all([straight.dispose(), resumed.dispose()]);
  });

  it("gives two workers a half of each batch, and takes the step of the whole batch", async () => {
    const [whole, halves] = [newTrainer(1), newTrainer(2)];
    await steps(whole, 20);
    await steps(halves, 20);
    for (const [i, value] of whole.values.entries()) expect(halves.values[i]).toBeCloseTo(value, 5);
    for (const [i, value] of whole.ema.entries()) expect(halves.ema[i]).toBeCloseTo(value, 5);
    await Promise.all([whole.dispose(), halves.dispose()]);
  });

  it("refuses a batch that cannot be cut", async () => {
    expect(() => newTrainer(3)).toThrow("a batch of 8");
    const trainer = newTrainer(2);
    await expect(trainer.train({ x: new Float32Array(15), y: new Float32Array(16) }, 1)).rejects.toThrow('"x"');
    await trainer.dispose();
  });

  it("exports its average in half precision, from which another training can start", async () => {
    const trainer = newTrainer();
    await steps(trainer, 5);
    await writeComponent(folder, "model.safetensors", { kind: "test" }, namedTensors(trainer.parameters, trainer.ema));
    const path = join(folder, "model.safetensors");
    const next = newTrainer();
    await next.startFrom(await Weights.open(path, [path]));
    expect(next.step).toBe(0);
    next.ema.forEach((value, i) => {
      expect(Math.abs(value - trainer.ema[i])).toBeLessThanOrEqual(Math.abs(trainer.ema[i]) * 2 ** -11 + 1e-7);
    });
    expect(next.values).toEqual(next.ema);
    await Promise.all([trainer.dispose(), next.dispose()]);
  });

  it("starts a model with more transformers as the smaller one is", async () => {
    const smaller = newUnetTrainer("DownBlock2D", "UpBlock2D");
    await writeComponent(
      folder,
      "model.safetensors",
      { kind: "test" },
      namedTensors(smaller.parameters, smaller.values),
    );
    const path = join(folder, "model.safetensors");
    const larger = newUnetTrainer("CrossAttnDownBlock2D", "CrossAttnUpBlock2D");
    await larger.startFrom(await Weights.open(path, [path]));
    const losses = [];
    for (const trainer of [smaller, larger]) losses.push((await trainer.train(unetFeeds(), 1)).loss);
    const [before, after] = losses;
    // What was written is in half precision.
    expect(Math.abs(after - before) / before).toBeLessThan(1e-3);
    // And the new transformers learn.
    const known = new Set(smaller.parameters.places.map(({ name }) => name));
    const outputs = larger.parameters.places.filter(({ name }) => name.endsWith("proj_out.weight") && !known.has(name));
    expect(outputs).toHaveLength(3);
    for (const place of outputs) expect(larger.parameters.window(place).some((value) => value !== 0)).toBe(true);
    await Promise.all([smaller.dispose(), larger.dispose()]);
  });

  it("stops at a loss that is not a number, with the parameters as they were", async () => {
    const trainer = newTrainer();
    const before = trainer.values;
    const { x, y } = feedsOf(0);
    await expect(trainer.train({ x: x.fill(NaN), y }, 1)).rejects.toThrow("step 1");
    expect(trainer.values).toEqual(before);
    await trainer.dispose();
  });
});
