/** @file Token ids of many prompts, with every tokenizer of the tree that has their vocabulary. */
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ClipTokenizer } from "../../../src/diffusion/tokenizer/index.ts";
import type { ParityCase } from "../case-kind.ts";
import type { Checks } from "../checks.ts";
import type { Fields } from "../fields.ts";

export function isPromptTable(fields: Fields): boolean {
  return fields.has("prompts");
}

interface FoundTokenizer {
  /** Folder relative to the root. */
  readonly folder: string;
  readonly tokenizer: ClipTokenizer;
}

/** One case for each tokenizer that has the vocabulary of the table. */
export async function promptTableCases(root: string, fields: Fields, prefix: string): Promise<ParityCase[]> {
  const rows = fields.objects("prompts");
  const fitting = (await findTokenizers(root)).flatMap(({ folder, tokenizer }) => {
    const field = idsFieldFor(tokenizer, rows);
    return field === undefined ? [] : [{ folder, tokenizer, field }];
  });
  if (fitting.length === 0) throw new Error("no tokenizer of the tree has the vocabulary and padding of these prompts");
  return fitting.map(({ folder, tokenizer, field }) => ({
    name: `${prefix} with ${folder}`,
    run: (_tree: unknown, checks: Checks) => {
      for (const row of rows) checkRow(row, tokenizer, field, checks);
    },
  }));
}

async function findTokenizers(root: string): Promise<FoundTokenizer[]> {
  const entries = await readdir(root, { recursive: true });
  const folders = entries.filter((entry) => entry.endsWith("vocab.json")).map((entry) => dirname(entry));
  return Promise.all(
    folders.sort().map(async (folder) => ({ folder, tokenizer: await ClipTokenizer.load(join(root, folder)) })),
  );
}

/** Ids without padding. */
const unpadded = "ids";

/**
 * The field with the ids that this tokenizer should give, by its start and end token and its padding; undefined where
 * the table is about other vocabularies.
 */
function idsFieldFor(tokenizer: ClipTokenizer, rows: readonly Fields[]): string | undefined {
  const { bosTokenId, eosTokenId, padTokenId } = tokenizer;
  const candidates = rows[0]?.names.filter((name) => name === unpadded || name.startsWith("ids_pad_")) ?? [];
  return candidates.find((name) => {
    const ids = rows.map((row) => row.numbers(name));
    // Rows that were cut off end with the end token, the others with padding if there is any.
    const last = name === unpadded ? eosTokenId : padTokenId;
    return (
      ids.every((row) => row[0] === bosTokenId && [eosTokenId, last].includes(row[row.length - 1])) &&
      ids.some((row) => row[row.length - 1] === last)
    );
  });
}

function checkRow(row: Fields, tokenizer: ClipTokenizer, field: string, checks: Checks): void {
  const text = row.string("text");
  const what = JSON.stringify(text.length > 40 ? `${text.slice(0, 37)}...` : text);
  // Hugging Face's ids where they differ from those of openai/CLIP.
  const reference = row.numbers(row.has("hf_ids") ? "hf_ids" : field);
  const { inputIds, length, truncated } = tokenizer.encode(text, { padding: field !== unpadded });
  if (inputIds.length === reference.length) checks.equal(what, inputIds, reference);
  else checks.add(`${what}: number of ids`, Math.abs(inputIds.length - reference.length), 0);
  if (row.has("hf_ids")) return;
  if (row.has("untruncated_length")) checks.equal(`${what}: length`, [length], [row.number("untruncated_length")]);
  if (row.has("truncated"))
    checks.equal(`${what}: truncated`, [Number(truncated)], [Number(row.boolean("truncated", false))]);
}
