/** @file One network of a model. */
import type { Weights } from "./weights.ts";

/** A model's architecture and its weights. */
export interface Component<Config> {
  readonly config: Config;
  readonly weights: Weights;
}
