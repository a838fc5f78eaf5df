/**
 * @file Turns token ids into what the text model is fed: ids of learned tokens are separated from those of the frozen vocabulary, and
 * the place of the end-of-text token is found.
 */
import { KeepsakeError } from "../../errors.ts";
import type { ClipTextConfig } from "../config/clip-config.ts";

/** Feeds for `ClipTextInputs`; each array is `[batch, positions]`, row-major. */
export interface LearnedTokenFeeds {
  /** Ids into the frozen table; 0 where a learned token stands. */
  readonly inputIds: Int32Array;
  /** Rows of the learned embeddings; 0 where a frozen token stands. */
  readonly learnedIds: Int32Array;
  /** 1 where a learned token stands, else 0. */
  readonly learnedMask: Float32Array;
}

/**
 * Separates ids below `vocabSize` from learned ones: id `vocabSize + i` means row i of the learned embeddings.
 * @param ids `[batch, positions]`, rows of equal length.
 * @throws KeepsakeError for an id that is neither.
 */
export function learnedTokenFeeds(
  ids: readonly (readonly number[])[],
  vocabSize: number,
  learnedRows: number,
): LearnedTokenFeeds {
  const flat = ids.flat();
  const wrong = flat.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize + learnedRows);
  if (wrong !== undefined) {
    const known = learnedRows === 0 ? "" : ` and ${learnedRows} learned rows`;
    throw new KeepsakeError("input", `Token id ${wrong} is outside the text model's vocabulary of ${vocabSize}${known}.`);
  }
  return {
    inputIds: Int32Array.from(flat, (id) => (id < vocabSize ? id : 0)),
    learnedIds: Int32Array.from(flat, (id) => (id < vocabSize ? 0 : id - vocabSize)),
    learnedMask: Float32Array.from(flat, (id) => (id < vocabSize ? 0 : 1)),
  };
}

/**
 * The rows of `last_hidden_state`, flattened to `[batch * positions, width]`, at which each prompt's first end-of-text token stands.
 * Configs that say `eos_token_id: 2` (all of Stable Diffusion's) do not name that token: there it is the highest id of the frozen
 * vocabulary in the prompt, as in transformers; learned ids, which are higher still, do not count.
 * @param ids `[batch, positions]`, rows of equal length.
 * @throws KeepsakeError when a prompt has no end-of-text token.
 */
export function endOfTextRows(
  ids: readonly (readonly number[])[],
  config: Pick<ClipTextConfig, "eosTokenId" | "vocabSize">,
): Int32Array {
  let row = 0;
  return Int32Array.from(ids, (prompt) => {
    const frozen = prompt.map((id) => (id < config.vocabSize ? id : -1));
    const endOfText = config.eosTokenId === 2 ? Math.max(...frozen) : config.eosTokenId;
    const position = frozen.indexOf(endOfText);
    if (position < 0) throw new KeepsakeError("input", `No end-of-text token (id ${endOfText}) among the token ids.`);
    const index = row + position;
    row += prompt.length;
    return index;
  });
}
