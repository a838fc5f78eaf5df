/**
 * @file From a prompt to what the UNet is conditioned on: tokenizers and text encoders, with learned tokens among the
 * ordinary ones.
 */
import { KeepsakeError } from "../errors.ts";
import { type ProgramOptions, input, Program } from "../graph/index.ts";
import type { AdapterBinding } from "./module.ts";
import { ProgramCache } from "./program-cache.ts";
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
  /** Told in one line when a prompt is too long and its end is cut off. */
  readonly onWarning?: ((message: string) => void) | undefined;
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
): { rows: number; values: Float32Array } {
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
   * Encodes prompts, each by itself.
   * @param prompts undefined: no prompt, which is zeros to some models and the empty prompt to others.
   * @throws KeepsakeError when a learned embedding does not fit the model.
   */
  async encode(
    prompts: readonly (string | undefined)[],
    options: PromptEncoderOptions = {},
  ): Promise<Conditioning<Float32Array>[]> {
    const tokenizer = this.#text.newTokenizer();
    const learned = addLearnedTokens(tokenizer, options.learnedEmbeddings ?? [], this.#text.width);
    const program = await this.#programs.get(`${learned.rows}`, () => this.#compile(learned.rows, options.adapter));
    const encoded: Conditioning<Float32Array>[] = [];
    for (const prompt of prompts) {
      if (prompt === undefined && this.#text.zerosWithoutPrompt) {
        encoded.push(this.#zeros());
        continue;
      }
      const { inputIds, length, truncated } = tokenizer.encode(prompt ?? "");
      if (truncated) {
        const used = `The prompt has ${length} tokens, only the first ${this.#text.positions} are used`;
        const lost = lostTokens(tokenizer, prompt ?? "", inputIds, options.learnedEmbeddings ?? []);
        const advice = lost === "" ? "" : `, and ${lost} is in the part that is cut off; write it earlier`;
        options.onWarning?.(`${used}${advice}: ${shortened(prompt ?? "")}`);
      }
      const feeds = this.#text.feeds([inputIds], learned.rows);
      const all = { ...options.adapter?.feeds(), ...feeds, learnedEmbeddings: learned.values };
      const { encoderHiddenStates, textEmbeds } = await program.run(onlyInputs(program, all));
      encoded.push({ encoderHiddenStates, textEmbeds });
    }
    return encoded;
  }

  /** Frees the compiled programs; they are tied to an adapter. */
  async clear(): Promise<void> {
    await this.#programs.clear();
  }

  #zeros(): Conditioning<Float32Array> {
    const { positions, width, projectionDim } = this.#text;
    return {
      encoderHiddenStates: new Float32Array(positions * width),
      ...(projectionDim !== undefined && { textEmbeds: new Float32Array(projectionDim) }),
    };
  }

  async #compile(learnedRows: number, adapter: AdapterBinding | undefined): Promise<Program> {
    const learned = learnedRows > 0 ? input("learnedEmbeddings", [learnedRows, this.#text.width]) : undefined;
    const { encoderHiddenStates, textEmbeds } = this.#text.trace(1, { adapter, learned });
    const outputs = { encoderHiddenStates, ...(textEmbeds !== undefined && { textEmbeds }) };
    return Program.create<string>(outputs, this.#programOptions);
  }
}

/** Of all values, those that a program takes: an adapter feeds several programs, and not each has all of its layers. */
export function onlyInputs<T>(program: Program, values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => program.inputs.has(name)));
}

/** The learned tokens of a prompt of which nothing, or not all of their embeddings, is among the ids that are left of it. */
function lostTokens(
  tokenizer: PromptTokenizer,
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
