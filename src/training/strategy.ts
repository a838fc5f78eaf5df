/**
 * @file What a strategy of continual personalization is: how a concept is learned without losing the earlier ones, as
 * data and closed forms that the step loop (`training-run.ts`) carries out. A strategy itself evaluates no network and
 * touches no file.
 */
import type { Adapter } from "../adapters/adapter.ts";
import type { TrainedForm } from "../adapters/stacked-lora.ts";
import type { Concept } from "../prompts/concept.ts";
import { resolveOptions, type OptionSpecs, type OptionValue, type OptionValues } from "./options.ts";
import type { PredictionLoss } from "./prediction-loss.ts";

/** Tensors that a strategy keeps from one concept to the next (the Fisher diagonal, theta*), by name. */
export type StrategyMemory = ReadonlyMap<string, { shape: number[]; data: Float32Array }>;

/**
 * The name of theta*, the adapter's numbers that a strategy pulls back to. It moves along where the adapter is changed.
 */
export const ANCHOR = "anchor";

/**
 * What is kept of an adapter that something else than a strategy has changed: its anchor, if there is one, is there.
 */
export function withAnchorAt(parameters: Float32Array, memory: StrategyMemory): StrategyMemory {
  const anchor = memory.get(ANCHOR);
  return anchor === undefined ? memory : new Map([...memory, [ANCHOR, { ...anchor, data: parameters }]]);
}

/**
 * A frozen network whose predictions a loss is made of: the one before this concept, or one trained on this concept
 * alone.
 */
export type TeacherName = "old" | "new";

/** What an objective's terms are made of, for one photo of a step. */
export interface ObjectiveItem {
  /**
   * Prompts: 0 is the new concept's, 1 the class noun's, the others are those of earlier concepts drawn for this step.
   */
  readonly prompts: number;
  /** A teacher's prediction under a prompt. @throws Error unless the objective asked for it */
  readonly prediction: (teacher: TeacherName, prompt: number) => Float32Array;
}

/** The loss of a photo in the UNet's predictions for its noisy latents, all at the same (t, ε). */
export interface Objective {
  /**
   * How many prompts are wanted: the new concept's, the class noun's, then earlier concepts drawn anew for each step,
   * as far as there are any.
   */
  readonly candidates: number;
  /** Which teachers are evaluated, and under which of `prompts` prompts. */
  readonly teachers?: Readonly<Partial<Record<TeacherName, (prompts: number) => readonly number[]>>>;
  /** Of the classifier's softmax, where the terms take it in. */
  readonly temperature?: number;
  /** Adds the terms of a photo, one of which at least speaks of prompt 0. */
  readonly addTerms: (loss: PredictionLoss, item: ObjectiveItem) => void;
}

/** L_denoise(θ; c_n), and nothing else. */
export const DENOISING: Objective = { candidates: 1, addTerms: (loss) => loss.addSquaredError(0, 1) };

/** A function of the adapter's numbers alone, laid out as `Adapter.parameters`. */
export interface Penalty {
  readonly value: (parameters: Float32Array) => number;
  /** Adds its derivative in place. */
  readonly addGradient: (gradient: Float32Array, parameters: Float32Array) => void;
}

/**
 * Generative replay (Shin et al., NeurIPS 2017): pictures that the network draws before the first step, on which its
 * predictions shall stay what they were. They are in memory only, and drawn again for a run that goes on.
 */
export interface Replay {
  /** What each picture is drawn from, in groups of which each is seen as often, however many prompts it has. */
  readonly prompts: readonly (readonly string[])[];
  /** The noun under which the new photos are a group, too. Default: they are none. */
  readonly photosAs?: string;
  /** Pictures of one step for each photo; rounded up. */
  readonly share: number;
  /** What their error counts beside that of the photos. */
  readonly weight: number;
}

/** The old teacher's prediction is what the student's shall be, and nothing else. */
export const REPLAYING: Objective = {
  candidates: 1,
  teachers: { old: () => [0] },
  addTerms: (loss, { prediction }) => loss.addSquaredError(0, 1, prediction("old", 0)),
};

