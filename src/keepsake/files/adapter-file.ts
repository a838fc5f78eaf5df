/**
 * @file An adapter of any kind as a file of a format: what the format does not know becomes a LoRA, and what carries
 * whole matrices a small one.
 */
import type { Adapter } from "../../adapters/adapter.ts";
import { Dora } from "../../adapters/dora.ts";
import {
  type ModelspecFacts,
  modelspec,
  writeDiffusersLora,
  writeKohyaLora,
  writePeftLora,
  writePeftVera,
} from "../../adapters/formats/index.ts";
import { Lora } from "../../adapters/lora.ts";
import { reducedLora } from "../../adapters/reduced-lora.ts";
import type { TokenEmbedding } from "../../adapters/textual-inversion.ts";
import { Vera } from "../../adapters/vera.ts";
import { KeepsakeError } from "../../errors.ts";
import { checkWhole, LIMITS } from "../../limits.ts";

/** Formats of adapters. */
export type AdapterFormat = "diffusers" | "kohya" | "peft";

/** An adapter as it goes into a file, and what became of it. */
export interface ExportedAdapter {
  readonly adapter: Lora | Dora | Vera;
  readonly rank: number;
  /** ‖ΔW - ΔW'‖ / ‖ΔW‖; 0: the numbers are the library's. */
  readonly error: number;
}

/**
 * An adapter in the form in which a format holds it.
 *
 * @param rank - of the LoRA that is written. Default: as small as it can be without loss; `exact`: the numbers as they
 *   are
 * @throws KeepsakeError ("usage") for an adapter that the format does not hold, or a rank that it cannot have
 */
export function adapterFor(format: AdapterFormat, adapter: Adapter, rank?: number | "exact"): ExportedAdapter {
  if (rank !== undefined && rank !== "exact") checkWhole("The rank", rank, LIMITS.rank);
  if (adapter instanceof Dora) {
    if (format === "kohya") {
      throw new KeepsakeError("usage", "A DoRA adapter has no kohya file: choose the format diffusers or peft.");
    }
    if (typeof rank === "number") {
      throw new KeepsakeError("usage", "A DoRA adapter cannot be brought to another rank; leave the option out.");
    }
    return { adapter, rank: highestRank(adapter), error: 0 };
  }
  const keepsVera = format === "peft" && typeof rank !== "number";
  if (adapter instanceof Vera && keepsVera) return { adapter, rank: highestRank(adapter), error: 0 };
  const lora = adapter instanceof Vera ? adapter.toLora() : adapter;
  if (!(lora instanceof Lora)) {
    throw new KeepsakeError("usage", `There is no ${format} file for an adapter of the kind ${adapter.kind}.`);
  }
  const isSmall = rank === undefined && adapter instanceof Lora && adapter.form === "low-rank";
  if (rank === "exact" || isSmall) return { adapter: lora, rank: highestRank(lora), error: 0 };
  const reduced = reducedLora(lora, rank);
  return { adapter: reduced.lora, rank: highestRank(reduced.lora), error: reduced.error };
}

function highestRank({ layers }: Adapter): number {
  return Math.max(...layers.map(({ rank }) => rank));
}

/** What goes into an adapter's file. */
export interface AdapterFile {
  readonly to: string;
  readonly dtype: "F32" | "F16";
  readonly facts: ModelspecFacts;
  /** Of the tokens, for formats that hold them. */
  readonly embeddings: readonly TokenEmbedding[];
  /** Of the text encoders' embeddings. */
  readonly widths: readonly number[];
}

/** Writes what {@link adapterFor} gave, into a folder that exists. */
export async function writeAdapterFile(
  format: AdapterFormat,
  adapter: ExportedAdapter["adapter"],
  { to, dtype, facts, embeddings, widths }: AdapterFile,
): Promise<void> {
  const metadata = modelspec("lora", facts);
  if (adapter instanceof Vera) return writePeftVera(to, adapter, { dtype, metadata });
  if (format === "peft") return writePeftLora(to, adapter, { dtype, metadata });
  if (format === "diffusers") return writeDiffusersLora(to, adapter, { dtype, metadata });
  if (adapter instanceof Lora) return writeKohyaLora(to, adapter, { ...facts, dtype, embeddings, widths });
  throw new Error("a DoRA was to be written for kohya's programs");
}
