import { describe, expect, it } from "vitest";
import { edgePsnr, edges, psnr, sharpness } from "../../recipes/evaluation/fidelity.ts";
import { frechetDistance, leadingDirections } from "../../recipes/evaluation/frechet.ts";
import { answersOf, FEATURES, HEADS, judgeNetwork, wordsSeen } from "../../recipes/evaluation/judge-network.ts";
import { accuracyOf } from "../../recipes/evaluation/judge.ts";
import { heldOutScenes, knownToAll, nounsKnownToAll, spread } from "../../recipes/evaluation/questions.ts";
import { knownWords } from "../../recipes/model/known-words.ts";
import { traceParameters } from "../../recipes/training/parameters.ts";
import { wordsOf } from "../../recipes/world/captions.ts";
import { captionedScene, isHeldOut } from "../../recipes/world/world.ts";
import { input } from "../../src/graph/index.ts";
import { RandomStream } from "../../src/random/random.ts";

const SIZE = 16;
/** One value for each pixel and channel. */
const picture = (value: (x: number, y: number) => number) =>
  Float32Array.from({ length: 3 * SIZE * SIZE }, (_, i) => {
    const pixel = i % (SIZE * SIZE);
    return value(pixel % SIZE, Math.floor(pixel / SIZE));
  });
const step = picture((x) => (x < 8 ? -1 : 1));
const slope = picture((x) => x / 7.5 - 1);

describe("fidelity", () => {
  it("is 20 dB where every value is off by a tenth of the range, and clamps what cannot be shown", () => {
    expect(
      psnr(
        picture(() => 0.2),
        picture(() => 0),
      ),
    ).toBeCloseTo(20, 5);
    expect(
      psnr(
        picture(() => 7),
        picture(() => 1),
      ),
    ).toBe(Infinity);
  });

  it("sees an edge by Sobel's weights: of a step of 2, a magnitude of 8", () => {
    expect(Math.max(...edges(step))).toBeCloseTo(8, 5);
    expect(Math.max(...edges(picture(() => 0.3)))).toBeCloseTo(0, 5);
    expect(edges(step)).toHaveLength((SIZE - 2) ** 2);
  });

  it("counts a lost edge, and not another level of gray", () => {
    expect(
      edgePsnr(
        picture((x) => (x < 8 ? -0.9 : 0.9)),
        step,
      ),
    ).toBeGreaterThan(edgePsnr(slope, step));
    expect(
      edgePsnr(
        picture(() => 0.5),
        picture(() => -0.5),
      ),
    ).toBe(Infinity);
  });

  it("calls a step sharper than a slope", () => {
    expect(sharpness(step)).toBeGreaterThan(3 * sharpness(slope));
  });
});

describe("the Fréchet distance", () => {
  const random = new RandomStream(1, "test");
  const rows = (mean: number, deviation: number) =>
    Array.from({ length: 4000 }, () => random.normal(3).map((x) => mean + deviation * x));

  it("is nothing from a set to itself, and that of two Gaussians for samples of them", () => {
    const first = rows(0, 1);
    expect(frechetDistance(first, first)).toBeCloseTo(0, 6);
    // ‖(2, 2, 2)‖² + 3 (1 - 3)²
    expect(Math.abs(frechetDistance(first, rows(2, 3)) - 24)).toBeLessThan(1.5);
  });

  it("is measured in the directions in which the reference varies", () => {
    const reference = Array.from({ length: 200 }, () => {
      const [along, across] = random.normal(2);
      return Float32Array.from([3 * along + 5, 0.1 * across, 3 * along]);
    });
    const projected = leadingDirections(reference, 1);
    expect(Math.abs(projected(Float32Array.from([5, 7, 0]))[0])).toBeLessThan(0.6);
    expect(Math.abs(projected(Float32Array.from([6, 0, 1]))[0])).toBeGreaterThan(0.8);
  });

  it("needs features of one width", () => {
    expect(() => frechetDistance([new Float32Array(2)], [new Float32Array(2)])).toThrow("too few");
  });
});

describe("the judge", () => {
  it("has a head for nouns, colours and marks", () => {
    const { traced } = traceParameters((context) => judgeNetwork(context, input("pixels", [2, 3, 64, 64])));
    expect(traced.features.shape).toEqual([2, FEATURES]);
    for (const head of ["noun", "color", "mark"] as const) {
      expect(traced.logits[head].shape).toEqual([2, HEADS[head].length]);
    }
  });

  it("is right where its best word is one of the answers; marks count where there are some", () => {
    const logits = {
      noun: new Float32Array(2 * HEADS.noun.length),
      color: new Float32Array(2 * HEADS.color.length),
      mark: new Float32Array(2 * HEADS.mark.length),
    };
    logits.noun[HEADS.noun.indexOf("dog")] = 1;
    logits.mark[HEADS.mark.indexOf("star")] = 1;
    const seen = [0, 1].map((i) => ({ words: wordsSeen(logits, i) }));
    expect(seen[0].words).toEqual({ noun: "dog", color: "red", mark: "star" });
    const answers = [
      { noun: ["dog"], color: ["blue"], mark: ["heart", "star"] },
      { noun: ["dog"], color: ["red"], mark: ["none"] },
    ];
    expect(accuracyOf(seen, answers)).toEqual({ noun: 0.5, color: 0.5, mark: 1, marked: 1 });
  });

  it("is told what scenes show", () => {
    for (let i = 0; i < 50; i++) {
      const { scene } = captionedScene(3, i);
      const { noun, color, mark } = answersOf(scene);
      const [{ figure }] = scene.subjects;
      expect([noun, color]).toEqual([[figure.noun], [figure.colors[0]]]);
      expect(mark).toEqual(figure.marks.length === 0 ? ["none"] : figure.marks.map(({ kind }) => kind));
    }
  });
});

describe("questions", () => {
  const few = { nouns: ["cat", "dog", "house"], words: knownWords().words.filter((word) => word !== "spiral") };

  it("are of held-out combinations, each asked once, in words that every model knows", () => {
    const scenes = heldOutScenes(1, 40, knownToAll([knownWords(), few]));
    expect(new Set(scenes.map(({ caption }) => caption)).size).toBe(40);
    for (const { scene, caption } of scenes) {
      expect(isHeldOut(scene)).toBe(true);
      expect(wordsOf(caption)).not.toContain("spiral");
      for (const { figure } of scene.subjects) expect(few.nouns).toContain(figure.noun);
    }
    expect(nounsKnownToAll([knownWords(), few])).toEqual(["cat", "dog", "house"]);
  });

  it("say so if there are none", () => {
    expect(() => heldOutScenes(1, 2, () => false)).toThrow("in common");
  });

  it("are spread over a list", () => {
    expect(spread(["a", "b", "c", "d"], 2)).toEqual(["a", "c"]);
    expect(spread(["a"], 5)).toEqual(["a"]);
  });
});
