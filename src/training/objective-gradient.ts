/**
 * @file One step of a strategy's objective: which predictions it needs of teachers and student, its terms merged to one
 * squared error for each photo and prompt, and the gradient of their sum. UNet evaluations are counted.
 */
import type { Denoiser, DenoisingItem } from "./denoiser.ts";
import type { Trainable } from "./denoising-error.ts";
import { PredictionLoss, squaredError } from "./prediction-loss.ts";
import type { Objective, TeacherName } from "./strategy.ts";

/** One photo of a step: noisy latents, and the prompts that speak of the step's subjects. */
export interface StepItem extends Omit<DenoisingItem, "tokenIds"> {
  /** Token ids of each prompt, the new concept's first. */
  readonly prompts: readonly (readonly number[])[];
  /** What its loss counts beside that of other photos, such as a min-SNR weight. Default 1. */
  readonly weight?: number;
  /** `[height, width]` of the latents: what each pixel of its denoising error counts. Default: 1. */
  readonly mask?: Float32Array;
}

/** UNet evaluations, each of one noisy latent under one prompt. */
export interface Evaluations {
  /** Predictions alone. */
  readonly forward: number;
  /** Predictions with their derivatives. */
  readonly forwardBackward: number;
}

export interface ObjectiveGradient {
  /**
   * Mean over the photos of ‖target - prediction(x_t, t, c_n)‖², the target being ε, or v of a model with v-prediction.
   */
  readonly denoisingError: number;
  /** d objective / d adapter, the mean over the photos. */
  readonly adapterGradient: Float32Array;
  /** d objective / d learned embeddings, the mean over the photos. */
  readonly embeddingsGradient: Float32Array;
  readonly evaluations: Evaluations;
}

/** Predictions by photo and prompt. */
type Predictions = readonly (Float32Array | undefined)[][];

/**
 * The mean gradient of an objective over some photos.
 *
 * Without classifier scores every term has a fixed target, and one evaluation with derivatives for each photo and
 * prompt is all. With scores the weights depend on all errors of a photo, so its predictions are computed first.
 *
 * @param teachers - those that the objective asks for
 * @throws Error for an objective without a term for prompt 0, or one that uses a teacher's prediction it did not ask
 *   for
 */
export async function objectiveGradient(
  objective: Objective,
  items: readonly StepItem[],
  denoiser: Denoiser,
  student: Trainable,
  teachers: Readonly<Partial<Record<TeacherName, Trainable>>>,
): Promise<ObjectiveGradient> {
  let forward = 0;
  /** All in one call: the denoiser batches them. */
  const predict = async (wanted: readonly (readonly number[])[], trainable: Trainable): Promise<Predictions> => {
    const flat = wanted.flatMap((prompts, i) => prompts.map((prompt) => ({ i, prompt })));
    const predicted = await denoiser.predictions(
      flat.map(({ i, prompt }) => itemUnder(items[i], prompt)),
      trainable,
    );
    forward += flat.length;
    const result: (Float32Array | undefined)[][] = items.map(() => []);
    flat.forEach(({ i, prompt }, k) => (result[i][prompt] = predicted[k]));
    return result;
  };

  const taught: Partial<Record<TeacherName, Predictions>> = {};
  for (const name of ["old", "new"] as const) {
    const promptsOf = objective.teachers?.[name];
    if (promptsOf === undefined) continue;
    const teacher = teachers[name];
    if (teacher === undefined) throw new Error(`the objective needs the teacher "${name}"`);
    const wanted = items.map(({ prompts }) => promptsOf(prompts.length));
    taught[name] = await predict(wanted, teacher);
  }
  const losses = items.map(({ target, mask, prompts }, i) => {
    const loss = new PredictionLoss(target, mask);
    const prediction = (teacher: TeacherName, prompt: number) => {
      const found = taught[teacher]?.[i]?.[prompt];
      if (found === undefined) throw new Error(`the teacher "${teacher}" was not asked about prompt ${prompt}`);
      return found;
    };
    objective.addTerms(loss, { prompts: prompts.length, prediction });
    if (!loss.prompts.includes(0)) throw new Error("the objective has no term for prompt 0, which is what is learned");
    return loss;
  });
  const own = losses.some((loss) => loss.needsPredictions)
    ? await predict(
        losses.map((loss) => loss.prompts),
        student,
      )
    : items.map(() => []);

  const terms = losses.flatMap((loss, i) => loss.regressions(own[i]).map((regression) => ({ i, ...regression })));
  const { predictions, errors, adapterGradient, embeddingsGradient } = await denoiser.gradient(
    terms.map(({ i, prompt, weight, target }) => {
      const { weight: itemWeight = 1 } = items[i];
      return { ...itemUnder(items[i], prompt), target, weight: (weight * itemWeight) / items.length };
    }),
    student,
  );
  const denoising = items.map((item, i) => {
    const k = terms.findIndex((term) => term.i === i && term.prompt === 0);
    // The weights of prompt 0 may cancel, but then there are scores and its prediction is known.
    if (k >= 0 && terms[k].target === item.target) return errors[k];
    const prediction = k < 0 ? own[i][0] : predictions[k];
    return prediction === undefined ? NaN : squaredError(prediction, item.target);
  });
  return {
    denoisingError: denoising.reduce((sum, error) => sum + error, 0) / items.length,
    adapterGradient,
    embeddingsGradient,
    evaluations: { forward, forwardBackward: terms.length },
  };
}

function itemUnder({ noisyLatents, timestep, target, timeIds, prompts }: StepItem, prompt: number): DenoisingItem {
  return { noisyLatents, timestep, target, timeIds, tokenIds: prompts[prompt] };
}
