/**
 * @file Turns token ids into what the text model is fed: ids of learned tokens are separated from those of the frozen
 * vocabulary, and the place of the end-of-text token is found.
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
 * Separates the ids of the frozen vocabulary from learned ones: id `firstLearnedId + i` means row i of the learned
 * embeddings.
 * @param ids `[batch, positions]`, rows of equal length.
 * @param firstLearnedId the size of the tokenizer's vocabulary before tokens were added to it.
 * @throws KeepsakeError for an id that is neither.
 */
export function learnedTokenFeeds(
  ids: readonly ArrayLike<number>[],
  firstLearnedId: number,
  learnedRows: number,
): LearnedTokenFeeds {
  const flat = ids.flatMap((prompt) => Array.from(prompt));
  const wrong = flat.find((id) => !Number.isInteger(id) || id < 0 || id >= firstLearnedId + learnedRows);
  if (wrong !== undefined) {
    throw new KeepsakeError(
      "input",
      `Token id ${wrong} is not among the ${firstLearnedId} of the vocabulary and ${learnedRows} learned ones.`,
    );
  }
  return {
    inputIds: Int32Array.from(flat, (id) => (id < firstLearnedId ? id : 0)),
    learnedIds: Int32Array.from(flat, (id) => (id < firstLearnedId ? 0 : id - firstLearnedId)),
    learnedMask: Float32Array.from(flat, (id) => (id < firstLearnedId ? 0 : 1)),
  };
}

/**
 * The rows of `last_hidden_state`, flattened to `[batch * positions, width]`, at which each prompt's first end-of-text
 * token stands. Configs that say `eos_token_id: 2` (all of Stable Diffusion's) do not name that token: there it is the
 * highest id of the frozen vocabulary in the prompt, as in transformers; learned ids, which are higher still, do not
 * count.
 * @param ids `[batch, positions]`, rows of equal length.
 * @throws KeepsakeError when a prompt has no end-of-text token.
 */
export function endOfTextRows(
  ids: readonly ArrayLike<number>[],
  config: Pick<ClipTextConfig, "eosTokenId" | "vocabSize">,
): Int32Array {
  let row = 0;
  return Int32Array.from(ids, (prompt) => {
    const frozen = Array.from(prompt, (id) => (id < config.vocabSize ? id : -1));
    const endOfText = config.eosTokenId === 2 ? Math.max(...frozen) : config.eosTokenId;
    const position = frozen.indexOf(endOfText);
    if (position < 0) throw new KeepsakeError("input", `No end-of-text token (id ${endOfText}) among the token ids.`);
    const index = row + position;
    row += prompt.length;
    return index;
  });
}
