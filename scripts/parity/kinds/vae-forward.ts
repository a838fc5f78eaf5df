/** @file The VAE's encoder and decoder. */
import { decode, encode, klFromStandardNormal, sampleLatents } from "../../../src/diffusion/models/autoencoder-kl.ts";
import { type Tensor, input, mul } from "../../../src/graph/index.ts";
import type { CaseKind } from "../case-kind.ts";
import { observing } from "./observation.ts";

export const vaeDecode: CaseKind = {
  description: "VAE decoder",
  matches: (test) => test.hasInputs("z") && test.hasOutputs("image"),
  async run(test, tree, checks) {
    const { config, weights } = await tree.vae(test.fields.string("model"));
    const outputs: Record<string, Tensor> = {};
    outputs.image = decode(observing(weights.frozen(), test, outputs), config, input("z", test.shape("z")));
    test.compare(checks, await tree.evaluate(outputs, { z: test.floats("z") }));
  },
};

export const vaeEncode: CaseKind = {
  description: "VAE encoder",
  matches: (test) => test.hasInputs("image") && test.hasOutputs("mean", "logvar"),
  async run(test, tree, checks) {
    const { config, weights } = await tree.vae(test.fields.string("model"));
    const outputs: Record<string, Tensor> = {};
    const feeds: Record<string, Float32Array> = { image: test.floats("image") };
    const image = input("image", test.shape("image"));
    const posterior = encode(observing(weights.frozen(), test, outputs), config, image);
    Object.assign(outputs, { mean: posterior.mean, logvar: posterior.logvar, kl: klFromStandardNormal(posterior) });
    if (test.hasInputs("noise")) {
      feeds.noise = test.floats("noise");
      outputs.sample = sampleLatents(posterior, input("noise", test.shape("noise")));
      outputs.latents = mul(outputs.sample, config.scalingFactor);
    }
    test.compare(checks, await tree.evaluate(outputs, feeds));
  },
};
