import { afterAll, expect, it } from "vitest";
import { exampleOf, pathsOf } from "../../bench/continual/example-concepts.ts";
import { mean, TaughtLibraries } from "../../bench/continual/taught-library.ts";
import { readLearned } from "../../src/library/library-model.ts";

const taught = await TaughtLibraries.open({ threads: 1 });
afterAll(() => taught[Symbol.asyncDispose]());

it("A library that was taught with the defaults predicts held-out views under its tokens, and goes on", async () => {
  const { classNoun, train, test } = await exampleOf("pip");
  const request = { classNoun, photos: pathsOf(train).slice(0, 1), training: { steps: 1 }, strategy: "sequential" };
  const held = await taught.encoded(test.slice(0, 1));
  const first = await taught.teach(undefined, { ...request, name: "pip" });
  const second = await taught.teach(first, { ...request, name: "other" });
  for (const { library, token } of [
    { library: first, token: "<pip>" },
    { library: second, token: "<other>" },
  ]) {
    const learned = await readLearned(library, taught.pipeline);
    // About as much as the noise itself has to be told from the picture.
    expect(mean(await taught.errors(learned, held, token))).toBeGreaterThan(0.01);
    expect(mean(await taught.errors(learned, held, token))).toBeLessThan(1);
  }
});
