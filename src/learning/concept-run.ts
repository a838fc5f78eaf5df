/**
 * @file Makes the run that learns a concept: what earlier concepts left, the strategy and the request become an
 * adapter, tokens, a plan and compiled programs. Libraries on disk and sequences in memory are both learned this way.
 */
import { checkRankFits } from "../adapters/rank.ts";
import { findAdapterKind } from "../adapters/kinds.ts";
import { parseTargets, selectModules } from "../adapters/modules.ts";
import type { TokenEmbedding } from "../adapters/textual-inversion.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import { NoiseSchedule } from "../diffusion/schedulers/index.ts";
import type { CompiledDenoiser, Denoiser } from "../training/denoiser.ts";
import type { DenoiserPool } from "../training/denoiser-pool.ts";
import { DEFAULT_ADAPTER, lossOf, type AskedAdapter } from "./learn-settings.ts";
import { adaptableModules, newAdapter } from "../adapters/new-adapter.ts";
import type { StrategyMemory, ConceptPlan, Strategy } from "../training/strategy.ts";
import { prepareTokens, runAddress, type RunConcept, type RunTokens } from "./new-tokens.ts";
import type { LossOptions } from "../training/loss-options.ts";
import type { TrainingPhoto } from "../training/photos/encode-photos.ts";
import type { OwnPicture } from "../training/parts/beside-photos.ts";
import { startingAdapter, type MadeAdapter } from "./starting-adapter.ts";
import { TrainingRun } from "../training/training-run.ts";
import type { TrainingSettings } from "../training/training-settings.ts";
import type { TrainingState } from "../training/training-state.ts";

/** A concept that was learned before. */
export interface KnownConcept {
  readonly classNoun: string;
  readonly embedding: TokenEmbedding;
}

/** What earlier concepts left. */
export interface Known {
  readonly concepts: readonly KnownConcept[];
  /**
   * The concept that is taught further, as it is so far: it is none of the others, and shall not be forgotten either.
   */
  readonly itself?: KnownConcept | undefined;
  readonly made?: MadeAdapter | undefined;
  readonly memory: StrategyMemory;
  /** Whose it is, for messages. */
  readonly owner: string;
}

/** Everything of a run that needs no photo. */
export interface PreparedRun {
  readonly strategy: Strategy;
  readonly settings: TrainingSettings;
  readonly known: Known;
  /** One, or several that are learned at once. */
  readonly concepts: readonly RunConcept[];
  readonly made: MadeAdapter;
  readonly tokens: RunTokens;
}

/**
 * @throws KeepsakeError if the adapter that is asked for, the strategy and what is known do not go together, or a token
 * is not possible
 */
export async function prepareRun(
  pipeline: StableDiffusionPipeline,
  request: Omit<PreparedRun, "made" | "tokens"> & { readonly asked: AskedAdapter },
): Promise<PreparedRun> {
  const { asked, ...rest } = request;
  const { strategy, settings, known, concepts } = rest;
  checkAskedRank(pipeline, asked);
  checkPriors(strategy, settings);
  const { seed } = settings;
  const concept = concepts.map(runAddress).join(" ");
  const start = { strategy, asked, known: known.made, owner: known.owner, seed, concept };
  const made = await startingAdapter(pipeline, start);
  const embeddings = known.concepts.map(({ embedding }) => embedding);
  return { ...rest, made, tokens: await prepareTokens(pipeline, embeddings, concepts, strategy, seed) };
}

/** @throws KeepsakeError ("usage") for a rank beyond which every layer has room to spare */
function checkAskedRank(pipeline: StableDiffusionPipeline, { kind, rank, targets }: AskedAdapter): void {
  // The rank of projections is that of what all layers share.
  if (rank === undefined || findAdapterKind(kind).hasProjections) return;
  const layers = parseTargets(targets ?? DEFAULT_ADAPTER.targets);
  checkRankFits(rank, selectModules(adaptableModules(pipeline), layers));
}

/**
 * @throws KeepsakeError ("usage") for prior preservation where no weight is trained that the class could be lost from
 */
function checkPriors({ name, form }: Strategy, { priorWeight = 0 }: TrainingSettings): void {
  if (priorWeight === 0 || form !== "frozen") return;
  const fault = `${name} trains the token alone, so the class cannot be forgotten`;
  throw new KeepsakeError("usage", `${fault}; leave prior preservation (--prior-weight) out.`);
}

