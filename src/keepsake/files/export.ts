/**
 * @file What a library has learned, as files that other programs read: the adapter with the embeddings of its tokens,
 * or the embedding of one token. Nothing about photos, captions, folders or dates goes into a file that people share.
 */
import { lstat, readdir, stat } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { type KohyaModel, type ModelspecFacts, modelspec, plainTokenName } from "../../adapters/formats/index.ts";
import { writeTokenEmbedding } from "../../adapters/formats/token-embedding.ts";
import type { TokenEmbedding } from "../../adapters/textual-inversion.ts";
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { KeepsakeError } from "../../errors.ts";
import { removeFile } from "../../io/atomic.ts";
import { makeFolder } from "../../io/folder.ts";
import type { Learned } from "../../library/library-model.ts";
import { Library } from "../../library/library.ts";
import { BUILT_IN_MODEL } from "../../library/model/model-folder.ts";
import { conceptName } from "../../prompts/concept-name.ts";
import type { LoadedModel, Session } from "../session.ts";
import { adapterFor, writeAdapterFile } from "./adapter-file.ts";

/** Formats of exported files. */
export const EXPORT_FORMATS = ["diffusers", "kohya", "peft", "textual-inversion"] as const;

/** A format of {@link EXPORT_FORMATS}. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What is written, and where to. */
export interface ExportRequest {
  /** The adapter for `diffusers`, `kohya` or `peft`, or one token's embedding (`textual-inversion`). */
  readonly format: ExportFormat;
  /** The file (`.safetensors`); of `peft` a folder. */
  readonly to: string;
  /** Whose token. Default: those of all concepts; of `textual-inversion` the only concept's. */
  readonly name?: string;
  /** F16 halves the file and rounds the numbers. Default F32. Tokens are always F32. */
  readonly dtype?: "F32" | "F16";
  /**
   * Of the LoRA. Default: an adapter that carries whole matrices becomes as small as it can be without loss. `exact`:
   * the numbers as they are, in a large file.
   */
  readonly rank?: number | "exact";
  /** What becomes of files of these names. Default `refuse`. */
  readonly existing?: "replace" | "refuse";
}

/** A token's embedding in a file of its own. */
export interface ExportedToken {
  /** As written in prompts of Keepsake and diffusers; AUTOMATIC1111 and ComfyUI go by the file's name. */
  readonly token: string;
  readonly file: string;
}

/** What was written. */
export interface ExportResult {
  readonly format: ExportFormat;
  readonly to: string;
  /** The tokens that prompts need. */
  readonly tokens: readonly ExportedToken[];
  /** Of the adapter; absent for `textual-inversion`. */
  readonly adapter?: {
    /** The highest of all layers. */
    readonly rank: number;
    /** ‖ΔW - ΔW'‖ / ‖ΔW‖ before rounding to F16; 0: the numbers are the library's. */
    readonly error: number;
  };
  /** Of the whole, in bytes. */
  readonly size: number;
  /** What to know about the files, one line each. */
  readonly notes: readonly string[];
}

/**
 * Writes the adapter and, each in a file of its own, its tokens; or one token alone. The adapter alone draws no
 * concept: prompts need the token too.
 *
 * @throws KeepsakeError if nothing has been learned, there is no such format or concept, the format does not hold an
 *   adapter of this kind, or a file cannot be written or is there already
 */
export async function exportLearned(session: Session, request: ExportRequest): Promise<ExportResult> {
  checkRequest(request);
  const { format, to, name, dtype = "F32", rank, existing } = request;
  const model = await session.model(await Library.open(session.folder));
  const learned = await session.learned(model);
  const { adapter } = learned;
  if (adapter === undefined) {
    throw new KeepsakeError("state", `${session.folder} knows no concepts yet; there is nothing to export.`);
  }
  const tokens = tokensOf(session.folder, learned, name);
  const facts = factsOf(
    model.pipeline,
    tokens.map(({ token }) => plainTokenName(token)),
  );
  const { widths } = model.pipeline.text;
  const described = { facts, widths };
  if (format === "textual-inversion") {
    if (tokens.length > 1) {
      const names = learned.concepts.map((concept) => concept.name).join(", ");
      throw new KeepsakeError("usage", `Say whose token to export, name being one of ${names}.`);
    }
    const [embedding] = tokens;
    const files = await writeAll([tokenFile(embedding, to, described)], existing);
    return { format, to, tokens: [{ token: embedding.token, file: to }], ...(await summary(files, model)) };
  }
  const written = adapterFor(format, adapter, rank);
  const folder = `${withoutEnding(to)}-embeddings`;
  const tokenFiles = tokens.map((embedding) => {
    return tokenFile(embedding, join(folder, `${plainTokenName(embedding.token)}.safetensors`), described);
  });
  // Kohya's kin take plain words for tokens, diffusers takes them as they are written here.
  const phrase = tokens.map(({ token }) => (format === "kohya" ? plainTokenName(token) : token)).join(", ");
  const adapterFile: FileToWrite = {
    path: to,
    write: () => {
      const withPhrase = { ...facts, ...(phrase !== "" && { triggerPhrase: phrase }) };
      return writeAdapterFile(format, written.adapter, { to, dtype, facts: withPhrase, embeddings: tokens, widths });
    },
  };
  // The adapter comes last: where it is, its tokens are too.
  const files = await writeAll([...tokenFiles, adapterFile], existing);
  return {
    ...{ format, to, tokens: tokens.map(({ token }, i) => ({ token, file: tokenFiles[i].path })) },
    ...{ adapter: { rank: written.rank, error: written.error }, ...(await summary(files, model)) },
  };
}

