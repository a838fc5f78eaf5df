/** @file The tokenizer layer's public names. */
export { ClipTokenizer, type EncodedPrompt } from "./clip-tokenizer.ts";
export { PromptTokenizer } from "./prompt-tokenizer.ts";
