/**
 * @file A LoRA, or an embedding of a token, from another program or another library, as a concept of this one.
 */
import { basename } from "node:path";
import { plainTokenName, readBundledEmbeddings, readLora } from "../../adapters/formats/index.ts";
import { TRIGGER_PHRASE } from "../../adapters/formats/modelspec.ts";
import { openSources } from "../../adapters/formats/sources.ts";
import { adaptableModules, newAdapter } from "../../adapters/new-adapter.ts";
import { readTokenEmbeddings } from "../../adapters/formats/token-embedding.ts";
import { sideBySide, type TokenEmbedding } from "../../adapters/textual-inversion.ts";
import { concatenated } from "../../diffusion/flat-arrays.ts";
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { KeepsakeError, shown } from "../../errors.ts";
import { adapterSettings, settingsOfEntry } from "../../learning/learn-settings.ts";
import { embeddingTable, prepareTokens } from "../../learning/new-tokens.ts";
import type { Library } from "../../library/library.ts";
import { lockLibrary } from "../../library/library-folder.ts";
import { refuseUnfinishedRun } from "../../library/run/unfinished-run.ts";
import { conceptName, checkClassNoun, tokenOf } from "../../prompts/concept-name.ts";
import { openLibraryAndModel } from "../planning/prepare-learning.ts";
import type { LoadedModel, Session } from "../session.ts";
import { adapterOfImport, adapterWithImport, type AdapterWithImport } from "./imported-adapter.ts";

/** What is imported, and as what. */
export interface ImportRequest {
  /** A LoRA (file or folder), or a textual-inversion embedding. */
  readonly file: string;
  /** What it is, in ordinary words: for later training, and what a LoRA without a token is called by. */
  readonly classNoun: string;
  /** The concept's. Default: the token's, else the file's. */
  readonly name?: string;
  /** Of a LoRA: the file of its token's embedding. Default: one that is in the LoRA's file. */
  readonly embedding?: string;
  /**
   * Of a LoRA that has no token: the words that it was trained with, which the new token then stands for. Default: the
   * class noun.
   */
  readonly trigger?: string;
}

/** What became of it. */
export interface ImportResult {
  readonly name: string;
  readonly token: string;
  /** Embeddings that the token stands for. */
  readonly vectors: number;
  /** Whether the library's adapter changed, too. */
  readonly kind: "lora" | "embedding";
  /** What to know about it, one line each. */
  readonly notes: readonly string[];
}

/**
 * Makes a file a concept of the library, in one atomic step that can be undone.
 *
 * @throws KeepsakeError if it is no LoRA and no embedding, is for another model, or the library cannot keep it
 */
export async function importConcept(session: Session, request: ImportRequest): Promise<ImportResult> {
  checkClassNoun(request.classNoun);
  const isLora = await holdsLora(request.file);
  const asked = request.name === undefined ? undefined : conceptName(request.name);
  if (!isLora && (request.embedding ?? request.trigger) !== undefined) {
    throw new KeepsakeError(
      "usage",
      `${request.file} is an embedding itself; --embedding and --trigger are for LoRAs.`,
    );
  }
  const unlock = await lockLibrary(session.folder, `importing ${asked ?? "a concept"}`);
  try {
    return await importLocked(session, { ...request, name: asked }, isLora);
  } finally {
    await unlock();
  }
}

async function importLocked(session: Session, request: ImportRequest, isLora: boolean): Promise<ImportResult> {
  const { file, classNoun } = request;
  const model = await openLibraryAndModel(session, {
    clears: true,
    check: (existing) => {
      checkIsNew(request.name, existing);
    },
  });
  const { library, pipeline } = model;
  await refuseUnfinishedRun(library);
  const found = await embeddingOf(pipeline, request, isLora);
  const name = request.name ?? nameOf(file, found);
  checkIsNew(name, library);
  const embeddings = await library.embeddings();
  // Whether the token fits prompts, and what it is if nothing says: the class noun.
  const concept = { name, classNoun, vectors: found?.count ?? 1 };
  const { initial } = await prepareTokens(pipeline, embeddings, [concept], { tokenStart: "class-noun" }, 0);
  const token = { ...(found ?? initial[0]), token: tokenOf(name) };
  const before = await adapterOf(model);
  const { adapter, settings } = isLora ? await withLora(model, before, file) : (before ?? (await blankAdapter(model)));
  const { strategy } = library.manifest;
  await library.addConcept(adapter, settings, concept, token, await library.memory(), strategy);
  const notes: string[] = [];
  if (isLora && library.concepts.length > 0) {
    notes.push(
      "The LoRA was not trained to spare the concepts that the library knew before: look at them, or undo it.",
    );
  }
  const words = isLora && found === undefined ? await triggerPhraseOf(file) : undefined;
  if (words !== undefined) {
    const meaning = `${token.token} means "${classNoun}", but ${file} says that it was trained with ${shown(words)}`;
    notes.push(`${meaning}: undo, and import it with --trigger, or with the --embedding of its token.`);
  }
  return { name, token: token.token, vectors: token.count, kind: isLora ? "lora" : "embedding", notes };
}

