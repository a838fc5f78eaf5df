/**
 * @file A trained judge at work: what it sees in pictures, how often that is right, and its features.
 */
import { join } from "node:path";
import { Weights } from "../../src/diffusion/weights.ts";
import { input, Program } from "../../src/graph/index.ts";
import { PICTURE_SIZE } from "../model/architecture.ts";
import { FEATURES, judgeNetwork, wordsSeen, type Head } from "./judge-network.ts";

export const JUDGE_WEIGHTS = "judge.safetensors";
const AT_ONCE = 20;
const PIXELS = 3 * PICTURE_SIZE * PICTURE_SIZE;

export interface Seen {
  /** The word of each head. */
  readonly words: Readonly<Record<Head, string>>;
  readonly features: Float32Array;
}

export class Judge {
  readonly #program: Program<"features" | Head>;

  private constructor(program: Program<"features" | Head>) {
    this.#program = program;
  }

  /** @param folder - of a finished `recipes/train-judge.ts` */
  static async load(folder: string): Promise<Judge> {
    const path = join(folder, JUDGE_WEIGHTS);
    const weights = await Weights.open(path, [path]);
    const pixels = input("pixels", [AT_ONCE, 3, PICTURE_SIZE, PICTURE_SIZE]);
    const { features, logits } = judgeNetwork(weights.frozen(), pixels);
    return new Judge(await Program.create({ features, ...logits }));
  }

  /** @param pictures - `[3, PICTURE_SIZE, PICTURE_SIZE]` each, -1 to 1 */
  async see(pictures: readonly Float32Array[]): Promise<Seen[]> {
    const seen: Seen[] = [];
    for (let first = 0; first < pictures.length; first += AT_ONCE) {
      const some = pictures.slice(first, first + AT_ONCE);
      const pixels = new Float32Array(AT_ONCE * PIXELS);
      some.forEach((picture, i) => {
        pixels.set(picture, i * PIXELS);
      });
      const results = await this.#program.run({ pixels });
      some.forEach((_, i) => {
        seen.push({ words: wordsSeen(results, i), features: results.features.slice(i * FEATURES, (i + 1) * FEATURES) });
      });
    }
    return seen;
  }

  async dispose(): Promise<void> {
    await this.#program.dispose();
  }
}

/** The share of pictures of which the judge sees what is shown. */
export function accuracyOf(
  seen: readonly Pick<Seen, "words">[],
  answers: readonly Readonly<Record<Head, readonly string[]>>[],
) {
  const share = (head: Head) =>
    seen.filter(({ words }, i) => answers[i][head].includes(words[head])).length / Math.max(1, seen.length);
  const marked = seen.map((_, i) => i).filter((i) => !answers[i].mark.includes("none"));
  const rightMarks = marked.filter((i) => answers[i].mark.includes(seen[i].words.mark)).length;
  return {
    noun: share("noun"),
    color: share("color"),
    /** Of the pictures that have one. */
    mark: rightMarks / Math.max(1, marked.length),
    marked: marked.length,
  };
}
