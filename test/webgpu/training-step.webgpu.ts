import { expect, it } from "vitest";
import { newLora } from "../../src/adapters/new-adapter.ts";
import { DenoisingError } from "../../src/training/denoising-error.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import type { Provider } from "../../src/graph/index.ts";
import { RandomStream } from "../../src/random/random.ts";

/**
 * One training step of the whole tiny model: text encoder, UNet with LoRA on every layer it can be on, and a learned
 * token.
 */
async function trainingStep(provider: Provider) {
  const pipeline = await StableDiffusionPipeline.load("test/fixtures/models/tiny-sd1");
  const lora = newLora(pipeline, { rank: 4, loraAlpha: 8, targets: "all-linear" }, 1);
  const random = new RandomStream(7, "webgpu");
  lora.parameters.set(random.normal(lora.parameters.length).map((x) => 0.1 * x));
  const [batchSize, height, width] = [2, 8, 16];
  const latents = batchSize * 4 * height * width;
  const vocabulary = pipeline.textEncoder.config.vocabSize;
  const prompt = [1512, 320, 400, vocabulary, 67, 1513];
  const padded = [...prompt, ...Array.from({ length: 77 - prompt.length }, () => 1513)];
  const program = await DenoisingError.create(pipeline, lora, { provider, batchSize, height, width, learnedRows: 1 });
  const result = await program.run(
    {
      noisyLatents: random.normal(latents),
      timesteps: [481, 30],
      tokenIds: [padded, padded],
      target: random.normal(latents),
    },
    { adapter: lora, embeddings: random.normal(pipeline.textEncoder.config.hiddenSize) },
  );
  await program.dispose();
  return result;
}

it("computes the same training step on WebGPU as on the CPU", async () => {
  const cpu = await trainingStep("cpu");
  const gpu = await trainingStep("webgpu");
  for (const name of ["errors", "prediction", "adapterGradient", "embeddingsGradient"] as const) {
    const scale = cpu[name].reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const worst = cpu[name].reduce((most, x, i) => Math.max(most, Math.abs(x - gpu[name][i])), 0);
    expect(scale, name).toBeGreaterThan(0);
    expect(worst / scale, name).toBeLessThan(1e-3);
  }
});