/**
 * The run itself. Nothing is compiled before its first step, but for what the strategy's plan needs.
 *
 * @param photos - of each concept
 * @param learnedRows - rows of learned embeddings in the programs; at least those of the run. Default: those.
 * @param savedState - of the same run, to go on from
 * @throws KeepsakeError if the strategy cannot work on this adapter or memory
 */
export async function createRun(
  pipeline: StableDiffusionPipeline,
  pool: DenoiserPool,
  prepared: PreparedRun,
  photos: readonly (readonly TrainingPhoto[])[],
  options: {
    readonly learnedRows?: number;
    readonly savedState?: TrainingState | undefined;
    /** Default: as the settings have it. */
    readonly loss?: LossOptions | undefined;
    /** For prior preservation: see `drawClassPictures`. */
    readonly classPictures?: readonly OwnPicture[] | undefined;
    /** Of {@link ConceptPlan.replay}: see `drawReplayedPictures`. */
    readonly replayedPictures?: readonly (readonly OwnPicture[])[] | undefined;
    /** Of the strategy, if it has been made already: see {@link planOf}. */
    readonly plan?: ConceptPlan | undefined;
    /** Default: the pool's. */
    readonly denoiser?: Denoiser;
  } = {},
): Promise<TrainingRun> {
  const { strategy, settings, known, concepts, made, tokens } = prepared;
  const material = {
    concept: concepts.map(({ name }) => name).join(" "),
    round: concepts[0].round,
    concepts: concepts.map(({ classNoun }, i) => {
      return { token: tokens.initial[i].token, classNoun, photos: photos[i].map((photo) => fitted(photo, tokens)) };
    }),
    earlierTokens: known.concepts.map(({ embedding }) => embedding.token),
    vae: pipeline.vae.config,
    schedule: new NoiseSchedule(pipeline.schedulerConfig),
    denoiser: options.denoiser ?? denoiserOf(pool, prepared, options.learnedRows),
    settings,
    plan: options.plan ?? (await planOf(pipeline, pool, prepared)),
    form: strategy.form,
    loss: options.loss ?? lossOf(settings),
    classPictures: options.classPictures,
    replayedPictures: options.replayedPictures,
    tokenize: tokens.tokenize,
    frozenEmbeddings: tokens.frozen,
  };
  return new TrainingRun(material, { adapter: made.adapter, embedding: tokens.embedding }, options.savedState);
}

/** A sentence that is too long loses its end: the caption is cut first, alike for all subjects that stand in it. */
function fitted(photo: TrainingPhoto, { fitCaption }: RunTokens): TrainingPhoto {
  return photo.caption === undefined ? photo : { ...photo, caption: fitCaption(photo.caption).text || undefined };
}

/**
 * The programs that a run needs; nothing is compiled yet.
 *
 * @param learnedRows - as for {@link createRun}
 */
export function denoiserOf(
  pool: DenoiserPool,
  { made, settings, tokens }: PreparedRun,
  learnedRows = tokens.rows,
): CompiledDenoiser {
  const { resolution, batchSize } = settings;
  return pool.denoiser(made.adapter, { resolution, batchSize, learnedRows });
}

/**
 * How the strategy learns the concept. A plan is for one concept; several at once are learned plainly.
 *
 * @throws KeepsakeError if the strategy cannot work on this adapter or memory
 */
export async function planOf(
  pipeline: StableDiffusionPipeline,
  pool: DenoiserPool,
  { strategy, settings, known, concepts, made, tokens }: PreparedRun,
): Promise<ConceptPlan> {
  const [concept, ...others] = concepts;
  if (others.length > 0) return {};
  // To a strategy, a concept that is taught further is one of those that are to be kept, too.
  const earlier = known.itself === undefined ? known.concepts : [...known.concepts, known.itself];
  const embeddings = earlier.map(({ embedding }) => embedding);
  const plan = await strategy.plan({
    name: concept.name,
    token: tokens.initial[0].token,
    classNoun: concept.classNoun,
    earlier: earlier.map(({ classNoun, embedding }) => ({ classNoun, token: embedding.token })),
    adapter: made.adapter,
    blankAdapter: () => newAdapter(pipeline, made.settings, settings.seed, runAddress(concept)),
    memory: known.memory,
    encodePrompts: (prompts) => pool.encodePrompts(prompts, embeddings),
  });
  await pool.freePromptEncoder();
  return plan;
}