/** How one concept is learned. Whatever is left out is as in plain sequential training. */
export interface ConceptPlan {
  /** The adapter's numbers before the first step. Default: those of the adapter as it was handed over. */
  readonly start?: Float32Array;
  /** Default {@link DENOISING}. */
  readonly objective?: Objective;
  readonly penalty?: Penalty;
  readonly replay?: Replay;
  /** A linear projection that gradients and parameters are put through, in place: what it takes away is not trained. */
  readonly project?: (array: Float32Array) => void;
  /** Trains the teacher "new" first, with plain denoising and as many steps as the student. */
  readonly teacher?: {
    /** Where it starts. */
    readonly start: Float32Array;
    /** Whether the student begins with the teacher's token. */
    readonly handsOverToken: boolean;
  };
  /** After the last step: the Fisher diagonal, from one gradient for each photo and draw. */
  readonly fisher?: { readonly objective: Objective; readonly draws: number };
  /** What goes on to the next concept. */
  readonly keep?: (end: ConceptEnd) => StrategyMemory;
}

export interface ConceptEnd {
  /** The adapter's numbers after the last step. */
  readonly parameters: Float32Array;
  /** E[g²], if the plan asked for it. */
  readonly fisher?: Float32Array;
}

/** What there is to know when a concept is about to be learned. */
export interface ConceptContext extends Concept {
  /**
   * The concepts learned before, in order; if the concept is one that is taught further, it is itself the last of them.
   */
  readonly earlier: readonly Omit<Concept, "name">[];
  /** The adapter in the strategy's form: what was learned before, ready for the new concept. */
  readonly adapter: Adapter;
  /** A new adapter of the same layout that changes nothing yet. */
  readonly blankAdapter: () => Adapter | Promise<Adapter>;
  /** What the library's strategy kept; empty for the first concept. */
  readonly memory: StrategyMemory;
  /**
   * Outputs of the frozen text encoder, `[positions, width]` for each prompt; the tokens of earlier concepts may be
   * used.
   */
  readonly encodePrompts: (prompts: readonly string[]) => Promise<readonly Float32Array[]>;
}

/** Whether a concept is known already, and taught further: what it was is to be kept as well. */
export function isTaughtFurther({ token, earlier }: Pick<ConceptContext, "token" | "earlier">): boolean {
  return earlier.some((concept) => concept.token === token);
}

/** A strategy with its options set. */
export interface Strategy {
  readonly name: string;
  /** Every option, defaults included. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** What the adapter is made of, and which part of it is trained. */
  readonly form: TrainedForm;
  /** Why it works on a LoRA alone, as a clause; absent: it works on an adapter of any kind. */
  readonly loraOnly?: string;
  /** The targets that it is made for, as `parseTargets` reads them; absent: any. */
  readonly targets?: string;
  /** Where the new token's embedding begins. */
  readonly tokenStart: "class-noun" | "noise";
  /**
   * `one-by-one`: an adapter that lives through all concepts. `separate`: each concept has an adapter of its own.
   * `together`: all concepts at once. The last two are yardsticks: they keep what grows, or photos, so no library can
   * be learned with them.
   */
  readonly order: "one-by-one" | "separate" | "together";
  plan(context: ConceptContext): ConceptPlan | Promise<ConceptPlan>;
}

/** A strategy before its options are set. */
export interface StrategyDefinition {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  readonly options: OptionSpecs;
  /**
   * Options that depend on the model, where nobody says otherwise.
   *
   * @param textWidth - of the model's text, `[positions, width]`
   */
  readonly usualOptions?: (textWidth: number) => Readonly<Record<string, OptionValue>>;
  /** @throws KeepsakeError ("usage") for options that it has not */
  create(given?: Readonly<Record<string, OptionValue>>): Strategy;
}

/** Defines a strategy; `plan` gets its options typed and checked. */
export function defineStrategy<const Specs extends OptionSpecs>(
  definition: Pick<StrategyDefinition, "name" | "summary" | "usualOptions"> &
    Partial<Pick<Strategy, "form" | "loraOnly" | "targets" | "tokenStart" | "order">> & {
      readonly options: Specs;
      /** Overrides of the constant traits, where an option decides. */
      readonly traits?: (options: OptionValues<Specs>) => Partial<Pick<Strategy, "tokenStart" | "form">>;
      readonly plan?: (context: ConceptContext, options: OptionValues<Specs>) => ConceptPlan | Promise<ConceptPlan>;
    },
): StrategyDefinition {
  const {
    name,
    summary,
    options: specs,
    form = "low-rank",
    tokenStart = "class-noun",
    order = "one-by-one",
  } = definition;
  return {
    name,
    summary,
    options: specs,
    usualOptions: definition.usualOptions,
    create(given = {}) {
      const options = resolveOptions(name, specs, given);
      return {
        name,
        options,
        form,
        loraOnly: definition.loraOnly,
        targets: definition.targets,
        tokenStart,
        order,
        ...definition.traits?.(options),
        plan: (context) => definition.plan?.(context, options) ?? {},
      };
    },
  };
}
