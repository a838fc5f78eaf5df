import { describe, expect, it } from "vitest";
import { WorkLeft } from "../../scripts/demo/work-left.ts";

const SECOND = 1000;

describe("the time that the demo has left", () => {
  it("is unknown before anything has been measured", () => {
    expect(new WorkLeft({ step: 10, plainStep: 0, picture: 2, classification: 1 }, 0).seconds(0)).toBeUndefined();
  });

  it("is what is left of each kind at its measured pace", () => {
    const work = new WorkLeft({ step: 3, plainStep: 0, picture: 2, classification: 0 }, 0);
    work.done("step", { now: 2 * SECOND });
    work.done("picture", { now: 5 * SECOND });
    // Two steps of 2 s and a picture of 3 s.
    expect(work.seconds(5 * SECOND)).toBe(7);
    expect(work.seconds(6 * SECOND)).toBe(6);
  });

  it("goes by the usual relation between kinds until one has been measured", () => {
    const work = new WorkLeft({ step: 2, plainStep: 0, picture: 1, classification: 0 }, 0);
    work.done("step", { now: 1 * SECOND });
    expect(work.seconds(1 * SECOND)).toBeGreaterThan(1);
    work.done("step", { now: 2 * SECOND });
    work.done("picture", { now: 4 * SECOND });
    expect(work.seconds(4 * SECOND)).toBe(0);
  });

  it("does not take a plain step for one that keeps earlier concepts", () => {
    const work = new WorkLeft({ step: 1, plainStep: 10, picture: 0, classification: 0 }, 0);
    work.done("step", { now: 1 * SECOND });
    expect(work.seconds(1 * SECOND)).toBeLessThan(10);
    work.done("plainStep", { now: 1.5 * SECOND });
    expect(work.seconds(1.5 * SECOND)).toBe(4.5);
  });

  it("counts several pieces that are done at once", () => {
    const work = new WorkLeft({ step: 0, plainStep: 0, picture: 0, classification: 30 }, 0);
    work.done("classification", { now: 10 * SECOND, pieces: 20 });
    expect(work.seconds(10 * SECOND)).toBe(5);
  });

  it("is never below nothing, even if there is more work than was planned", () => {
    const work = new WorkLeft({ step: 1, plainStep: 0, picture: 0, classification: 0 }, 0);
    work.done("step", { now: 1 * SECOND });
    work.done("step", { now: 2 * SECOND });
    expect(work.seconds(9 * SECOND)).toBe(0);
  });
});
