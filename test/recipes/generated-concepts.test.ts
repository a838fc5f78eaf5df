import { describe, expect, it } from "vitest";
import { CONCEPTS } from "../../recipes/concepts/concepts.ts";
import { generatedConcept } from "../../recipes/concepts/generated.ts";
import { paintView } from "../../recipes/concepts/paint-view.ts";
import { viewsOf } from "../../recipes/concepts/views.ts";
import { isKeptForConcepts } from "../../recipes/figures/figures.ts";
import { NOUN_NAMES } from "../../recipes/figures/nouns.ts";
import { backgroundKey } from "../../recipes/world/backgrounds.ts";
import { wordsOf } from "../../recipes/world/captions.ts";
import { knownWords } from "../../recipes/model/known-words.ts";

const stream = Array.from({ length: 120 }, (_, i) => generatedConcept(1, i));

describe("generated concepts", () => {
  it("are a function of seed and index", () => {
    expect(generatedConcept(1, 7).figure).toEqual(stream[7].figure);
    expect(generatedConcept(2, 7).figure).not.toEqual(stream[7].figure);
  });

  it("have names of their own, and are of every noun before one comes again", () => {
    expect(new Set(stream.map(({ name }) => name)).size).toBe(stream.length);
    for (const { name } of stream) {
      expect(CONCEPTS.map((concept) => concept.name)).not.toContain(name);
      expect(knownWords().words).not.toContain(name);
    }
    expect(new Set(stream.slice(0, 36).map(({ classNoun }) => classNoun))).toEqual(new Set(NOUN_NAMES));
    const [first, ...later] = stream.filter(({ classNoun }) => classNoun === "cat");
    for (const { figure } of later) expect(figure.colors[0]).not.toBe(first.figure.colors[0]);
  });

  it("are of combinations that no picture of the world shows, with one or two marks that have names", () => {
    for (const { figure, description } of stream) {
      expect(isKeptForConcepts(figure)).toBe(true);
      expect([1, 2]).toContain(figure.marks.length);
      for (const { kind, color } of figure.marks) expect(description).toContain(`${color} ${kind}`);
      for (const word of wordsOf(description)) expect(knownWords().words).toContain(word);
    }
  });

  it("have six views to learn from and six others to test with, each in a setting of its own", () => {
    for (const concept of stream) {
      const all = [...viewsOf(concept, "train"), ...viewsOf(concept, "test")];
      expect(all).toHaveLength(12);
      expect(new Set(all.map(({ background }) => backgroundKey(background))).size).toBe(12);
    }
  });

  it("look different in every view", async () => {
    const [concept] = stream;
    const views = viewsOf(concept, "train").slice(0, 3);
    const pictures = await Promise.all(views.map((view) => paintView(concept, view, 48)));
    for (const { width, data } of pictures) expect([width, data.length]).toEqual([48, 48 * 48 * 3]);
    expect(new Set(pictures.map(({ data }) => data.join())).size).toBe(3);
  });
});
