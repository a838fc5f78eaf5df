/** @file The kinds of cases with tensors. */
import type { CaseKind } from "../case-kind.ts";
import type { TensorCase } from "../tensor-case.ts";
import { diffusionClassifier } from "./classifier.ts";
import { clipForward, clipTraining } from "./clip.ts";
import { clipPreprocess } from "./clip-preprocess.ts";
import { maskedLoss, minSnr, noiseOffset, priorPreservation } from "./loss-options.ts";
import { loraTraining } from "./lora-training.ts";
import { textForward } from "./text-forward.ts";
import { textToImage } from "./text-to-image.ts";
import { textualInversion } from "./textual-inversion.ts";
import { unetForward } from "./unet-forward.ts";
import { unetTraining } from "./unet-training.ts";
import { vaeDecode, vaeEncode } from "./vae-forward.ts";
import { vaeTraining } from "./vae-training.ts";

const kinds: readonly CaseKind[] = [
  unetForward,
  vaeEncode,
  vaeDecode,
  textForward,
  clipForward,
  clipPreprocess,
  unetTraining,
  vaeTraining,
  clipTraining,
  loraTraining,
  diffusionClassifier,
  textToImage,
  textualInversion,
  maskedLoss,
  minSnr,
  noiseOffset,
  priorPreservation,
];

/** The kind of a case. @throws Error if it is none of them, or looks like several. */
export function kindOf(test: TensorCase): CaseKind {
  const found = kinds.filter((kind) => kind.matches(test));
  if (found.length === 1) return found[0];
  if (found.length > 1) {
    throw new Error(`ambiguous kind of case: ${found.map(({ description }) => description).join(", ")}`);
  }
  const inputs = test.inputs.slice(0, 8).join(", ");
  const outputs = test.outputs.slice(0, 8).join(", ");
  throw new Error(`unknown kind of case, with inputs ${inputs || "(none)"} and outputs ${outputs || "(none)"}`);
}
