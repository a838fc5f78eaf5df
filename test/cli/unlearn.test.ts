import { cpSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { learnQuickly, treeOf, writePhotos } from "../keepsake/support.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { keepsake, keepsakeHere, succeeded } from "./support.ts";

const inFolder = temporaryFolder();
/** Knows <dog> and <mug>; tests work on copies. */
const original = inFolder("original");

beforeAll(async () => {
  const photos = [await writePhotos(inFolder("photos"), "dog")];
  const training = { learningRate: 1e-2, tokenLearningRate: 1e-1 };
  for (const name of ["dog", "mug"]) await learnQuickly({ library: original, name, photos, training });
}, 3_000_000);

describe("keepsake forget --unlearn", () => {
  const unlearn = (library: string, ...more: string[]): string[] => {
    cpSync(original, library, { recursive: true });
    return ["forget", "mug", "--unlearn", "--steps", "3", "--threads", "1", "--library", library, ...more];
  };

  it("says what went, how far it went, and what may be left", async () => {
    const library = inFolder("text");
    const { stdout, stderr } = succeeded(await keepsake(unlearn(library), { hooks: ["no-network"] }));
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toContain("Forgot <mug>. 1 other state still holds it");
    expect(lines[1]).toMatch(/^Mean squared distance .* <mug> .*: [\d.e-]+ before, [\d.e-]+ after 3 steps\.$/);
    expect(lines[2]).toMatch(/^The predictions for the other things moved by [\d.e-]+\.$/);
    expect(lines[3]).toContain("no proof: the adapter was trained on its photos and may keep traces of it");
    expect(stderr).toMatch(/^step 3\/3, 0 s left$/m);
    const history = succeeded(await keepsakeHere(["history", "--library", library]));
    expect(history.stdout).toContain("unlearned mug  <dog>\n");
  });

  it("prints the figures as JSON, and leaves the library as it was when it is stopped", async () => {
    const { stdout } = succeeded(await keepsakeHere(unlearn(inFolder("json"), "--json")));
    const number = expect.any(Number) as unknown;
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ name: "mug", forgot: "concept", heldBy: 1, purged: 0, remains: "adapter" },
      unlearned: { steps: 3, drift: number, distance: { before: number, after: number } },
    });
    const library = inFolder("stopped");
    const stopped = await keepsake(unlearn(library, "--steps", "100"), {
      hooks: ["signal-at-news"],
      env: { SIGNAL_AT: JSON.stringify([["step 10/", "SIGINT"]]) },
    });
    expect([stopped.code, stopped.stdout]).toEqual([130, ""]);
    expect(stopped.stderr).toContain(`${library} is as it was\nstopped\n`);
    expect(treeOf(library)).toEqual(treeOf(original));
  });
});
