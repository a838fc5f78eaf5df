import { expect, it } from "vitest";
import { openPictures } from "../../recipes/training/world-threads.ts";

it("has the same pictures from several threads as from one", async () => {
  const [here, there] = [openPictures(0), openPictures(2)];
  for (const [seed, first, count] of [
    [1, 0, 5],
    [2, 7, 1],
  ]) {
    const options = { sizes: { large: 1 }, markMask: true };
    const expected = await here.batch(seed, first, count, options);
    expect(expected.captions).toHaveLength(count);
    expect(expected.markMask).toHaveLength(count * 64 * 64);
    expect(await there.batch(seed, first, count, options)).toEqual(expected);
  }
  await Promise.all([here.dispose(), there.dispose()]);
});