/** The words that a LoRA was trained with, as its file says them (modelspec). */
async function triggerPhraseOf(file: string): Promise<string | undefined> {
  const sources = await openSources(file);
  const phrases = sources.map((source) => source.file.metadata.get(TRIGGER_PHRASE)?.trim() ?? "");
  return phrases.find((phrase) => phrase !== "");
}

/** @throws KeepsakeError if a library knows the name */
function checkIsNew(name: string | undefined, library: Library | undefined): void {
  if (library?.concepts.some((concept) => concept.name === name) !== true) return;
  const fault = `The library ${library.folder} already knows "${name}"`;
  throw new KeepsakeError("state", `${fault}; choose another name with --name.`);
}

/** How a layer's tensor is called, in LoRA files of any format. An embedding's is called as its token: "<flora>". */
const OF_A_LAYER = /^lora_[^.]+\.|\.lora_|\.(weight|alpha|diff)$/i;

/** @throws KeepsakeError if the file cannot be read */
async function holdsLora(file: string): Promise<boolean> {
  const sources = await openSources(file);
  return sources.some((source) => [...source.file.tensors.keys()].some((key) => OF_A_LAYER.test(key)));
}

/** The token that comes with the file, if any does. */
async function embeddingOf(
  pipeline: StableDiffusionPipeline,
  { file, embedding, trigger, name }: ImportRequest,
  isLora: boolean,
): Promise<TokenEmbedding | undefined> {
  const { width } = pipeline.text;
  if (isLora && embedding === undefined && trigger !== undefined) return tokenOfWords(pipeline, trigger);
  const source = isLora ? embedding : file;
  const all =
    source === undefined ? await readBundledEmbeddings(file, width) : await readTokenEmbeddings(source, { width });
  const named = all.find(({ token }) => plainTokenName(token) === name);
  if (named !== undefined || all.length <= 1) return named ?? all.at(0);
  const names = all.map(({ token }) => plainTokenName(token)).join(", ");
  throw new KeepsakeError(
    "usage",
    `${source ?? file} holds several tokens (${names}); choose one of them with --name.`,
  );
}

/** A token that stands for words that the model knows. */
async function tokenOfWords(pipeline: StableDiffusionPipeline, words: string): Promise<TokenEmbedding> {
  const { text } = pipeline;
  const ids = text.newTokenizer().tokenIds(words);
  if (ids.length === 0) throw new KeepsakeError("usage", "The trigger words are empty; leave --trigger out.");
  const parts: TokenEmbedding[] = [];
  for (const encoder of text.encoders) {
    const { values, width } = await embeddingTable(encoder);
    const vectors = concatenated(ids.map((id) => values.subarray(id * width, (id + 1) * width)));
    parts.push({ token: words, vectors, count: ids.length, width });
  }
  return sideBySide(parts);
}

function nameOf(file: string, embedding: TokenEmbedding | undefined): string {
  const isOwn = embedding !== undefined && !/\s/.test(embedding.token);
  const own = isOwn ? plainTokenName(embedding.token) : basename(file).replace(/\.safetensors$/i, "");
  try {
    return conceptName(own);
  } catch (error) {
    if (!(error instanceof KeepsakeError)) throw error;
    throw new KeepsakeError("usage", `${error.message.replace(/\.$/, "")}; give it one with --name.`, { cause: error });
  }
}

/** The library's own, if it has one yet. */
async function adapterOf({
  library,
  pipeline,
}: LoadedModel & { library: Library }): Promise<AdapterWithImport | undefined> {
  const { adapter: entry } = library.manifest;
  const adapter = await library.adapter(pipeline);
  return entry && adapter && { adapter, settings: settingsOfEntry(entry) };
}

/** An adapter that changes nothing yet: a library with concepts has one. */
async function blankAdapter({
  pipeline,
  profile,
  library,
}: LoadedModel & { library: Library }): Promise<AdapterWithImport> {
  const settings = adapterSettings(profile.adapter, undefined, library.folder, 0);
  return { adapter: await newAdapter(pipeline, settings, 0), settings };
}

async function withLora(
  { pipeline, library }: LoadedModel & { library: Library },
  before: AdapterWithImport | undefined,
  file: string,
): Promise<AdapterWithImport> {
  const lora = await readLora(file, adaptableModules(pipeline));
  if (before === undefined) return adapterOfImport(pipeline, lora, file);
  const { strategy } = library.manifest;
  if (strategy?.memory !== undefined) {
    const fault = `${strategy.name}, with which it was learned, remembers the adapter's numbers and would lead back to them`;
    throw new KeepsakeError("state", `${file} does not fit ${library.folder}: ${fault}; import it into a new library.`);
  }
  return adapterWithImport(pipeline, before, lora, { file, owner: library.folder });
}
