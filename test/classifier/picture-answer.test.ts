import { describe, expect, it } from "vitest";
import { tokenFromNoun } from "../../src/adapters/textual-inversion.ts";
import { ANYTHING } from "../../src/classifier/candidate.ts";
import { ConceptClassifier, type ConceptClassification } from "../../src/classifier/concept-classifier.ts";
import { checkpointFolder, BUILT_IN_MODEL } from "../../src/library/model/model-folder.ts";
import { judge } from "../../src/classifier/picture-answer.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";

const candidateOf = (label: string) => {
  if (label === ANYTHING.label) return ANYTHING;
  return { label, prompt: "", ...(label.startsWith("<") && { concept: label.slice(1, -1) }) };
};

/** Candidates by label, each with its distance from the best one in standard errors. */
function classified(behind: Readonly<Record<string, number>>, standardError = 0.002): ConceptClassification {
  const labels = Object.keys(behind);
  return {
    candidates: labels.map(candidateOf),
    errors: labels.map((label) => 0.2 + behind[label] * standardError),
    standardErrors: labels.map((label) => (behind[label] === 0 ? 0 : standardError)),
    probabilities: labels.map(() => 1 / labels.length),
    draws: labels.map(() => 32),
    evaluations: 32 * labels.length,
  };
}

describe("the answer about a picture", () => {
  it("is a concept that is ahead of everything else by more than chance", () => {
    const { answer, verdicts } = judge(classified({ "<rex>": 0, "<mug>": 8, "a dog": 4, "anything else": 5 }), 1);
    const probability = 1 / (1 + Math.exp(-8) + Math.exp(-4));
    expect(answer).toEqual({
      kind: "concept",
      concept: "rex",
      label: "<rex>",
      probability: expect.closeTo(probability, 9) as number,
    });
    expect(verdicts.map(({ label }) => label)).toEqual(["<rex>", "a dog", "anything else", "<mug>"]);
    expect(verdicts.reduce((sum, verdict) => sum + verdict.probability, 0)).toBeCloseTo(1, 10);
  });

  it("is none of them where an ordinary thing is ahead, and says which if it is ahead of no words at all", () => {
    const dog = judge(classified({ "<rex>": 6, "a dog": 0, "anything else": 3 }), 1);
    const probability = 1 / (1 + Math.exp(-6));
    expect(dog.answer).toEqual({
      kind: "none",
      nearest: "a dog",
      probability: expect.closeTo(probability, 9) as number,
    });
    const nothing = judge(classified({ "<rex>": 6, "a dog": 0, "anything else": 1 }), 1);
    expect(nothing.answer).toEqual({ kind: "none", probability: expect.closeTo(probability, 9) as number });
    const empty = judge(classified({ "<rex>": 6, "a dog": 4, "anything else": 0 }), 1);
    expect(empty.answer).toEqual({ kind: "none", probability: expect.closeTo(probability, 9) as number });
  });

  it("is not sure where two are as good as equal, and says between which", () => {
    const answerOf = (behind: Readonly<Record<string, number>>) => judge(classified(behind), 1).answer;
    const both = answerOf({ "<rex>": 0, "<mug>": 1, "a dog": 7 });
    expect(both).toEqual({ kind: "unsure", between: ["<rex>", "<mug>"] });
    const perhaps = answerOf({ "<rex>": 1, "<mug>": 9, "a dog": 0 });
    expect(perhaps).toEqual({ kind: "unsure", between: ["none of these", "<rex>"] });
    const three = answerOf({ "<rex>": 0, "<mug>": 0.5, "a dog": 1 });
    expect(three).toEqual({ kind: "unsure", between: ["<rex>", "<mug>", "none of these"] });
  });

  it("does not depend on how many ordinary things fit less well", () => {
    const few = judge(classified({ "<rex>": 0, "a dog": 3 }));
    const many = judge(classified({ "<rex>": 0, "a dog": 3, "a cat": 3.1, "a car": 4, "a tree": 5 }));
    expect(many.answer).toEqual(few.answer);
    const ordinary = many.verdicts.filter(({ concept }) => concept === undefined);
    const none = ordinary.reduce((sum, { probability }) => sum + probability, 0);
    expect(none).toBeCloseTo(few.verdicts[1].probability, 10);
  });

  it("counts in standard errors, whatever the size of the errors, and a higher temperature makes it less sure", () => {
    const result = (standardError: number) => classified({ "<rex>": 0, "<mug>": 4, "a dog": 5 }, standardError);
    const probability = (standardError: number, temperature: number) =>
      judge(result(standardError), temperature).verdicts[0].probability;
    for (const temperature of [1, 2]) {
      const expected = 1 / (1 + Math.exp(-4 / temperature) + Math.exp(-5 / temperature));
      expect(probability(1e-6, temperature)).toBeCloseTo(expected, 4);
      expect(probability(1e-2, temperature)).toBeCloseTo(expected, 4);
    }
    expect(judge(result(1e-3), 1).answer.kind).toBe("concept");
    expect(judge(result(1e-3), 2).answer.kind).toBe("unsure");
  });

  it("is not sure while nothing is known of the errors' spread", () => {
    const result = { ...classified({ "<rex>": 0, "a dog": 50 }), standardErrors: [0, Infinity] };
    expect(judge(result).answer).toEqual({ kind: "unsure", between: ["<rex>", "none of these"] });
  });
});

describe("the classifier of the built-in model", () => {
  it("takes a picture for the concept only if it shows it", async () => {
    const program = { threads: 1 };
    const pipeline = await StableDiffusionPipeline.load(checkpointFolder(BUILT_IN_MODEL), program);
    // As if it had been learned: the token is a copy of a word that the model knows, and so is the truth about every
    // picture.
    const width = pipeline.textEncoder.config.hiddenSize;
    const values = await pipeline.textEncoder.weights.readFloat32("text_model.embeddings.token_embedding.weight");
    const learned = {
      concepts: [{ name: "pot", token: "<pot>", classNoun: "mug" }],
      embeddings: [tokenFromNoun("<pot>", { values, width }, pipeline.newTokenizer().tokenIds("mushroom"), 1)],
    };
    const classifier = await ConceptClassifier.create(pipeline, learned, {
      ...{ program, draws: 16, anything: true, others: ["mug"], background: ["cat", "cake", "car", "tree"] },
    });
    const answerTo = async (noun: string) => {
      const drawing = { prompt: `a photo of a ${noun}`, steps: 10, guidanceScale: 3, seed: 1 };
      const [{ latents }] = await pipeline.generate(drawing);
      return judge(await classifier.classify(latents)).answer;
    };
    expect(await answerTo("mushroom")).toMatchObject({ kind: "concept", concept: "pot" });
    // Another thing, and another of its class.
    expect(await answerTo("cake")).toMatchObject({ kind: "none", nearest: "a cake" });
    expect(await answerTo("mug")).toMatchObject({ kind: "none", nearest: "a mug" });
    await classifier.dispose();
    await pipeline.dispose();
  });
});
