import { describe, expect, it } from "vitest";
import { recipeOptions } from "../../recipes/training/options.ts";

const options = (...args: string[]) => recipeOptions("Trains.", { samples: 100, smokeSamples: 10, batch: 64 }, args);

describe("options of a recipe", () => {
  it("leave the recipe as it is unless they are given", () => {
    expect(options()).toMatchObject({ samples: 100, batch: 64, rate: 1, provider: "cpu", pictureThreads: 0 });
    expect(options("--smoke")).toMatchObject({ samples: 10, batch: 64 });
    const smaller = { samples: 100, smokeSamples: 10, batch: 64, smokeBatch: 16 };
    expect(recipeOptions("Trains.", smaller, ["--smoke"]).batch).toBe(16);
    expect(recipeOptions("Trains.", smaller, ["--smoke", "--batch", "32"]).batch).toBe(32);
    expect(recipeOptions("Trains.", smaller, []).batch).toBe(64);
  });

  it("set batch, learning rate and provider; beside a GPU other threads make pictures", () => {
    const given = options("--batch", "256", "--rate", "0.5", "--provider", "webgpu", "--threads", "8");
    expect(given).toMatchObject({ batch: 256, rate: 0.5, provider: "webgpu", pictureThreads: 7 });
    expect(given.program).toEqual({ threads: 8 });
    expect(given.encoder).toEqual({ threads: 8, provider: "webgpu" });
    expect(options("--provider", "webgpu", "--threads", "1").pictureThreads).toBe(1);
  });

  it.each([
    ["--batch", "0"],
    ["--batch", "1.5"],
    ["--rate", "0"],
    ["--rate", "fast"],
    ["--provider", "cuda"],
    ["--seed", "-1"],
    ["--rate", "Infinity"],
    ["--samples", "many"],
  ])("refuse %s %s", (name, value) => {
    expect(() => options(name, value)).toThrow(
      new RegExp(`^error: option '${name} <.+>' argument '${value}' is invalid.`),
    );
  });

  it("are refused where the recipe would do nothing with them", () => {
    const defaults = { samples: 100, smokeSamples: 10, batch: 64 };
    const clip = { ...defaults, takes: ["from", "freeze-text"] } as const;
    expect(recipeOptions("Trains.", clip, ["--from", "x", "--freeze-text"])).toMatchObject({
      from: "x",
      freezeText: true,
    });
    expect(() => recipeOptions("Trains.", clip, ["--freeze-encoder"])).toThrow(
      "error: unknown option '--freeze-encoder'",
    );
    expect(() => options("--from", "build/model")).toThrow("error: unknown option '--from'");
  });
});
