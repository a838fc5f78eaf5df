/**
 * @file The vocabulary that comes with this package, for checkpoints that hold no tokenizer: that of CLIP, with which
 * the text encoders of Stable Diffusion 1.x and 2.x were trained. Source: openai/CLIP: clip/simple_tokenizer.py.
 */
import { fileURLToPath } from "node:url";
import { BYTE_SYMBOLS, BytePairEncoding, END_OF_WORD } from "./byte-pair-encoding.ts";
import { CLIP_MAX_LENGTH, END_OF_TEXT, readMerges, START_OF_TEXT, type TokenizerFolder } from "./tokenizer-folder.ts";

/** The merges, from which all else follows. */
export const CLIP_MERGES_FILE = fileURLToPath(new URL("../../../models/clip-vocabulary/merges.txt", import.meta.url));

/**
 * What a `tokenizer/` folder of Stable Diffusion says.
 * @param padToken SD 1.x pads with the end-of-text token, SD 2.x with "!".
 */
export async function readClipVocabulary(padToken: string): Promise<TokenizerFolder> {
  const merges = await readMerges(CLIP_MERGES_FILE);
  // Bytes that are printable characters come first, then those that others stand for: the order of the characters.
  const bytes = BYTE_SYMBOLS.toSorted();
  const symbols = [
    ...bytes,
    ...bytes.map((symbol) => symbol + END_OF_WORD),
    ...merges.map((merge) => merge.replace(" ", "")),
    START_OF_TEXT,
    END_OF_TEXT,
  ];
  const vocabulary = new Map(symbols.map((symbol, id) => [symbol, id]));
  const idOf = (token: string): number => {
    const id = vocabulary.get(token);
    if (id === undefined) throw new RangeError(`"${token}" is not in CLIP's vocabulary`);
    return id;
  };
  const special = [START_OF_TEXT, END_OF_TEXT, padToken].map((token) => [token, idOf(token)] as const);
  return {
    vocabulary,
    encoding: new BytePairEncoding(vocabulary, merges, CLIP_MERGES_FILE, CLIP_MERGES_FILE),
    wholeTokens: new Map(special),
    vocabSize: symbols.length,
    modelMaxLength: CLIP_MAX_LENGTH,
    bosTokenId: idOf(START_OF_TEXT),
    eosTokenId: idOf(END_OF_TEXT),
    padTokenId: idOf(padToken),
  };
}
