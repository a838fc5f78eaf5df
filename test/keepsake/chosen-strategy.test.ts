import { beforeAll, describe, expect, it } from "vitest";
import { checkStrategyOptions, chosenStrategy } from "../../src/keepsake/chosen-strategy.ts";
import type { LearnRequest } from "./one-shot.ts";
import { Library } from "../../src/library/library.ts";
import { learnQuickly, writePhotos } from "./support.ts";
import { BUILT_IN, taughtWith } from "../../src/library/model/model-profile.ts";
import type { OptionValue } from "../../src/training/options.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";

const inFolder = temporaryFolder();
let photos: string[];
beforeAll(async () => {
  photos = [await writePhotos(inFolder("rex"), "rex")];
});

/** The strategy and adapter with which a library's last concept was learned. */
async function learned(name: string, request: Partial<LearnRequest> = {}) {
  const library = inFolder("libraries", name);
  const result = await learnQuickly({ library, name: "rex", photos, strategy: undefined, ...request });
  return { strategy: result.strategy, library: (await Library.open(library)).manifest };
}

describe("a strategy that is not named", () => {
  it("is the null space for a new library with the usual adapter", async () => {
    const { strategy, library } = await learned("usual");
    expect(strategy).toBe("kv-nullspace");
    expect(library.strategy).toMatchObject({ name: "kv-nullspace", options: { mode: "hard", energy: 0.97 } });
  });

  it.each([{ kind: "vera" }, { kind: "dora" }, { targets: "attn" }] as const)(
    "is replay where that cannot work: with %o",
    async (adapter) => {
      const { strategy } = await learned(JSON.stringify(adapter), { adapter });
      expect(strategy).toBe("replay");
    },
  );

  it("is replay on all linear layers of the UNet with the built-in model; one that is named brings its own targets", async () => {
    const builtIn = { model: undefined };
    const { strategy, library } = await learned("built-in", builtIn);
    expect(strategy).toBe("replay");
    expect(library.adapter).toMatchObject({ targets: BUILT_IN.adapter.targets });
    const { library: other } = await learned("built-in, null space", { ...builtIn, strategy: "kv-nullspace" });
    expect(other.adapter).toMatchObject({ targets: "crossattn-kv" });
    const { library: any } = await learned("built-in, any", { ...builtIn, strategy: "ewc-dc" });
    expect(any.adapter).toMatchObject({ targets: BUILT_IN.adapter.targets });
  });

  it("learns keys and values alone of the built-in model at a rank and a rate of their own, later concepts too", async () => {
    const request = { model: undefined, adapter: { rank: undefined }, training: { steps: 1 } };
    const soft = { strategy: "kv-nullspace", strategyOptions: { mode: "soft" } };
    const taughtAs = ({ adapter, concepts }: Awaited<ReturnType<typeof learned>>["library"]) => ({
      rank: adapter?.rank,
      rates: concepts.map(({ training }) => [training?.learningRate, training?.tokenLearningRate]),
    });
    await learned("built-in, rates", { ...request, ...soft });
    const { library } = await learned("built-in, rates", { ...request, name: "mug" });
    const ofToken = BUILT_IN.training.tokenLearningRate;
    expect(taughtAs(library)).toEqual({ rank: 64, rates: [5e-4, 5e-4].map((rate) => [rate, ofToken]) });
    const { library: usual } = await learned("built-in, usual rates", request);
    expect(taughtAs(usual)).toEqual({ rank: 32, rates: [[1.5e-3, ofToken]] });
    const { library: named } = await learned("built-in, named rates", {
      ...soft,
      model: undefined,
      training: { steps: 1, learningRate: 2e-3 },
    });
    expect(taughtAs(named)).toEqual({ rank: 2, rates: [[2e-3, ofToken]] });
    expect(taughtWith(BUILT_IN, " crossattn-kv ")).toMatchObject({ adapter: { rank: 64 } });
    // Its only concept begins a new adapter, for the strategy that the library was learned with.
    const { strategy, library: replaced } = await learned("built-in, named rates", { ...request, replace: true });
    expect([strategy, replaced.adapter?.targets]).toEqual(["kv-nullspace", "crossattn-kv"]);
    expect(taughtAs(replaced)).toEqual({ rank: 64, rates: [[5e-4, ofToken]] });
  });

  it.each([
    { textWidth: 768, mode: "hard" },
    { textWidth: 1024, mode: "hard" },
    { textWidth: 2048, mode: "soft" },
  ])("is the form without whole matrices where the text is wide, named or not: $textWidth", ({ textWidth, mode }) => {
    const model = { folder: "wide", fingerprint: "0", weights: "0" };
    const { folder, manifest } = Library.blank("new", model);
    for (const request of [{}, { strategy: "kv-nullspace" }]) {
      const strategy = chosenStrategy(request, { folder, manifest }, { textWidth });
      expect(strategy).toMatchObject({ name: "kv-nullspace", options: { mode } });
      const hard = { ...request, strategyOptions: { mode: "hard" } };
      expect(chosenStrategy(hard, { folder, manifest }, { textWidth }).options).toMatchObject({ mode: "hard" });
      const strict = { ...request, strategyOptions: { generic: false } };
      const { options } = chosenStrategy(strict, { folder, manifest }, { textWidth });
      expect(options).toMatchObject({ mode, generic: false });
    }
  });

  it("is refused with an option that would count for nothing", () => {
    const { folder, manifest } = Library.blank("new", { folder: "any", fingerprint: "0", weights: "0" });
    const asked = (strategyOptions: Readonly<Record<string, OptionValue>>, textWidth = 768) => {
      const request = { strategy: "kv-nullspace", strategyOptions };
      const chosen = chosenStrategy(request, { folder, manifest }, { textWidth });
      checkStrategyOptions(request, chosen);
      return chosen;
    };
    const useless = "counts for nothing where mode is";
    expect(() => asked({ lambda: 1e-3 })).toThrow(
      `The option lambda of kv-nullspace ${useless} hard; add mode=soft, or leave it out.`,
    );
    expect(() => asked({ energy: 0.9 }, 2048)).toThrow(`energy of kv-nullspace ${useless} soft; add mode=hard`);
    expect(() => asked({ mode: "soft", rank: 3 })).toThrow(`rank of kv-nullspace ${useless} soft; add mode=hard`);
    expect(asked({ lambda: 1e-3, mode: "soft" }).options).toMatchObject({ lambda: 1e-3, mode: "soft" });
    expect(asked({ lambda: 1e-3 }, 2048).options).toMatchObject({ lambda: 1e-3, mode: "soft" });
    expect(asked({ energy: 0.9 }).options).toMatchObject({ energy: 0.9, mode: "hard" });
  });

  it("is what the library was learned with, options included; those that are given come first", async () => {
    const strategyOptions = { lambda: 7, draws: 1 };
    await learned("chosen", { strategy: "ewc", strategyOptions });
    const { library } = await learned("chosen", { name: "mug" });
    expect(library.strategy).toMatchObject({ name: "ewc", options: strategyOptions });
    const { options } = chosenStrategy({ strategyOptions: { lambda: 9 } }, { folder: "chosen", manifest: library });
    expect(options).toMatchObject({ lambda: 9, draws: 1 });
    const named = (asked: object) =>
      chosenStrategy({ strategy: "ewc", ...asked }, { folder: "chosen", manifest: library }).options;
    expect(named({})).toMatchObject(strategyOptions);
    expect(named({ strategyOptions: { draws: 3 } })).toMatchObject({ lambda: 7, draws: 3 });
    expect(chosenStrategy({ strategy: "sequential" }, { folder: "chosen", manifest: library }).name).toBe("sequential");
  });
});
