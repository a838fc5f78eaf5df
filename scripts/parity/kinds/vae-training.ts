/** @file Gradients of every parameter of a VAE. */
import { decode, encode, klFromStandardNormal, sampleLatents } from "../../../src/diffusion/models/autoencoder-kl.ts";
import { add, input, mean, mul } from "../../../src/graph/index.ts";
import type { CaseKind } from "../case-kind.ts";
import { gradientRules, meanSquaredError, namedGradients, startingValues } from "./gradients.ts";

export const vaeTraining: CaseKind = {
  description: "VAE training",
  matches: (test) => test.hasInputs("image", "noise") && test.hasOutputs("loss", "reconstruction"),
  async run(test, tree, checks) {
    const { config, weights } = await tree.vae(test.fields.string("model"));
    const { context, inputs } = weights.trainable();
    const image = input("image", test.shape("image"));
    const posterior = encode(context, config, image);
    const sample = sampleLatents(posterior, input("noise", test.shape("noise")));
    const reconstruction = decode(context, config, sample);
    const mse = meanSquaredError(reconstruction, image);
    const kl = mean(klFromStandardNormal(posterior));
    const loss = add(mse, mul(kl, test.fields.number("kl_weight")));
    const feeds = {
      image: test.floats("image"),
      noise: test.floats("noise"),
      ...(await startingValues(weights, inputs)),
    };
    const outputs = { loss, mse, kl, reconstruction, ...namedGradients(loss, inputs) };
    test.compare(checks, await tree.evaluate(outputs, feeds), { rules: gradientRules(test) });
  },
};
