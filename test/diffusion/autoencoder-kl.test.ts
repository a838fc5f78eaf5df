import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openAutoencoderKl } from "../../src/diffusion/checkpoint.ts";
import { parseAutoencoderKlConfig } from "../../src/diffusion/config/autoencoder-kl-config.ts";
import { ImageEncoder, latentShape, latentsFrom } from "../../src/diffusion/latents.ts";
import { encode, klFromStandardNormal, sampleLatents } from "../../src/diffusion/models/autoencoder-kl.ts";
import { withObserver } from "../../src/diffusion/module.ts";
import { type Tensor, mul } from "../../src/graph/index.ts";
import { type TensorToWrite, SafetensorsFile, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { evaluate, fixture, openCase } from "./support.ts";

const model = fixture("models/tiny-sd1/vae");

describe("autoencoderKl", () => {
  it("encodes as diffusers does", async () => {
    const golden = await openCase("forward/vae-sd1-encode");
    const { config, weights } = await openAutoencoderKl(model);
    const outputs: Record<string, Tensor> = {};
    const posterior = encode(
      withObserver(weights.frozen(), (module, output) => {
        if (golden.names().includes(`debug.${module}`)) outputs[`debug.${module}`] = output;
      }),
      config,
      golden.input("image"),
    );
    const sample = sampleLatents(posterior, golden.input("noise"));
    Object.assign(outputs, {
      ...posterior,
      sample,
      latents: mul(sample, config.scalingFactor),
      kl: klFromStandardNormal(posterior),
    });
    const results = await evaluate(outputs, await golden.feeds("image", "noise"));
    expect(Object.keys(results)).toHaveLength(golden.names().length - 2);
    for (const [name, got] of Object.entries(results)) {
      // Intermediate values are stored for the first picture only.
      const size = golden.shape(name).reduce((a, b) => a * b, 1);
      await golden.expectClose(name, got.slice(0, size));
    }
  });

  it("reads the attention names of the first releases", async () => {
    const legacy = { to_q: "query", to_k: "key", to_v: "value", "to_out.0": "proj_attn" };
    const folder = await mkdtemp(join(tmpdir(), "keepsake-vae-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = await SafetensorsFile.open(join(model, "diffusion_pytorch_model.safetensors"));
    const tensors = new Map<string, TensorToWrite>();
    for (const [name, { shape }] of file.tensors) {
      let oldName = name;
      for (const [today, then] of Object.entries(legacy)) oldName = oldName.replace(`.${today}.`, `.${then}.`);
      tensors.set(oldName, { shape, data: await file.readFloat32(name) });
    }
    expect(tensors.has("encoder.mid_block.attentions.0.proj_attn.weight")).toBe(true);
    await writeSafetensors(join(folder, "diffusion_pytorch_model.safetensors"), tensors);
    await copyFile(join(model, "config.json"), join(folder, "config.json"));
    const { weights } = await openAutoencoderKl(folder);
    expect(weights.tensors.map(({ name }) => name).sort()).toEqual([...file.tensors.keys()].sort());
    expect(await weights.readFloat32("decoder.mid_block.attentions.0.to_out.0.bias")).toEqual(
      await file.readFloat32("decoder.mid_block.attentions.0.to_out.0.bias"),
    );
  });
});

describe("ImageEncoder", () => {
  it("gives the mean, or a sample when given noise, times the scaling factor", async () => {
    const golden = await openCase("forward/vae-sd1-encode");
    const component = await openAutoencoderKl(model);
    const [, , height, width] = golden.shape("image");
    const encoder = await ImageEncoder.create(component, { height, width });
    onTestFinished(() => encoder.dispose());
    const half = (values: Float32Array) => values.slice(0, values.length / 2);
    const image = half(await golden.read("image"));
    const noise = half(await golden.read("noise"));
    const latents = half(await golden.read("latents"));
    const mean = half(await golden.read("mean"));
    const sampled = await encoder.encode(image, noise);
    for (const [i, value] of latents.entries()) expect(sampled[i]).toBeCloseTo(value, 4);
    const certain = await encoder.encode(image);
    for (const [i, value] of mean.entries()) expect(certain[i]).toBeCloseTo(value * 0.18215, 4);
    const posterior = await encoder.distribution(image);
    expect(latentsFrom(posterior, component.config, noise)).toEqual(sampled);
  });

  it("accepts only sizes that the VAE can halve", () => {
    const config = parseAutoencoderKlConfig("config.json", {
      block_out_channels: [32, 32, 32, 32],
      down_block_types: new Array(4).fill("DownEncoderBlock2D"),
      up_block_types: new Array(4).fill("UpDecoderBlock2D"),
    });
    expect(latentShape(config, { height: 64, width: 40 })).toEqual([4, 8, 5]);
    for (const size of [60, 0, -8, 8.5, NaN]) {
      expect(() => latentShape(config, { height: size, width: 64 })).toThrow(/multiples of 8/);
    }
  });
});
