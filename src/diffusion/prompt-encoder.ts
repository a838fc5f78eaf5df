/**
 * @file From a prompt to what the UNet is conditioned on: tokenizers and text encoders, with learned tokens among the
 * ordinary ones.
 */
import { KeepsakeError } from "../errors.ts";
import { type ProgramOptions, input, Program } from "../graph/index.ts";
import { concatenated } from "./flat-arrays.ts";
import type { AdapterBinding } from "./module.ts";
import { ProgramCache } from "./program-cache.ts";
import { type PromptChunk, promptChunks, weighted } from "./prompt/prompt-chunks.ts";
import type { Conditioning, TextConditioning } from "./text-conditioning.ts";
import type { PromptTokenizer } from "./tokenizer/index.ts";

/** A token that the vocabulary lacks, and the embeddings that stand for it in a prompt. */
export interface LearnedEmbedding {
  /** As written in prompts, e.g. `<mochi>`. */
  readonly token: string;
  /** `[count, width]`, row-major; of SDXL those of both text encoders side by side. */
  readonly vectors: Float32Array;
  readonly count: number;
}

export interface PromptEncoderOptions {
  readonly learnedEmbeddings?: readonly LearnedEmbedding[];
  readonly adapter?: AdapterBinding | undefined;
}

/** Prompts as they are drawn: with weights, in chunks. */
export interface ReadPrompts {
  /** Equally many chunks of each; undefined where no prompt is zeros to the model. */
  readonly prompts: readonly (readonly PromptChunk[] | undefined)[];
  /** Chunks of each. */
  readonly chunks: number;
  readonly learned: LearnedRows;
}

/** Embeddings of learned tokens: `[rows, width]`, row-major. */
interface LearnedRows {
  readonly rows: number;
  readonly values: Float32Array;
}

/**
 * Adds learned tokens to a tokenizer and stacks their embeddings.
 * @param width - of the model's learned tokens, `TextConditioning.width`
 * @returns the rows `[rows, width]` in the order of the new ids
 * @throws KeepsakeError when an embedding was made for text encoders of another width, or its token exists already.
 */
export function addLearnedTokens(
  tokenizer: PromptTokenizer,
  learnedEmbeddings: readonly LearnedEmbedding[],
  width: number,
): LearnedRows {
  const firstId = tokenizer.vocabSize;
  for (const { token, vectors, count } of learnedEmbeddings) {
    if (vectors.length !== count * width) {
      throw new KeepsakeError(
        "input",
        `The embedding of ${token} has ${vectors.length / count} numbers per vector, the model's text encoder ${width}; ` +
          "it was learned on another model.",
      );
    }
    tokenizer.addTokens(token, count);
  }
  const rows = tokenizer.vocabSize - firstId;
  const values = new Float32Array(rows * width);
  let offset = 0;
  for (const { vectors } of learnedEmbeddings) {
    values.set(vectors, offset);
    offset += vectors.length;
  }
  return { rows, values };
}

/** The text encoders, compiled on first use. */
export class PromptEncoder {
  readonly #text: TextConditioning;
  readonly #programOptions: ProgramOptions;
  readonly #programs = new ProgramCache<Program>();

  constructor(text: TextConditioning, programOptions: ProgramOptions) {
    this.#text = text;
    this.#programOptions = programOptions;
  }

