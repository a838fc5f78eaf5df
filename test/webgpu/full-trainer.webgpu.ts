import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { FullTrainer } from "../../recipes/training/full-trainer.ts";
import type { Provider } from "../../src/graph/index.ts";
import { SafetensorsFile } from "../../src/io/safetensors/safetensors.ts";
import { smallModel, smallModelFeeds } from "../recipes/support/small-model.ts";

const BATCH = 4;

it("trains on WebGPU as on the CPU, updated by several threads", async () => {
  const folder = mkdtempSync(join(tmpdir(), "keepsake-webgpu-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });

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
    for (let i = 0; i < 3; i++) losses.push(await step());
    await trainer.dispose();
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
