/**
 * @file The tokens of a run: those of earlier concepts, frozen, and the new ones with their first embeddings.
 */
import {
  sideBySide,
  tokenFromNoise,
  tokenFromNoun,
  type EmbeddingTable,
  type TokenEmbedding,
} from "../adapters/textual-inversion.ts";
import { concatenated } from "../diffusion/flat-arrays.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { addLearnedTokens } from "../diffusion/prompt-encoder.ts";
import type { TextEncoder } from "../diffusion/text-conditioning.ts";
import type { PromptTokenizer } from "../diffusion/tokenizer/index.ts";
import { KeepsakeError } from "../errors.ts";
import { RandomStream } from "../random/random.ts";
import type { Concept } from "../prompts/concept.ts";
import { tokenOf } from "../prompts/concept-name.ts";
import { fillTemplate, PROMPT_TEMPLATES } from "../prompts/prompt-templates.ts";
import type { Strategy } from "../training/strategy.ts";

/** A concept that is to be learned, without its photos. */
export interface RunConcept extends Omit<Concept, "token"> {
  /** Embeddings that the token stands for. Default 1. */
  readonly vectors?: number;
  /** Its embedding so far, if it is taught further. Default: it begins as the strategy has it. */
  readonly start?: TokenEmbedding | undefined;
  /** Which of its training runs this is, if not the first: it has random numbers of its own. */
  readonly round?: number | undefined;
}

/** Addresses the random draws of a concept's run. */
export function runAddress({ name, round }: RunConcept): string {
  // No name holds a #.
  return round === undefined ? name : `${name}#${round}`;
}

export interface RunTokens {
  /** Of each new concept, at the start. */
  readonly initial: readonly TokenEmbedding[];
  /** All of `initial`, `[rows, width]`. */
  readonly embedding: Float32Array;
  /** Embeddings of the earlier concepts' tokens, `[rows, width]`. */
  readonly frozen: Float32Array;
  /** Rows of earlier tokens and the new ones together. */
  readonly rows: number;
  /** Token ids of a prompt, padded. */
  readonly tokenize: (prompt: string) => readonly number[];
  /** A caption, cut so that it fits every sentence of the run. */
  readonly fitCaption: (caption: string) => FittedCaption;
}

/** A caption and what is used of it. */
export interface FittedCaption {
  readonly text: string;
  /** Of the whole caption. */
  readonly tokens: number;
  /** Of `text`; fewer if it was cut. */
  readonly used: number;
}

/**
 * A new token starts as the mean of the embeddings of its class noun's tokens, or as noise; one that is taught further,
 * as it is.
 *
 * @throws KeepsakeError if a noun is nothing, or a token stands for more embeddings than a prompt can hold
 */
export async function prepareTokens(
  pipeline: StableDiffusionPipeline,
  earlier: readonly TokenEmbedding[],
  concepts: readonly RunConcept[],
  { tokenStart }: Pick<Strategy, "tokenStart">,
  seed: number,
): Promise<RunTokens> {
  const { text } = pipeline;
  const tokenizer = text.newTokenizer();
  const nounIds = concepts.map(({ classNoun }) => tokenizer.tokenIds(classNoun));
  const learned = addLearnedTokens(tokenizer, earlier, text.width);
  for (const { name, vectors = 1 } of concepts) {
    const token = tokenOf(name);
    tokenizer.addTokens(token, vectors);
    const longest = Math.max(...PROMPT_TEMPLATES.map((text) => tokenizer.encode(fillTemplate(text, token)).length));
    if (longest > tokenizer.modelMaxLength) {
      const most = vectors - (longest - tokenizer.modelMaxLength);
      throw new KeepsakeError(
        "usage",
        `${vectors} vectors do not fit a prompt of ${tokenizer.modelMaxLength} tokens; at most ${most} do.`,
      );
    }
  }
  const nouns = concepts.map(({ classNoun }) => classNoun);
  const subjects = [...concepts.map(({ name }) => tokenOf(name)), ...nouns, ...earlier.map(({ token }) => token)];
  const room = captionRoom(tokenizer, subjects);
  const parts: TokenEmbedding[][] = [];
  for (const encoder of text.encoders) {
    const table = await embeddingTable(encoder);
    parts.push(
      concepts.map(({ name, vectors = 1 }, i) =>
        tokenStart === "noise"
          ? tokenFromNoise(tokenOf(name), table, noiseOf(seed, name, encoder), vectors)
          : tokenFromNoun(tokenOf(name), table, nounIds[i], vectors),
      ),
    );
  }
  const initial = concepts.map(({ start }, i) => start ?? sideBySide(parts.map((embeddings) => embeddings[i])));
  return {
    initial,
    embedding: concatenated(initial.map(({ vectors }) => vectors)),
    frozen: learned.values,
    rows: learned.rows + initial.reduce((sum, { count }) => sum + count, 0),
    tokenize: (prompt) => [...tokenizer.encode(prompt).inputIds],
    fitCaption: (caption) => fitCaption(tokenizer, caption, room),
  };
}

/** The embeddings of a text encoder's vocabulary. */
export async function embeddingTable({ config, weights }: TextEncoder): Promise<EmbeddingTable> {
  const values = await weights.readFloat32("text_model.embeddings.token_embedding.weight");
  return { values, width: config.hiddenSize };
}

/** Each text encoder has noise of its own. */
function noiseOf(seed: number, name: string, { component }: TextEncoder): RandomStream {
  return new RandomStream(seed, "token", name, ...(component === "text_encoder" ? [] : [component]));
}

/** Ids that the longest training sentence about any of the subjects leaves for a caption. */
function captionRoom(tokenizer: PromptTokenizer, subjects: readonly string[]): number {
  const sentences = subjects.flatMap((subject) => PROMPT_TEMPLATES.map((text) => fillTemplate(text, subject)));
  const longest = Math.max(...sentences.map((sentence) => tokenizer.encode(sentence).length));
  return Math.max(0, tokenizer.modelMaxLength - longest);
}

/** The beginning of a caption that takes at most `room` ids, up to the end of a word where there is one. */
function fitCaption(tokenizer: PromptTokenizer, caption: string, room: number): FittedCaption {
  const count = (text: string) => tokenizer.tokenIds(text).length;
  const tokens = count(caption);
  if (tokens <= room) return { text: caption, tokens, used: tokens };
  const characters = Array.from(caption);
  let [fits, tooLong] = [0, characters.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (count(characters.slice(0, middle).join("")) <= room) fits = middle;
    else tooLong = middle;
  }
  const beginning = characters.slice(0, fits).join("");
  const isEndOfWord = characters[fits] === " ";
  const words = isEndOfWord ? beginning : beginning.slice(0, Math.max(0, beginning.lastIndexOf(" ")));
  const text = (words === "" ? beginning : words).trim();
  return { text, tokens, used: count(text) };
}

/** The new tokens with the embeddings that a run ended with. */
export function learnedTokens({ initial }: RunTokens, embedding: Float32Array): TokenEmbedding[] {
  let offset = 0;
  return initial.map((token) => {
    const vectors = embedding.slice(offset, offset + token.vectors.length);
    offset += vectors.length;
    return { ...token, vectors };
  });
}