function checkRequest({ format, to, rank }: ExportRequest): void {
  if (!EXPORT_FORMATS.includes(format)) {
    throw new KeepsakeError("usage", `There is no format "${format}": choose one of ${EXPORT_FORMATS.join(", ")}.`);
  }
  const isFile = extname(to).toLowerCase() === ".safetensors";
  if (format === "peft" && isFile) {
    throw new KeepsakeError(
      "usage",
      `${to}: PEFT's files stand in a folder; give its name, e.g. ${withoutEnding(to)}.`,
    );
  }
  if (format !== "peft" && !isFile) {
    throw new KeepsakeError("usage", `${to}: give a name that ends in .safetensors, e.g. ${to}.safetensors.`);
  }
  if (format === "textual-inversion" && rank !== undefined) {
    throw new KeepsakeError("usage", "A token's embedding has no rank; leave the option out.");
  }
}

/** The embeddings of all concepts, or of the one that is asked for. */
function tokensOf(folder: string, { concepts, embeddings }: Learned, asked?: string): readonly TokenEmbedding[] {
  if (asked === undefined) return embeddings;
  const name = conceptName(asked);
  const index = concepts.findIndex((concept) => concept.name === name);
  if (index !== -1) return [embeddings[index]];
  const names = concepts.map((concept) => concept.name).join(", ");
  throw new KeepsakeError("state", `${folder} does not know "${name}"; it knows ${names}.`);
}

/** Width of the text encoder of Stable Diffusion 2; that of 1 is 768. */
const SD2_WIDTH = 1024;

function kohyaModel({ text, textEncoder, schedulerConfig }: StableDiffusionPipeline): KohyaModel {
  if (text.encoders.length > 1) return "sdxl";
  if (textEncoder.config.hiddenSize < SD2_WIDTH) return "sd-1";
  return schedulerConfig.prediction_type === "v_prediction" ? "sd-2-v" : "sd-2";
}

function factsOf(pipeline: StableDiffusionPipeline, names: readonly string[]): ModelspecFacts {
  return {
    model: kohyaModel(pipeline),
    resolution: pipeline.defaultSize.width,
    title: names.length === 0 ? "Keepsake LoRA" : names.join(", "),
    predictionType: pipeline.schedulerConfig.prediction_type === "v_prediction" ? "v_prediction" : "epsilon",
  };
}

/** A file, or of PEFT a folder, that is still to be written. */
interface FileToWrite {
  readonly path: string;
  readonly write: () => Promise<void>;
}

function tokenFile(
  embedding: TokenEmbedding,
  path: string,
  { facts, widths }: { readonly facts: ModelspecFacts; readonly widths: readonly number[] },
): FileToWrite {
  const { token } = embedding;
  const metadata = modelspec("textual-inversion", { ...facts, title: plainTokenName(token), triggerPhrase: token });
  return { path, write: () => writeTokenEmbedding(path, embedding, { widths, metadata }) };
}

/**
 * Writes files one after another. If one cannot be written, those that are new are gone again, and the folders made for
 * them.
 *
 * @returns their paths
 * @throws KeepsakeError ("state") before any is written, if one is there already and is not to be replaced
 */
async function writeAll(files: readonly FileToWrite[], existing: "replace" | "refuse" = "refuse"): Promise<string[]> {
  const there = new Set<string>();
  for (const { path } of files) if (await isTaken(path)) there.add(path);
  const [first] = there;
  if (first !== undefined && existing === "refuse") {
    throw new KeepsakeError("state", `${first} is there already; give another name, or replace it with --force.`);
  }
  const undo: (() => Promise<void>)[] = [];
  try {
    for (const { path, write } of files) {
      undo.push(await makeFolder(dirname(path)));
      await write();
      // A folder is the last of all.
      if (!there.has(path)) undo.push(() => removeFile(path));
    }
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => undefined);
    throw error;
  }
  return files.map(({ path }) => path);
}

/** Whether there is anything of that name; a folder counts if it is not empty. */
async function isTaken(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) return found !== undefined;
  return (await readdir(path)).length > 0;
}

async function summary(files: readonly string[], { name }: LoadedModel) {
  const sizes = await Promise.all(files.map(sizeOf));
  const notes =
    name === BUILT_IN_MODEL
      ? ["It was learned on the built-in model, which other programs do not have: there it is of no use."]
      : [];
  return { size: sizes.reduce((sum, size) => sum + size, 0), notes };
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  const sizes = await Promise.all((await readdir(path)).map((name) => sizeOf(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function withoutEnding(file: string): string {
  return file.replace(/\.safetensors$/i, "").replace(/[/\\]+$/, "");
}
