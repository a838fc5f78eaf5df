/** @file From prompt to picture: the text-to-image pipeline, with and without LoRA files. */
import { basename, join } from "node:path";
import { readLora } from "../../../src/adapters/formats/read.ts";
import { BoundAdapter } from "../../../src/adapters/bound-adapter.ts";
import { vaeScaleFactor } from "../../../src/diffusion/config/autoencoder-kl-config.ts";
import { StableDiffusionPipeline } from "../../../src/diffusion/pipeline.ts";
import { PromptEncoder } from "../../../src/diffusion/prompt-encoder.ts";
import { type PictureFraming, timeIdsOf } from "../../../src/diffusion/time-ids.ts";
import type { CaseKind } from "../case-kind.ts";
import type { Fields } from "../fields.ts";
import type { Computed, TensorCase } from "../tensor-case.ts";
import type { Tree } from "../tree.ts";
import { adaptableModules } from "./lora.ts";
import { matchingLoraFiles, parseLoraReference } from "./lora-file.ts";
import { checkPromptIds } from "./prompts.ts";

export const textToImage: CaseKind = {
  description: "text to image",
  matches: (test) => test.hasInputs("initial_latents") && test.hasOutputs("latents", "image"),
  async run(test, tree, checks) {
    const model = test.fields.string("model");
    if (test.fields.number("eta", 0) !== 0) throw new Error("the pipeline samples with eta 0 only");
    await checkPromptIds(test, tree, checks, promptsOf(test.fields));
    const pipeline = await StableDiffusionPipeline.load(join(tree.root, model), tree.programOptions);
    try {
      if (!test.fields.has("lora")) {
        test.compare(checks, await generate(pipeline, test, tree));
        return;
      }
      const { pattern, scale } = parseLoraReference(test.fields.string("lora"));
      const files = await matchingLoraFiles(tree.root, pattern);
      if (files.length === 0) throw new Error(`there is no LoRA file ${pattern}`);
      const modules = await adaptableModules(tree, model);
      for (const file of files) {
        const binding = new BoundAdapter(await readLora(file, modules), { scale });
        test.compare(checks, await generate(pipeline, test, tree, binding), { label: ` with ${basename(file)}` });
      }
    } finally {
      await pipeline.dispose();
    }
  },
};

/** The negative prompt, then the prompt. */
function promptsOf(fields: Fields): [string, string] {
  return [fields.optionalString("negative_prompt") ?? "", fields.string("prompt")];
}

/** How a case of SDXL says that its picture is framed. */
function framingOf(fields: Fields): PictureFraming | undefined {
  if (!fields.has("original_size")) return undefined;
  const size = (name: string) => {
    const [height, width] = fields.numbers(name);
    return { height, width };
  };
  const [top, left] = fields.numbers("crops_coords_top_left");
  return { originalSize: size("original_size"), crop: { top, left }, targetSize: size("target_size") };
}

async function generate(
  pipeline: StableDiffusionPipeline,
  test: TensorCase,
  tree: Tree,
  adapter?: BoundAdapter,
): Promise<Computed> {
  const prompt = test.fields.string("prompt");
  const negativePrompt = test.fields.optionalString("negative_prompt");
  const framing = framingOf(test.fields);
  const schedulerClass = test.fields.optionalString("scheduler_class");
  const steps = test.fields.number("num_inference_steps");
  const scheduler = pipeline.createScheduler(schedulerClass);
  scheduler.setTimesteps(steps);

  const encoder = new PromptEncoder(pipeline.text, tree.programOptions);
  const encoded = await encoder.encode([negativePrompt, prompt], { adapter });
  await encoder.clear();

  const [count, , height, width] = test.shape("initial_latents");
  const initial = test.floats("initial_latents");
  const size = initial.length / count;
  const starts = Array.from({ length: count }, (_, i) => initial.subarray(i * size, (i + 1) * size));
  const latents = Array.from({ length: scheduler.timesteps.length + 1 }, () => new Float32Array(initial.length));
  latents[0].set(initial.map((value) => value * scheduler.initNoiseSigma));
  const pixels = vaeScaleFactor(pipeline.vae.config);
  const pictures = await pipeline.generate({
    prompt,
    negativePrompt,
    steps,
    guidanceScale: test.fields.number("guidance_scale"),
    scheduler: schedulerClass,
    n: count,
    height: height * pixels,
    width: width * pixels,
    initialLatents: starts,
    ...(framing && { framing }),
    adapter,
    onStep: ({ index, step, latents: after }) => {
      latents[step].set(after, index * size);
    },
  });
  const decoded = pictures.flatMap((picture) => [...picture.decoded]);
  return {
    timesteps: scheduler.timesteps,
    encoder_hidden_states: encoded.flatMap(({ encoderHiddenStates }) => [...encoderHiddenStates]),
    text_embeds: encoded.flatMap(({ textEmbeds }) => [...(textEmbeds ?? [])]),
    time_ids: framing ? encoded.flatMap(() => timeIdsOf(framing)) : [],
    latents: latents.flatMap((step) => [...step]),
    decoded,
    image: decoded.map((value) => Math.min(1, Math.max(0, value / 2 + 0.5))),
  };
}
