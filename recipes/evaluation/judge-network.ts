/**
 * @file The judge: a small network that names the noun, the main colour and the mark of a picture. It is trained on
 * pictures of the world alone (`recipes/train-judge.ts`) and shares nothing with the model that it judges.
 */
import { conv2dLayer, groupNormLayer, linearLayer, type ModuleContext } from "../../src/diffusion/module.ts";
import { add, concat, mean, reshape, silu, sqrt, square, type Tensor } from "../../src/graph/index.ts";
import { MARK_KINDS } from "../figures/marks.ts";
import { NOUN_NAMES } from "../figures/nouns.ts";
import { COLOR_NAMES } from "../world/color.ts";
import type { Subject } from "../world/scene.ts";

/** What each head chooses from. */
export const HEADS = {
  noun: NOUN_NAMES,
  color: COLOR_NAMES,
  mark: ["none", ...MARK_KINDS],
} as const satisfies Record<string, readonly string[]>;
export type Head = keyof typeof HEADS;
export const HEAD_NAMES = ["noun", "color", "mark"] as const satisfies readonly Head[];

/** Of the features before the heads, in which pictures are compared. */
export const FEATURES = 96;

/** [channels, stride] of each convolution; every one is 3 × 3. */
const LAYERS = [
  [24, 2],
  [48, 1],
  [64, 2],
  [96, 1],
  [96, 2],
  [128, 2],
] as const;
/** After this layer there are 16 × 16 positions, and a position sees no more than a mark. */
const MARKS_AFTER = 3;

/**
 * Where a feature is strong anywhere, and nothing of where: root of the mean square over all positions,
 * `[count, channels]`.
 */
const strengthOf = (x: Tensor): Tensor => sqrt(add(mean(square(x), [2, 3]), 1e-6));

/** @param pixels - `[count, 3, 64, 64]`, -1 to 1 */
export function judgeNetwork(
  context: ModuleContext,
  pixels: Tensor,
): { readonly features: Tensor; readonly logits: Readonly<Record<Head, Tensor>> } {
  let x = pixels;
  const strengths: Tensor[] = [];
  LAYERS.forEach(([channels, stride], i) => {
    x = conv2dLayer(context, `conv.${i}`, x, channels, 3, { stride, padding: 1 });
    x = silu(groupNormLayer(context, `norm.${i}`, x, 8, 1e-5));
    if (i >= MARKS_AFTER) strengths.push(strengthOf(x));
  });
  const [count, channels, height, width] = x.shape;
  const all = concat([reshape(x, [count, channels * height * width]), ...strengths], 1);
  const features = silu(linearLayer(context, "features", all, FEATURES)); // [count, FEATURES]
  const head = (name: Head) => linearLayer(context, name, features, HEADS[name].length);
  return { features, logits: { noun: head("noun"), color: head("color"), mark: head("mark") } };
}

/** A scene, or as much of one as the judge is asked about. */
interface Shown {
  readonly subjects: readonly Pick<Subject, "figure">[];
}

/** What is right for each head, as shares that sum to 1; of a figure with two marks, either. */
export function answersOf({ subjects }: Shown): Record<Head, readonly string[]> {
  const [{ figure }] = subjects;
  const marks = figure.marks.map(({ kind }) => kind);
  return { noun: [figure.noun], color: [figure.colors[0]], mark: marks.length === 0 ? ["none"] : marks };
}

/**
 * The word that each head gives for one picture of a batch.
 * @param logits - of each head, `[count, choices]`
 */
export function wordsSeen(logits: Readonly<Record<Head, Float32Array>>, picture: number): Record<Head, string> {
  const wordOf = (head: Head): string => {
    const choices: readonly string[] = HEADS[head];
    const row = logits[head].subarray(picture * choices.length, (picture + 1) * choices.length);
    return choices[row.indexOf(Math.max(...row))];
  };
  return { noun: wordOf("noun"), color: wordOf("color"), mark: wordOf("mark") };
}
