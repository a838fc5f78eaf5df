/**
 * @file What the UNet is conditioned on, from a model's text encoders: one (Stable Diffusion 1.x and 2.x), or two side
 * by side, the second of which also gives a pooled embedding (SDXL: Podell et al. 2023; diffusers:
 * pipelines/stable_diffusion_xl, `encode_prompt`). Whoever draws, trains or classifies asks here and need not know how
 * many there are.
 */
import { concat, input, slice, type Tensor } from "../graph/index.ts";
import { clipTextModel, textFinalNorm, textProjection } from "./clip/clip-text-model.ts";
import { endOfTextRows, learnedTokenFeeds } from "./clip/text-inputs.ts";
import type { Component } from "./component.ts";
import { KeepsakeError } from "../errors.ts";
import type { ClipTextConfig } from "./config/clip-config.ts";
import { type AdapterBinding, type TextComponent, withAdapter } from "./module.ts";
import { PromptTokenizer } from "./tokenizer/prompt-tokenizer.ts";
import type { TokenizerFolder } from "./tokenizer/tokenizer-folder.ts";
import type { Weights } from "./weights.ts";

/** One text encoder of a model, with the tokenizer that it was trained with. */
export interface TextEncoder extends Component<ClipTextConfig> {
  readonly component: TextComponent;
  readonly tokenizer: TokenizerFolder;
  /** Which layer the UNet attends to: the last one, normed, or the last but one as it is. */
  readonly output: "last" | "penultimate";
}

/** Text as the UNet takes it. */
export interface Conditioning<Value> {
  /** `[N, positions, width]` */
  readonly encoderHiddenStates: Value;
  /** `[N, projectionDim]`, where the model has a projection. */
  readonly textEmbeds?: Value;
}

/** The text encoders of a model, as one. */
export class TextConditioning {
  readonly encoders: readonly TextEncoder[];
  /** Whether no prompt is zeros to the UNet, and not the empty prompt: diffusers' `force_zeros_for_empty_prompt`. */
  readonly zerosWithoutPrompt: boolean;

  constructor(encoders: readonly TextEncoder[], options: { readonly zerosWithoutPrompt?: boolean } = {}) {
    this.encoders = encoders;
    this.zerosWithoutPrompt = options.zerosWithoutPrompt ?? false;
  }

  /** Width of each encoder's embeddings. */
  get widths(): readonly number[] {
    return this.encoders.map(({ config }) => config.hiddenSize);
  }

  /** Width of what the UNet gets for each token, and of a learned token's vector: all encoders', side by side. */
  get width(): number {
    return this.widths.reduce((sum, width) => sum + width, 0);
  }

  /** Width of the pooled embedding; undefined: there is none. */
  get projectionDim(): number | undefined {
    return this.encoders.find(({ config }) => config.projectionDim !== undefined)?.config.projectionDim;
  }

  /** Tokens of a prompt, padded. */
  get positions(): number {
    return this.encoders[0].tokenizer.modelMaxLength;
  }

  /** A tokenizer without learned tokens. */
  newTokenizer(): PromptTokenizer {
    return new PromptTokenizer(this.encoders.map(({ tokenizer }) => tokenizer));
  }

  /**
   * The encoders as a graph over inputs that {@link feeds} fills.
   *
   * @param options - `learned`: `[rows, width]`, embeddings of tokens that the vocabulary lacks; `clipSkip`: which
   *   layer the UNet attends to, counted from the last, 1
   */
  trace(
    batch: number,
    options: { adapter?: AdapterBinding; learned?: Tensor; clipSkip?: number } = {},
  ): Conditioning<Tensor> {
    return traceTextEncoders(this.encoders, [batch, this.positions], options);
  }

  /** @throws KeepsakeError ("usage") for a layer that a text encoder does not have */
  checkClipSkip(clipSkip: number): void {
    const layers = Math.min(...this.encoders.map(({ config }) => config.numHiddenLayers));
    if (Number.isInteger(clipSkip) && clipSkip >= 1 && clipSkip <= layers) return;
    const fault = `Clip skip is ${clipSkip}, and this model's text encoder has ${layers} layers`;
    throw new KeepsakeError("usage", `${fault}; give a whole number from 1, the last layer, to ${layers}.`);
  }

