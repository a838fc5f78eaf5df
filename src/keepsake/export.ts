/**
 * @file What a library has learned, as files that other programs read: the adapter, or the embedding of one token.
 */
import { dirname } from "node:path";
import type { Adapter } from "../adapters/adapter.ts";
import { Dora } from "../adapters/dora.ts";
import {
  writeDiffusersLora,
  writeKohyaLora,
  writePeftLora,
  writePeftVera,
  type KohyaModel,
} from "../adapters/formats/index.ts";
import { Lora } from "../adapters/lora.ts";
import { writeTokenEmbedding } from "../adapters/textual-inversion.ts";
import { Vera } from "../adapters/vera.ts";
import { KeepsakeError } from "../errors.ts";
import { makeFolder } from "../io/folder.ts";
import { conceptName } from "../prompts/concept-name.ts";
import { Library } from "../library/library.ts";
import type { LoadedModel, Session } from "./session.ts";

/** Formats of exported files. */
export const EXPORT_FORMATS = ["diffusers", "kohya", "peft", "textual-inversion"] as const;

/** A format of {@link EXPORT_FORMATS}. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What is written, and where to. */
export interface ExportRequest {
  /** The adapter for `diffusers`, `kohya` or `peft`, or one token's embedding (`textual-inversion`). */
  readonly format: ExportFormat;
  /** The file (`.safetensors`), which is replaced; of `peft` a folder. */
  readonly to: string;
  /** Of `textual-inversion`: whose token. Default: the only concept's. */
  readonly name?: string;
  /** F16 halves the file and rounds the numbers. Default F32. Not of `textual-inversion`. */
  readonly dtype?: "F32" | "F16";
}

/** What was written. */
export interface ExportResult {
  readonly format: ExportFormat;
  readonly to: string;
  /** The tokens that prompts need: of an adapter those of all concepts, each in a file of its own. */
  readonly tokens: readonly string[];
}

/**
 * Writes the adapter, or the embedding of one token. The adapter alone draws no concept: prompts need its token too.
 *
 * @throws KeepsakeError if nothing has been learned, there is no such format or concept, the format does not hold an adapter of
 *   this kind, or the file cannot be written
 */
export async function exportLearned(session: Session, request: ExportRequest): Promise<ExportResult> {
  const { format, to } = request;
  if (!EXPORT_FORMATS.includes(format)) {
    throw new KeepsakeError("usage", `There is no format "${format}": choose one of ${EXPORT_FORMATS.join(", ")}.`);
  }
  const model = await session.model(await Library.open(session.folder));
  const { concepts, embeddings, adapter } = await session.learned(model);
  const [first] = concepts;
  if (first === undefined || adapter === undefined) {
    throw new KeepsakeError("state", `${session.folder} knows no concepts yet; there is nothing to export.`);
  }
  if (format === "textual-inversion") {
    if (request.name === undefined && concepts.length > 1) {
      const names = concepts.map(({ name }) => name).join(", ");
      throw new KeepsakeError("usage", `Say whose token to export, name being one of ${names}.`);
    }
    const name = conceptName(request.name ?? first.name);
    const index = concepts.findIndex((concept) => concept.name === name);
    if (index === -1) throw new KeepsakeError("state", `${session.folder} does not know "${name}".`);
    await makeFolder(dirname(to));
    await writeTokenEmbedding(to, embeddings[index], model.pipeline.text.widths);
    return { format, to, tokens: [concepts[index].token] };
  }
  await writeAdapter(adapter, { ...request, format }, model);
  return { format, to, tokens: concepts.map(({ token }) => token) };
}

async function writeAdapter(
  adapter: Adapter,
  { format, to, dtype = "F32" }: ExportRequest & { readonly format: Exclude<ExportFormat, "textual-inversion"> },
  { pipeline }: LoadedModel,
): Promise<void> {
  if (adapter instanceof Vera) {
    if (format === "peft") return writePeftVera(to, adapter, { dtype });
    throw new KeepsakeError("usage", `A VeRA adapter has no ${format} file: choose the format peft.`);
  }
  if (format === "kohya") {
    if (!(adapter instanceof Lora)) {
      throw new KeepsakeError("usage", "A DoRA adapter has no kohya file: choose the format diffusers or peft.");
    }
    await makeFolder(dirname(to));
    return writeKohyaLora(to, adapter, {
      model: kohyaModel(pipeline),
      resolution: pipeline.defaultSize.width,
      dtype,
    });
  }
  if (!(adapter instanceof Lora || adapter instanceof Dora)) {
    throw new KeepsakeError("usage", `There is no ${format} file for an adapter of this kind.`);
  }
  if (format === "peft") return writePeftLora(to, adapter, { dtype });
  await makeFolder(dirname(to));
  return writeDiffusersLora(to, adapter, { dtype });
}

/** Width of the text encoder of Stable Diffusion 2; that of 1 is 768. */
const SD2_WIDTH = 1024;

function kohyaModel({ text, textEncoder, schedulerConfig }: LoadedModel["pipeline"]): KohyaModel {
  if (text.encoders.length > 1) return "sdxl";
  if (textEncoder.config.hiddenSize < SD2_WIDTH) return "sd-1";
  return schedulerConfig.prediction_type === "v_prediction" ? "sd-2-v" : "sd-2";
}
