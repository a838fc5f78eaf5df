import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { inTurn } from "../../recipes/training/device.ts";
import { FullTrainer } from "../../recipes/training/full-trainer.ts";
import { linearLayer } from "../../src/diffusion/module.ts";
import { Weights } from "../../src/diffusion/weights.ts";
import { input, Program, type Provider } from "../../src/graph/index.ts";
import { SafetensorsFile, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { smallModel, smallModelFeeds } from "../recipes/support/small-model.ts";

const BATCH = 4;

const folder = mkdtempSync(join(tmpdir(), "keepsake-webgpu-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A layer with half-precision weights, as the encoders have that make what a training is fed. */
async function encoder(provider: Provider) {
  const path = join(folder, "encoder.safetensors");
  const data = Float32Array.of(1, 2, 3, 4, 5, 0.5);
  await writeSafetensors(path, new Map([["layer.weight", { shape: [2, 3], data, dtype: "F16" }]]));
  const weights = await Weights.open(path, [path]);
  const encoded = linearLayer(weights.frozen(), "layer", input("x", [1, 3]), 2, { bias: false });
  return Program.create({ encoded }, { provider });
}

it("trains on WebGPU as on the CPU, updated by several threads, while this one encodes there", async () => {
  const training = async (provider: Provider, workers: number) => {
    const trainer = FullTrainer.create(smallModel, {
      learningRate: 0.01,
      betas: [0.9, 0.99],
      weightDecay: 0.01,
      maxGradNorm: 1,
      emaDecay: 0.9,
      seed: 3,
      batchSize: BATCH,
      provider,
      workers,
    });
    const step = async () => (await trainer.train(smallModelFeeds(BATCH, trainer.step), 1)).loss;
    const losses = [await step()];
    const checkpoint = join(folder, `${provider}.safetensors`);
    await trainer.save(checkpoint);
    const program = await inTurn(provider, () => encoder(provider));
    const encode = () => program.run({ x: Float32Array.of(1, 0, 2) });
    for (let i = 0; i < 3; i++) {
      const [loss, { encoded }] = await Promise.all([step(), inTurn(provider, encode)]);
      losses.push(loss);
      expect(encoded).toEqual(Float32Array.of(7, 5));
    }
    await Promise.all([trainer.dispose(), program.dispose()]);
    // The first moments are the first step's gradients, but for a factor that all share.
    const moments = await (await SafetensorsFile.open(checkpoint)).readFloat32("expAvg");
    return { losses, moments, parameters: trainer.parameters };
  };

  const cpu = await training("cpu", 1);
  const gpu = await training("webgpu", 3);
  for (const [step, loss] of cpu.losses.entries()) expect(gpu.losses[step]).toBeCloseTo(loss, 4);
  for (const place of cpu.parameters.places) {
    const gradient = cpu.parameters.window(place, cpu.moments);
    const onGpu = gpu.parameters.window(place, gpu.moments);
    const largest = gradient.reduce((most, slope) => Math.max(most, Math.abs(slope)), 0);
    const furthest = gradient.reduce((most, slope, i) => Math.max(most, Math.abs(slope - onGpu[i])), 0);
    expect(largest, place.name).toBeGreaterThan(0);
    expect(furthest / largest, place.name).toBeLessThan(1e-4);
  }
});
