/**
 * @file Files from elsewhere that pictures are drawn with, beside what the library has learned: LoRAs, and embeddings
 * of tokens.
 */
import { basename } from "node:path";
import { plainTokenName, readBundledEmbeddings, readLora } from "../../adapters/formats/index.ts";
import { adaptableModules } from "../../adapters/new-adapter.ts";
import { readTokenEmbeddings } from "../../adapters/formats/token-embedding.ts";
import type { TokenEmbedding } from "../../adapters/textual-inversion.ts";
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { KeepsakeError } from "../../errors.ts";
import { checkReal, REAL_LIMITS } from "../../limits.ts";
import type { WeightedAdapter } from "../adapter-slot.ts";

/** Files that go into a drawing. */
export interface ExtraFiles {
  /** LoRAs, as any program writes them, each with its strength (default 1). */
  readonly loras?: readonly { readonly file: string; readonly scale?: number }[];
  /** Textual-inversion embeddings. In prompts they are called as the file calls its token, or `<name of the file>`. */
  readonly embeddings?: readonly string[];
}

/** What is in the files. */
export interface Extras {
  readonly adapters: readonly WeightedAdapter[];
  readonly embeddings: readonly TokenEmbedding[];
  /** One line each. */
  readonly warnings: readonly string[];
}

/**
 * Reads the files for a drawing.
 *
 * @param prompts - everything that is drawn, for hints
 * @param known - the library's tokens, which files cannot replace
 * @throws KeepsakeError for a file that is no LoRA or no embedding, is for another model, or whose token cannot be one
 */
export async function readExtras(
  pipeline: StableDiffusionPipeline,
  { loras = [], embeddings = [] }: ExtraFiles,
  prompts: string,
  known: readonly TokenEmbedding[],
): Promise<Extras> {
  const { width } = pipeline.text;
  const modules = adaptableModules(pipeline);
  const names = new TokenNames(pipeline, known);
  const adapters: WeightedAdapter[] = [];
  const tokens: TokenEmbedding[] = [];
  const warnings: string[] = [];
  for (const { file, scale = 1 } of loras) {
    checkReal(`The strength of ${file}`, scale, REAL_LIMITS.adapterScale);
    adapters.push({ adapter: await readLora(file, modules), scale });
    for (const embedding of await readBundledEmbeddings(file, width)) {
      if (names.take(embedding.token, embedding.count)) tokens.push(embedding);
      else warnings.push(`${file} brings ${embedding.token}, which is known already; the one that was known is drawn.`);
    }
  }
  for (const file of embeddings) {
    const found = await readTokenEmbeddings(file, { width });
    const stem = basename(file).replace(/\.[^.]+$/, "");
    const called = found.flatMap((embedding) => {
      const { token } = embedding;
      const possible = new Set([token, `<${plainTokenName(token)}>`, ...(found.length === 1 ? [`<${stem}>`] : [])]);
      const taken = [...possible].filter((name) => names.take(name, embedding.count));
      // A kohya file brings what also lies beside it for ComfyUI: given both, they say the same.
      const again = [...known, ...tokens].filter((other) => possible.has(other.token) && areSame(other, embedding));
      if (taken.length === 0 && again.length === 0) throw cannotBeCalled(file, [...possible]);
      tokens.push(...taken.map((name) => ({ ...embedding, token: name })));
      return [...taken, ...again.map((other) => other.token)];
    });
    if (!called.some((name) => prompts.toLowerCase().includes(name.toLowerCase()))) {
      warnings.push(`${file} is not used: write ${called.join(" or ")} in the prompt where it is to be seen.`);
    }
  }
  return { adapters, embeddings: tokens, warnings };
}

/** The words that a tokenizer can still take for tokens. */
class TokenNames {
  readonly #tokenizer;

  constructor(pipeline: StableDiffusionPipeline, known: readonly TokenEmbedding[]) {
    this.#tokenizer = pipeline.newTokenizer();
    for (const { token, count } of known) this.#tokenizer.addTokens(token, count);
  }

  /** @returns false for a word that is taken, or no single word */
  take(token: string, count: number): boolean {
    try {
      this.#tokenizer.addTokens(token, count);
      return true;
    } catch (error) {
      if (error instanceof KeepsakeError) return false;
      throw error;
    }
  }
}

function areSame(a: TokenEmbedding, b: TokenEmbedding): boolean {
  return a.vectors.length === b.vectors.length && a.vectors.every((value, i) => value === b.vectors[i]);
}

function cannotBeCalled(file: string, names: readonly string[]): KeepsakeError {
  const fault = `${file}: its token cannot be called ${names.join(" or ")}, as these are taken or no single words`;
  return new KeepsakeError("input", `${fault}; give the file another name.`);
}
