/**
 * @file Whether the parts of a checkpoint, each fine by itself, belong together.
 */
import { KeepsakeError } from "../errors.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { vaeScaleFactor } from "./config/autoencoder-kl-config.ts";
import { LONGEST_SIDE } from "./latents.ts";
import { TIME_IDS } from "./time-ids.ts";

/** @throws KeepsakeError when the parts are each fine but do not belong together. */
export function checkPartsFit({ path, unet, vae, text }: Checkpoint): void {
  const fault = (message: string) => new KeepsakeError("input", `${path}: ${message}`);
  const { sampleSize = 0 } = unet.config;
  const side = sampleSize * vaeScaleFactor(vae.config);
  if (side > LONGEST_SIDE) {
    const size = `sample_size ${sampleSize} makes pictures of ${side}x${side} pixels`;
    throw fault(`the UNet's ${size}; at most ${LONGEST_SIDE} a side are possible.`);
  }
  const channels = vae.config.latentChannels;
  if (unet.config.inChannels !== channels || unet.config.outChannels !== channels) {
    throw fault(
      `the UNet takes ${unet.config.inChannels} and gives ${unet.config.outChannels} channels, the VAE has ${channels}; ` +
        "inpainting and other special UNets are not supported.",
    );
  }
  const { width } = text;
  if (unet.config.crossAttentionDim.some((dim) => dim !== width)) {
    throw fault(
      `the UNet expects text embeddings of width ${unet.config.crossAttentionDim.join(", ")}, the text encoder gives ${width}.`,
    );
  }
  const { textTime } = unet.config;
  const pooledDim = textTime && textTime.projectionInputDim - TIME_IDS * textTime.additionTimeEmbedDim;
  if (pooledDim !== text.projectionDim) {
    const [expected, given] = [pooledDim, text.projectionDim].map((dim) => `${dim ?? "no"} pooled numbers`);
    throw fault(`the UNet expects ${expected} beside ${TIME_IDS} sizes, the text encoder gives ${given}.`);
  }
  for (const { config, tokenizer } of text.encoders) {
    if (tokenizer.vocabSize > config.vocabSize) {
      throw fault(`the tokenizer has ${tokenizer.vocabSize} tokens, the text encoder only ${config.vocabSize}.`);
    }
    if (tokenizer.modelMaxLength > config.maxPositionEmbeddings) {
      throw fault(
        `the tokenizer makes ${tokenizer.modelMaxLength} tokens, the text encoder takes ${config.maxPositionEmbeddings}.`,
      );
    }
    const { vocabSize, modelMaxLength } = text.encoders[0].tokenizer;
    if (tokenizer.vocabSize !== vocabSize || tokenizer.modelMaxLength !== modelMaxLength) {
      throw fault("its two tokenizers differ in vocabulary or length, and a prompt has to be the same tokens to both.");
    }
  }
}
