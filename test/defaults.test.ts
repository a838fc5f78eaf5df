import fc from "fast-check";
import { expect, it } from "vitest";
import { withDefaults } from "../src/defaults.ts";

it("what is not asked for is as by default, whether it is undefined or left out", () => {
  const value = fc.option(fc.integer(), { nil: undefined });
  const asked = fc.record({ steps: value, rank: value, seed: value }, { requiredKeys: [] });
  fc.assert(
    fc.property(asked, (some) => {
      expect(withDefaults({ steps: 400, rank: 4 }, some)).toEqual({
        ...{ steps: some.steps ?? 400, rank: some.rank ?? 4 },
        ...(some.seed !== undefined && { seed: some.seed }),
      });
    }),
  );
});
