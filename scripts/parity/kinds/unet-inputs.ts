/** @file The inputs of a UNet, from the tensors of a case. */
import type { UNet2DConditionConfig } from "../../../src/diffusion/config/unet-2d-condition-config.ts";
import { timestepProjection } from "../../../src/diffusion/models/embeddings.ts";
import type { UNet2DConditionInputs } from "../../../src/diffusion/models/unet-2d-condition-model.ts";
import { input } from "../../../src/graph/index.ts";
import type { TensorCase } from "../tensor-case.ts";

export interface UNetFeeds {
  readonly inputs: UNet2DConditionInputs;
  readonly feeds: Record<string, Float32Array>;
}

/**
 * @param sample the tensor with the noisy latents.
 * @param timesteps the tensor with one timestep for each item of the batch (or one for all).
 */
export function unetInputs(
  test: TensorCase,
  config: UNet2DConditionConfig,
  sample: string,
  timesteps: string,
): UNetFeeds {
  const batch = test.shape(sample)[0];
  const stored = [...test.floats(timesteps)];
  const perItem = stored.length === 1 ? new Array<number>(batch).fill(stored[0]) : stored;
  const feeds: Record<string, Float32Array> = {
    sample: test.floats(sample),
    encoder_hidden_states: test.floats("encoder_hidden_states"),
    timestep_projection: projectTimesteps(config, perItem),
  };
  if (test.hasInputs("timestep_cond")) feeds.timestep_cond = test.floats("timestep_cond");
  const inputs: UNet2DConditionInputs = {
    sample: input("sample", test.shape(sample)),
    ...(feeds.timestep_cond && { timestepCond: input("timestep_cond", test.shape("timestep_cond")) }),
    encoderHiddenStates: input("encoder_hidden_states", test.shape("encoder_hidden_states")),
    timestepProjection: input("timestep_projection", [batch, config.blockOutChannels[0]]),
  };
  if (config.textTime === undefined) return { inputs, feeds };
  const width = config.textTime.additionTimeEmbedDim;
  feeds.text_embeds = test.floats("text_embeds");
  // The projections of an item's time ids follow each other, so the rows of all of them are already in place.
  feeds.time_ids_projection = timestepProjection([...test.floats("time_ids")], width, config);
  const textEmbeds = input("text_embeds", test.shape("text_embeds"));
  const timeIdsProjection = input("time_ids_projection", [batch, test.shape("time_ids")[1] * width]);
  return { inputs: { ...inputs, textEmbeds, timeIdsProjection }, feeds };
}

/** The sinusoids of timesteps as this UNet wants them. */
export function projectTimesteps(config: UNet2DConditionConfig, timesteps: readonly number[]): Float32Array {
  return timestepProjection(timesteps, config.blockOutChannels[0], config);
}
