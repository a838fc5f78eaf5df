/**
 * @file Which model the library works on, what is done with it where nobody says otherwise, and the choice of another
 * one.
 */
import { MODEL_FAMILIES } from "../../diffusion/family/families.ts";
import { schedulerClass, schedulerNames } from "../../diffusion/schedulers/index.ts";
import { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { KeepsakeError } from "../../errors.ts";
import { Keepsake } from "../../keepsake/keepsake.ts";
import { chosenStrategy, usualStrategy } from "../../keepsake/chosen-strategy.ts";
import { Library } from "../../library/library.ts";
import { checkpointFolder, chosenModel } from "../../library/model/model-folder.ts";
import { profileOf } from "../../library/model/model-profile.ts";
import { STRATEGIES } from "../../strategies/registry.ts";
import type { JobRequest, JobResult } from "../api.ts";
import { folderOfModel, listedAs } from "../models.ts";
import type { ModelFacts, Place } from "./protocol.ts";
import type { Work } from "./work.ts";

/** Where the model cannot be opened, as of Stable Diffusion 1.x. */
const USUAL_SIDE = 512;

/** Of the library's model, without loading its weights. */
export async function modelFacts({ place }: Pick<Work, "place">): Promise<ModelFacts> {
  // Of a library that cannot be read the state says so; the doctor needs a page to stand on.
  const library = await unlessRefused(Library.openIfExists(place.library));
  const { name, options } = chosenModel(await askedModel(place), library);
  const { training, adapter } = profileOf(name);
  const pipeline = await unlessRefused(StableDiffusionPipeline.load(checkpointFolder(name), {}, options));
  const { width, height } = pipeline?.defaultSize ?? { width: USUAL_SIDE, height: USUAL_SIDE };
  const own = pipeline?.schedulerConfig._class_name;
  const { steps, guidanceScale } = pipeline?.family ?? MODEL_FAMILIES.sd1;
  const schedulers = schedulerNames();
  const scheduler = schedulers.find((each) => schedulerClass(each) === own) ?? schedulers[0];
  const textWidth = pipeline?.text.width;
  const { name: strategy } =
    library === undefined
      ? usualStrategy(adapter, textWidth)
      : chosenStrategy({}, library, { asked: adapter, ...(textWidth !== undefined && { textWidth }) });
  const strategies = STRATEGIES.filter((each) => each.create().order === "one-by-one");
  return {
    model: await listedAs(name, pipeline !== undefined),
    defaults: {
      ...{ resolution: width, width, height, learningSteps: training.steps, strategy },
      drawing: { steps, guidanceScale, scheduler },
    },
    schedulers,
    strategies: [...strategies]
      .sort((a, b) => Number(b.name === strategy) - Number(a.name === strategy))
      .map(({ name: each, summary }) => ({ name: each, about: summary })),
  };
}

/** What is opened; undefined if it cannot be. */
async function unlessRefused<T>(opening: Promise<T>): Promise<T | undefined> {
  return opening.catch((error: unknown) => {
    if (!(error instanceof KeepsakeError)) throw error;
    return undefined;
  });
}

/** Makes the empty library on a model. */
export async function chooseModel(
  { kind, model }: Extract<JobRequest, { readonly kind: "choose-model" }>,
  { place: { library } }: Pick<Work, "place">,
): Promise<JobResult> {
  const keepsake = await Keepsake.open(library, { lazy: true, model: await folderOfModel(model) });
  try {
    await keepsake.init({ replacesEmpty: true });
    return { kind };
  } finally {
    await keepsake.close();
  }
}

async function askedModel({ model }: Place): Promise<{ readonly model?: string }> {
  return model === undefined ? {} : { model: await folderOfModel(model) };
}