  /**
   * Encodes texts as they stand, each by itself: what is beyond the encoder's length is left out.
   * @param prompts undefined: no prompt, which is zeros to some models and the empty prompt to others.
   * @throws KeepsakeError when a learned embedding does not fit the model.
   */
  async encode(
    prompts: readonly (string | undefined)[],
    options: PromptEncoderOptions = {},
  ): Promise<Conditioning<Float32Array>[]> {
    const tokenizer = this.#text.newTokenizer();
    const learned = addLearnedTokens(tokenizer, options.learnedEmbeddings ?? [], this.#text.width);
    const encoded: Conditioning<Float32Array>[] = [];
    for (const prompt of prompts) {
      const isNone = prompt === undefined && this.#text.zerosWithoutPrompt;
      encoded.push(isNone ? this.#zeros() : await this.#run(tokenizer.encode(prompt ?? "").inputIds, learned, options));
    }
    return encoded;
  }

  /**
   * Reads prompts that are to be drawn together: with weights and BREAK, in as many chunks as the longest needs. The
   * others are filled up with empty ones (AUTOMATIC1111: `modules/sd_samplers_cfg_denoiser.py`, `pad_cond_uncond`).
   *
   * @param prompts - undefined: as for {@link PromptEncoder.encode}
   * @throws KeepsakeError when a learned embedding does not fit the model, or a prompt cannot be encoded
   */
  read(prompts: readonly (string | undefined)[], learnedEmbeddings: readonly LearnedEmbedding[]): ReadPrompts {
    const tokenizer = this.#text.newTokenizer();
    const learned = addLearnedTokens(tokenizer, learnedEmbeddings, this.#text.width);
    const split = prompts.map((prompt) =>
      prompt === undefined && this.#text.zerosWithoutPrompt ? undefined : promptChunks(tokenizer, prompt ?? ""),
    );
    const chunks = Math.max(1, ...split.map((each) => each?.length ?? 1));
    const [empty] = promptChunks(tokenizer, "");
    const fill = (own: readonly PromptChunk[]) => [...own, ...new Array<PromptChunk>(chunks - own.length).fill(empty)];
    return { prompts: split.map((own) => own && fill(own)), chunks, learned };
  }

  /**
   * Encodes prompts that were read: `[chunks × positions, width]` each, and the pooled embedding of the first chunk,
   * which has no weights.
   *
   * @param clipSkip - which layer to take, counted from the last; default: the one of the model's training
   * @throws KeepsakeError for weights that leave no numbers
   */
  async encodeRead(
    { prompts, chunks, learned }: ReadPrompts,
    options: Pick<PromptEncoderOptions, "adapter"> & { readonly clipSkip?: number | undefined } = {},
  ): Promise<Conditioning<Float32Array>[]> {
    const encoded: Conditioning<Float32Array>[] = [];
    for (const prompt of prompts) {
      if (prompt === undefined) {
        encoded.push(this.#zeros(chunks));
        continue;
      }
      const states: Float32Array[] = [];
      let textEmbeds: Float32Array | undefined;
      for (const { inputIds, weights } of prompt) {
        const own = await this.#run(inputIds, learned, options);
        states.push(weighted(own.encoderHiddenStates, weights, this.#text));
        textEmbeds ??= own.textEmbeds;
      }
      encoded.push({ encoderHiddenStates: concatenated(states), textEmbeds });
    }
    return encoded;
  }

  /** Frees the compiled programs; they are tied to an adapter. */
  async clear(): Promise<void> {
    await this.#programs.clear();
  }

  #zeros(chunks = 1): Conditioning<Float32Array> {
    const { positions, width, projectionDim } = this.#text;
    return {
      encoderHiddenStates: new Float32Array(chunks * positions * width),
      ...(projectionDim !== undefined && { textEmbeds: new Float32Array(projectionDim) }),
    };
  }

  async #run(
    inputIds: Int32Array,
    { rows, values }: LearnedRows,
    {
      adapter,
      clipSkip = 1,
    }: { readonly adapter?: AdapterBinding | undefined; readonly clipSkip?: number | undefined },
  ): Promise<Conditioning<Float32Array>> {
    const program = await this.#programs.get(`${rows}/${clipSkip}`, () => this.#compile(rows, adapter, clipSkip));
    const all = { ...adapter?.feeds(), ...this.#text.feeds([inputIds], rows), learnedEmbeddings: values };
    const { encoderHiddenStates, textEmbeds } = await program.run(onlyInputs(program, all));
    return { encoderHiddenStates, textEmbeds };
  }

  async #compile(learnedRows: number, adapter: AdapterBinding | undefined, clipSkip: number): Promise<Program> {
    const learned = learnedRows > 0 ? input("learnedEmbeddings", [learnedRows, this.#text.width]) : undefined;
    const { encoderHiddenStates, textEmbeds } = this.#text.trace(1, { adapter, learned, clipSkip });
    const outputs = { encoderHiddenStates, ...(textEmbeds !== undefined && { textEmbeds }) };
    return Program.create<string>(outputs, this.#programOptions);
  }
}

/** Of all values, those that a program takes: an adapter feeds several programs, and not each has all of its layers. */
export function onlyInputs<T>(program: Program, values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => program.inputs.has(name)));
}
