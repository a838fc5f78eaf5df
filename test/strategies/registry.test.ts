import { describe, expect, it } from "vitest";
import { describeRange } from "../../src/training/options.ts";
import { createStrategy, parseStrategyOptions, STRATEGIES } from "../../src/strategies/registry.ts";
import { failure } from "../io/failure.ts";

const failing = (doing: () => unknown) => failure(Promise.resolve().then(doing));

describe("STRATEGIES", () => {
  it("have names of their own, a line on what they do, and options with help, a range and a default within it", () => {
    const names = STRATEGIES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const strategy of STRATEGIES) {
      const { name, summary, options } = strategy;
      expect(name).toMatch(/^[a-z][a-z0-9-]*$/);
      expect(summary).toMatch(/^[^\n]{10,100}$/);
      const { options: resolved } = strategy.create();
      for (const [option, spec] of Object.entries(options)) {
        expect(option).toMatch(/^[a-z][a-z0-9-]*$/);
        expect(spec.help).toMatch(/^[^\n]{10,150}$/);
        expect(describeRange(spec)).not.toBe("");
        expect(resolved[option]).toBe(spec.default);
      }
    }
  });

  it("are found by name, with the null space as the default", async () => {
    expect(createStrategy().name).toBe("kv-nullspace");
    expect(createStrategy("c-lora").tokenStart).toBe("noise");
    expect(createStrategy("c-lora", { "token-start": "class-noun" }).tokenStart).toBe("class-noun");
    const { kind, message } = await failing(() => createStrategy("ewx"));
    expect(kind).toBe("usage");
    expect(message).toContain("choose one of sequential, textual-inversion, ewc");
  });
});

describe("options", () => {
  it("are read from text", () => {
    expect(parseStrategyOptions("ewc-dc", ["lambda=1e3", " penalty = per-task", "candidates=3"])).toEqual({
      ...{ lambda: 1000, penalty: "per-task", candidates: 3 },
    });
    expect(parseStrategyOptions("kv-nullspace", ["generic=false"])).toEqual({ generic: false });
    expect(parseStrategyOptions("sequential", [])).toEqual({});
  });

  it.each([
    { text: "lambda", words: "write name=value" },
    { text: "=3", words: "write name=value" },
    { text: "lamda=3", words: 'has no option "lamda"; it has lambda, gamma' },
    { text: "constructor=3", words: 'has no option "constructor"' },
    { text: "lambda=much", words: 'lambda of ewc-dc cannot be "much"; it must be a number of at least 0' },
    { text: "lambda=", words: "it must be a number" },
    { text: "lambda=-1", words: "it must be a number of at least 0" },
    { text: "lambda=Infinity", words: "it must be a number" },
    { text: "gamma=1.5", words: "it must be a number of at least 0 and at most 1" },
    { text: "temperature=0", words: "it must be a number larger than 0" },
    { text: "draws=1.5", words: "it must be a whole number of at least 1" },
    { text: "penalty=both", words: "it must be online or per-task" },
  ])("refuse $text in one line", async ({ text, words }) => {
    const { kind, message } = await failing(() => parseStrategyOptions("ewc-dc", [text]));
    expect(kind).toBe("usage");
    expect(message).toContain(words);
  });

  it("refuse what is no option of a strategy that has none, and values of the wrong type", async () => {
    expect((await failing(() => createStrategy("sequential", { lambda: 1 }))).message).toContain("it has none");
    expect((await failing(() => createStrategy("kv-nullspace", { generic: 1 }))).message).toContain("true or false");
    expect((await failing(() => parseStrategyOptions("kv-nullspace", ["generic=1"]))).message).toContain(
      "true or false",
    );
  });
});