  /**
   * What to feed for prompts. Not each program takes all of it.
   *
   * @param prompts - ids of each, as {@link PromptTokenizer.encode} gives them
   * @param learnedRows - how many learned embeddings there are
   * @throws KeepsakeError for ids that are neither of the vocabulary nor learned
   */
  feeds(prompts: readonly ArrayLike<number>[], learnedRows: number): Record<string, Float32Array | Int32Array> {
    const feeds: Record<string, Float32Array | Int32Array> = {};
    for (const [index, { config, tokenizer }] of this.encoders.entries()) {
      const { vocabSize } = tokenizer;
      const first = index * this.positions;
      const own = prompts.map((ids) => Array.from(ids).slice(first, first + this.positions));
      const rows: Record<string, Int32Array> =
        config.projectionDim === undefined ? {} : { endOfTextRows: endOfTextRows(own, { ...config, vocabSize }) };
      const values = { ...learnedTokenFeeds(own, vocabSize, learnedRows), ...rows };
      for (const [name, array] of Object.entries<Int32Array | Float32Array>(values))
        feeds[inputName(name, index)] = array;
    }
    return feeds;
  }
}

/** What of a text encoder is traced. */
export interface TracedTextEncoder extends Pick<TextEncoder, "component" | "output" | "config"> {
  readonly weights: Pick<Weights, "frozen">;
}

/**
 * Text encoders side by side as a graph; see {@link TextConditioning.trace}.
 *
 * @param shape - `[batch, positions]`
 * @param clipSkip - which layer the UNet attends to, counted from the last, 1. Default: the one of its training, which
 *   is the last, or SDXL's last but one
 */
export function traceTextEncoders(
  encoders: readonly TracedTextEncoder[],
  shape: readonly [number, number],
  {
    adapter,
    learned,
    clipSkip = 1,
  }: { readonly adapter?: AdapterBinding; readonly learned?: Tensor; readonly clipSkip?: number } = {},
): Conditioning<Tensor> {
  let textEmbeds: Tensor | undefined;
  let column = 0;
  const states = encoders.map((encoder, index) => {
    const { config, weights, component, output } = encoder;
    const inputOf = (name: string) => input(inputName(name, index), shape, "int32");
    const context = withAdapter(weights.frozen(), component, adapter);
    const { lastHiddenState, hiddenStates } = clipTextModel(context, config, {
      inputIds: inputOf("inputIds"),
      ...(learned !== undefined && {
        learned: {
          embeddings: columnsOf(learned, column, config.hiddenSize),
          ids: inputOf("learnedIds"),
          mask: input(inputName("learnedMask", index), shape),
        },
      }),
    });
    column += config.hiddenSize;
    if (config.projectionDim !== undefined) {
      const rows = input(inputName("endOfTextRows", index), shape.slice(0, 1), "int32");
      textEmbeds = textProjection(context, config.projectionDim, lastHiddenState, rows);
    }
    // SDXL: the layer as it is, and never the last one, so that 1 and 2 are the layer of its training, as in Forge
    // (`ClassicTextProcessingEngine`). Others: with the final norm, as in AUTOMATIC1111's program
    // (`modules/sd_hijack_clip.py`) and in diffusers.
    if (output === "penultimate") return hiddenStates[hiddenStates.length - Math.max(2, clipSkip)];
    if (clipSkip === 1) return lastHiddenState;
    return textFinalNorm(context, config, hiddenStates[hiddenStates.length - clipSkip]);
  });
  return {
    encoderHiddenStates: states.length === 1 ? states[0] : concat(states, 2),
    ...(textEmbeds !== undefined && { textEmbeds }),
  };
}

/** The names of the first encoder's inputs say nothing of there being others. */
function inputName(name: string, encoder: number): string {
  return encoder === 0 ? name : `${name} ${encoder + 1}`;
}

function columnsOf(matrix: Tensor, from: number, width: number): Tensor {
  return slice(matrix, [0, from], [matrix.shape[0], from + width]);
}
