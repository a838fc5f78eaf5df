/**
 * @file What the built-in model takes for learning and drawing. It is there, so a few of its steps are timed: a program
 * this small is slower than its operations would let one think.
 */
import { adaptableModules } from "../../adapters/new-adapter.ts";
import { createLora } from "../../adapters/lora.ts";
import { parseTargets } from "../../adapters/modules.ts";
import { likelyBytes } from "../../diffusion/program-cost.ts";
import { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { vaeScaleFactor } from "../../diffusion/config/autoencoder-kl-config.ts";
import type { ProgramOptions } from "../../graph/index.ts";
import { BUILT_IN_MODEL, checkpointFolder, checkpointOptions } from "../../library/model/model-folder.ts";
import { BUILT_IN } from "../../library/model/model-profile.ts";
import { RandomStream } from "../../random/random.ts";
import { CompiledDenoiser } from "../../training/denoiser.ts";
import { chosenMode } from "./memory-mode.ts";
import { FORWARD_OVER_TRAINING } from "./measured-speed.ts";
import type { FittingModel } from "./what-fits.ts";

/** Steps that are timed, after one that compiles. */
const STEPS = 3;

/** @param free - bytes @throws KeepsakeError if the model is damaged, or its programs cannot run */
export async function whatFitsBuiltIn(program: ProgramOptions, free: number): Promise<FittingModel> {
  const options = checkpointOptions({ name: BUILT_IN_MODEL, options: {} });
  const pipeline = await StableDiffusionPipeline.load(checkpointFolder(BUILT_IN_MODEL), program, options);
  const { steps, guidanceScale } = pipeline.family;
  const { batchSize } = BUILT_IN.training;
  const size = pipeline.defaultSize;
  const side = size.width / vaeScaleFactor(pipeline.vae.config);
  const adapter = createLora(
    { unet: adaptableModules(pipeline).unet },
    {
      rank: BUILT_IN.adapter.rank,
      targets: parseTargets(BUILT_IN.adapter.targets),
      random: new RandomStream(0, "what fits"),
    },
  );
  const denoiser = (checkpointing: boolean) =>
    new CompiledDenoiser(pipeline, adapter, {
      ...{ ...program, batchSize, checkpointing },
      ...{ height: side, width: side, learnedRows: 1 },
    });
  const denoisers = { full: denoiser(false), checkpointing: denoiser(true) };
  const mode = chosenMode((each) => denoisers[each].cost(true), free);
  const used = denoisers[mode ?? "checkpointing"];
  const cost = used.cost(true);
  const latents = () => new Float32Array(pipeline.vae.config.latentChannels * side ** 2);
  const tokenIds = [...pipeline.newTokenizer().encode("").inputIds];
  const item = { noisyLatents: latents(), target: latents(), timestep: 1, tokenIds, weight: 1 / batchSize };
  const embeddings = new Float32Array(used.embeddingsSize);
  const step = () => used.gradient(new Array<typeof item>(batchSize).fill(item), { adapter, embeddings });
  const secondsPerStep = await timed(step, async () => {
    await used.dispose();
    await pipeline.dispose();
  });
  const drawing = pipeline.drawingCosts(size, guidanceScale);
  const forward = (FORWARD_OVER_TRAINING * cost.flops) / secondsPerStep;
  return {
    ...{ model: pipeline.family.title, resolution: size.width },
    learn: {
      ...(mode !== undefined && { mode }),
      bytes: likelyBytes(cost, mode === "full" ? "training" : "checkpointing"),
      secondsPerStep,
    },
    generate: {
      fits: drawing.step.leastBytes + drawing.decoder.leastBytes <= free,
      bytes: likelyBytes(drawing.step, "drawing") + likelyBytes(drawing.decoder, "drawing"),
      secondsPerPicture: (steps * drawing.step.flops + drawing.decoder.flops) / forward,
    },
  };
}

/** Seconds of a step, which is compiled before it is timed. */
async function timed(step: () => Promise<unknown>, dispose: () => Promise<void>): Promise<number> {
  try {
    await step();
    const begin = performance.now();
    for (let i = 0; i < STEPS; i++) await step();
    return (performance.now() - begin) / 1000 / STEPS;
  } finally {
    await dispose();
  }
}
