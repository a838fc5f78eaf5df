/**
 * @file From a prompt to what the UNet is conditioned on: tokenizer and text encoder, with learned tokens among the ordinary ones.
 */
import { KeepsakeError } from "../errors.ts";
import { type ProgramOptions, input, Program } from "../graph/index.ts";
import type { Component } from "./checkpoint.ts";
import { clipTextModel } from "./clip/clip-text-model.ts";
import { learnedTokenFeeds } from "./clip/text-inputs.ts";
import type { ClipTextConfig } from "./config/clip-config.ts";
import { type AdapterBinding, withAdapter } from "./module.ts";
import { ProgramCache } from "./program-cache.ts";
import type { ClipTokenizer } from "./tokenizer/index.ts";

/** A token that the vocabulary lacks, and the embeddings that stand for it in a prompt. */
export interface LearnedEmbedding {
  /** As written in prompts, e.g. `<mochi>`. */
  readonly token: string;
  /** `[count, hiddenSize]`, row-major. */
  readonly vectors: Float32Array;
  readonly count: number;
}

export interface PromptEncoderOptions {
  readonly learnedEmbeddings?: readonly LearnedEmbedding[];
  readonly adapter?: AdapterBinding | undefined;
  /** Told in one line when a prompt is too long and its end is cut off. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Adds learned tokens to a tokenizer and stacks their embeddings.
 * @returns the rows `[rows, hiddenSize]` in the order of the new ids, which begin at `firstId`.
 * @throws KeepsakeError when an embedding was made for a text encoder of another width, or its token exists already.
 */
export function addLearnedTokens(
  tokenizer: ClipTokenizer,
  learnedEmbeddings: readonly LearnedEmbedding[],
  hiddenSize: number,
): { firstId: number; rows: number; values: Float32Array } {
  const firstId = tokenizer.vocabSize;
  for (const { token, vectors, count } of learnedEmbeddings) {
    if (vectors.length !== count * hiddenSize) {
      throw new KeepsakeError(
        "input",
        `The embedding of ${token} has ${vectors.length / count} numbers per vector, the model's text encoder ${hiddenSize}; ` +
          "it was learned on another model.",
      );
    }
    tokenizer.addTokens(token, count);
  }
  const rows = tokenizer.vocabSize - firstId;
  const values = new Float32Array(rows * hiddenSize);
  let offset = 0;
  for (const { vectors } of learnedEmbeddings) {
    values.set(vectors, offset);
    offset += vectors.length;
  }
  return { firstId, rows, values };
}

/** The text encoder, compiled on first use. */
export class PromptEncoder {
  readonly #component: Component<ClipTextConfig>;
  readonly #newTokenizer: () => ClipTokenizer;
  readonly #programOptions: ProgramOptions;
  readonly #programs = new ProgramCache<Program<"encoderHiddenStates">>();

  /** @param newTokenizer makes a tokenizer without learned tokens. */
  constructor(component: Component<ClipTextConfig>, newTokenizer: () => ClipTokenizer, programOptions: ProgramOptions) {
    this.#component = component;
    this.#newTokenizer = newTokenizer;
    this.#programOptions = programOptions;
  }

  /**
   * Encodes prompts: `[positions, hiddenSize]` for each, row-major.
   * @throws KeepsakeError when a learned embedding does not fit the model.
   */
  async encode(prompts: readonly string[], options: PromptEncoderOptions = {}): Promise<Float32Array[]> {
    const { config } = this.#component;
    const tokenizer = this.#newTokenizer();
    const learned = addLearnedTokens(tokenizer, options.learnedEmbeddings ?? [], config.hiddenSize);
    const positions = tokenizer.modelMaxLength;
    const program = await this.#programs.get(`${learned.rows}`, () =>
      this.#compile(positions, learned.rows, options.adapter),
    );
    const encoded: Float32Array[] = [];
    for (const prompt of prompts) {
      const { inputIds, length, truncated } = tokenizer.encode(prompt);
      if (truncated) {
        const used = `The prompt has ${length} tokens, only the first ${positions} are used`;
        const lost = lostTokens(tokenizer, prompt, inputIds, options.learnedEmbeddings ?? []);
        const advice = lost === "" ? "" : `, and ${lost} is in the part that is cut off; write it earlier`;
        options.onWarning?.(`${used}${advice}: ${shortened(prompt)}`);
      }
      const feeds = learnedTokenFeeds([inputIds], learned.firstId, learned.rows);
      const all = { ...options.adapter?.feeds(), ...feeds, learnedEmbeddings: learned.values };
      encoded.push((await program.run(onlyInputs(program, all))).encoderHiddenStates);
    }
    return encoded;
  }

  /** Frees the compiled programs; they are tied to an adapter. */
  async clear(): Promise<void> {
    await this.#programs.clear();
  }

  async #compile(
    positions: number,
    learnedRows: number,
    adapter: AdapterBinding | undefined,
  ): Promise<Program<"encoderHiddenStates">> {
    const { config, weights } = this.#component;
    const { lastHiddenState } = clipTextModel(withAdapter(weights.frozen(), "text_encoder", adapter), config, {
      inputIds: input("inputIds", [1, positions], "int32"),
      ...(learnedRows > 0 && {
        learned: {
          embeddings: input("learnedEmbeddings", [learnedRows, config.hiddenSize]),
          ids: input("learnedIds", [1, positions], "int32"),
          mask: input("learnedMask", [1, positions]),
        },
      }),
    });
    return Program.create({ encoderHiddenStates: lastHiddenState }, this.#programOptions);
  }
}

/** Of all values, those that a program takes: an adapter feeds several programs, and not each has all of its layers. */
export function onlyInputs<T>(program: Program, values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => program.inputs.has(name)));
}

/** The learned tokens of a prompt of which nothing, or not all of their embeddings, is among the ids that are left of it. */
function lostTokens(
  tokenizer: ClipTokenizer,
  prompt: string,
  inputIds: Int32Array,
  learnedEmbeddings: readonly LearnedEmbedding[],
): string {
  const all = new Set(tokenizer.tokenIds(prompt));
  const lost = learnedEmbeddings.filter(({ token }) => {
    const ids = tokenizer.tokenIds(token);
    return ids.every((id) => all.has(id)) && !ids.every((id) => inputIds.includes(id));
  });
  return lost.map(({ token }) => token).join(", ");
}

/** The beginning of a prompt, quoted, without line breaks and control characters. */
function shortened(prompt: string): string {
  return JSON.stringify(prompt.length > 60 ? `${prompt.slice(0, 57)}...` : prompt);
}
