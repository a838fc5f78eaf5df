/** @file Arithmetic of the page: crops, running means, completion of concepts, progress that comes in pieces. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { completed, startedToken } from "../../studio/src/parts/completion.ts";
import { clamped, moved, wholeCrop, zoomed } from "../../studio/src/parts/editors/crop.ts";
import { formatAbout, formatBytes, formatPercent } from "../../studio/src/parts/format.ts";
import { smoothed } from "../../studio/src/parts/loss/smoothed.ts";
import { schedulerWords, strategyWords, text } from "../../studio/src/strings.ts";
import { schedulerNames } from "../../src/diffusion/schedulers/index.ts";
import { STRATEGIES } from "../../src/strategies/registry.ts";
import { added } from "../../studio/src/state/progress.ts";

describe("A crop", () => {
  const photo = { width: 400, height: 200 };

  it("is the largest square in the middle at first", () => {
    expect(wholeCrop(photo)).toEqual({ x: 0.25, y: 0, size: 1 });
  });

  it("keeps its middle when it is zoomed", () => {
    expect(zoomed(wholeCrop(photo), photo, 0.5)).toEqual({ x: 0.375, y: 0.25, size: 0.5 });
  });

  it("moves by shares of its side", () => {
    expect(moved({ x: 0.375, y: 0.25, size: 0.5 }, photo, 0.5, -0.5)).toEqual({ x: 0.5, y: 0, size: 0.5 });
  });

  it("never leaves the photo", () => {
    const number = fc.double({ min: -3, max: 3, noNaN: true });
    const side = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(number, number, number, side, side, (x, y, size, width, height) => {
        const crop = clamped({ x, y, size }, { width, height });
        const pixels = crop.size * Math.min(width, height);
        expect(Math.min(crop.x, crop.y)).toBeGreaterThanOrEqual(0);
        expect(crop.x * width + pixels).toBeLessThanOrEqual(width + 1e-6);
        expect(crop.y * height + pixels).toBeLessThanOrEqual(height + 1e-6);
      }),
    );
  });
});

describe("A running mean", () => {
  it("of equal numbers is that number from the first on", () => {
    for (const mean of smoothed([2, 2, 2], 0.9)) expect(mean).toBeCloseTo(2);
  });

  it("of weight 0 is the numbers themselves", () => {
    expect(smoothed([1, 5, 3], 0)).toEqual([1, 5, 3]);
  });
});

describe("A concept in a prompt", () => {
  it("is offered from its bracket on", () => {
    expect(startedToken("a photo of <mo", 14)).toBe("mo");
    expect(startedToken("a photo of <", 12)).toBe("");
    expect(startedToken("a photo of <mochi> in", 21)).toBeUndefined();
  });

  it("replaces what was begun, and the caret stands behind it", () => {
    expect(completed("a <mo at sea", 5, "<mochi>")).toEqual({ value: "a <mochi> at sea", caret: 9 });
    expect(completed("two cats", 8, "<mochi>")).toEqual({ value: "two cats <mochi>", caret: 16 });
  });
});

describe("Progress in pieces", () => {
  it("adds to lists, and replaces bars and numbers", () => {
    const bar = (probability: number) => [{ label: "a cat", probability, isOut: false }];
    const known = { done: 1, losses: [0.5], firstStep: 3, bars: bar(0.5), secondsLeft: 9 };
    const piece = { done: 2, losses: [0.4], firstStep: 4, bars: bar(0.7) };
    const now = { done: 2, losses: [0.5, 0.4], firstStep: 3, bars: bar(0.7), secondsLeft: 9 };
    expect(added(known, piece)).toMatchObject(now);
  });
});

describe("Strategies and schedulers", () => {
  it("each have a plain name of their own and a sentence", () => {
    const strategies = STRATEGIES.filter((each) => each.create().order === "one-by-one").map(({ name }) => name);
    for (const [codes, wordsOf] of [
      [strategies, strategyWords],
      [schedulerNames(), schedulerWords],
    ] as const) {
      const names = codes.map((code) => wordsOf(code).name);
      expect(codes.filter((code, i) => names[i] === code)).toEqual([]);
      expect(new Set(names).size).toBe(codes.length);
      for (const code of codes) expect(wordsOf(code).about).toMatch(/^[A-Z].*\.$/);
    }
    expect(text.common.namedOption("Euler", "euler", true)).toBe("Euler · euler · default");
  });

  it("that the page does not know are shown as commands name them", () => {
    expect(strategyWords("my-own", "small changes")).toEqual({ name: "my-own", about: "small changes" });
    expect(text.common.namedOption("my-own", "my-own", false)).toBe("my-own");
  });
});

describe("Quantities", () => {
  it("are said as people say them", () => {
    expect([999, 2100, 34e6, 4.1e9].map(formatBytes)).toEqual(["999 B", "2.1 kB", "34.0 MB", "4.1 GB"]);
    expect([0.2, 89, 420, 5400].map(formatAbout)).toEqual(["1 s", "89 s", "7 min", "1.5 h"]);
    expect([0, 0.001, 0.12, 1.1].map(formatPercent)).toEqual(["0 %", "< 1 %", "12 %", "110 %"]);
  });
});
