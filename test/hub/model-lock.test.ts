import { setImmediate as soon } from "node:timers/promises";
import { expect, it } from "vitest";
import { lockModel } from "../../src/hub/model-lock.ts";
import { hubSettings } from "../../src/hub/settings.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";

const inFolder = temporaryFolder();

it("A lock that is given back at any moment is taken by one that waits for it, and by one at a time", async () => {
  const settings = await hubSettings({}, { wait: () => soon() });
  let inside = 0;
  const passed: number[] = [];
  const pass = async (who: number) => {
    const unlock = await lockModel(inFolder("locks"), "owner/tiny", settings, () => undefined);
    expect(++inside).toBe(1);
    await soon();
    passed.push(who);
    inside--;
    await unlock();
  };
  const all = Array.from({ length: 12 }, (_, who) => who);
  await Promise.all(all.map(pass));
  expect(passed.toSorted((a, b) => a - b)).toEqual(all);
});
