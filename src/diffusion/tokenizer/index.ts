/** @file The tokenizer layer's public names. */
export { ClipTokenizer } from "./clip-tokenizer.ts";
export type { EncodedPrompt } from "./clip-tokenizer.ts";
