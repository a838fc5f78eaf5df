import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { l2Anchor } from "../../examples/outside-strategy/l2-anchor.ts";
import { verifyLibrary } from "../keepsake/one-shot.ts";
import { Library } from "../../src/library/library.ts";
import { registerStrategy } from "../../src/strategies/index.ts";
import { defineStrategy } from "../../src/training/strategy.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, treeOf, writePhotos } from "../keepsake/support.ts";

const inFolder = temporaryFolder();
const library = inFolder("library");
/** The library, with a run of <mug> that was stopped. */
const unfinished = inFolder("unfinished");
let mug: Parameters<typeof learnQuickly>[0];

const stopAfterTwoSteps = () => {
  const controller = new AbortController();
  const onProgress = (progress: { kind: string; step?: number }) => {
    if (progress.kind === "step" && progress.step === 2) controller.abort();
  };
  return { signal: controller.signal, onProgress };
};

/** A process of its own, as it were: nothing has been registered there. */
async function elsewhere() {
  vi.resetModules();
  const support = await import("../keepsake/support.ts");
  const { Library: Elsewhere } = await import("../../src/library/library.ts");
  const { generatePictures: draw } = await import("../keepsake/one-shot.ts");
  return { learnQuickly: support.learnQuickly, generatePictures: draw, Library: Elsewhere };
}

beforeAll(async () => {
  const photos = [await writePhotos(inFolder("dog"), "dog")];
  await learnQuickly({ library, name: "dog", photos, strategy: "l2-anchor", strategyOptions: { lambda: 50 } });
  mug = { library, name: "mug", classNoun: "mug", photos: [await writePhotos(inFolder("mug"), "mug")] };
  cpSync(library, unfinished, { recursive: true });
  await learnQuickly({ ...mug, library: unfinished, strategy: undefined, ...stopAfterTwoSteps() });
});

describe("a strategy from a project of its own", () => {
  it("is one short file", () => {
    const file = join(import.meta.dirname, "../../examples/outside-strategy/l2-anchor.ts");
    expect(readFileSync(file, "utf8").split("\n").length).toBeLessThanOrEqual(80);
  });

  it("is recorded in the library, with its options and what it keeps", async () => {
    const { manifest } = await Library.open(library);
    expect(manifest.strategy).toMatchObject({ name: "l2-anchor", options: { lambda: 50 } });
    const anchor = (await (await Library.open(library)).memory()).get("anchor");
    expect(anchor?.data.some((value) => value !== 0)).toBe(true);
    expect(manifest.concepts[0].strategy).toBe("l2-anchor");
    expect(await verifyLibrary(library)).toMatchObject({ faults: [] });
  });

  it("is gone on with where the request names none, and resumes to the bytes of a run that was not stopped", async () => {
    const [whole, stopped] = [inFolder("whole"), inFolder("stopped")];
    for (const copy of [whole, stopped]) cpSync(library, copy, { recursive: true });
    const { strategy } = await learnQuickly({ ...mug, library: whole, strategy: undefined });
    expect(strategy).toBe("l2-anchor");
    const first = await learnQuickly({ ...mug, library: stopped, strategy: undefined, ...stopAfterTwoSteps() });
    expect(first).toMatchObject({ status: "interrupted", step: 2 });
    await learnQuickly({ ...mug, library: stopped, strategy: undefined });
    expect(treeOf(stopped)).toEqual(treeOf(whole));
  });

  it("trains otherwise than without its penalty", async () => {
    const [pulled, free] = [inFolder("pulled"), inFolder("free")];
    for (const copy of [pulled, free]) cpSync(library, copy, { recursive: true });
    await learnQuickly({ ...mug, library: pulled, strategy: "l2-anchor", strategyOptions: { lambda: 1e4 } });
    await learnQuickly({ ...mug, library: free, strategy: "l2-anchor", strategyOptions: { lambda: 0 } });
    const blobs = await Promise.all([pulled, free].map(async (copy) => (await Library.open(copy)).manifest.adapter));
    expect(blobs[0]?.blob).not.toBe(blobs[1]?.blob);
  });
});

describe("a strategy that is not registered", () => {
  it("is refused in one line that says what to do, and nothing is changed", async () => {
    const copy = inFolder("unknown");
    cpSync(library, copy, { recursive: true });
    const before = treeOf(copy);
    const { learnQuickly: learn } = await elsewhere();
    const message = await learn({ ...mug, library: copy, strategy: undefined }).catch(String);
    expect(message).toContain('learned with the strategy "l2-anchor", which is not registered: call registerStrategy');
    expect(message).not.toContain("\n");
    expect(treeOf(copy)).toEqual(before);
  });

  it("does not keep anyone from drawing, or from another strategy", async () => {
    const copy = inFolder("drawn");
    cpSync(library, copy, { recursive: true });
    const options = { steps: 1, width: 32, height: 32, files: [inFolder("drawn.png")] };
    const { learnQuickly: learn, generatePictures: draw } = await elsewhere();
    await draw({ library: copy, prompt: "<dog>", ...options });
    expect(await learn({ ...mug, library: copy, strategy: "sequential" })).toMatchObject({ status: "learned" });
  });

  it("is named by the command that goes on with its unfinished run", async () => {
    const { learnQuickly: learn } = await elsewhere();
    const message = await learn({ ...mug, library: unfinished, strategy: "sequential" }).catch(String);
    expect(message).toContain("begun with other --strategy or its options: go on with it by");
    expect(message).toContain("--strategy l2-anchor");
  });
});

describe("registerStrategy", () => {
  it("takes the same definition twice, and refuses another one of its name, or one that cannot be named", async () => {
    registerStrategy(l2Anchor);
    const named = (name: string) => defineStrategy({ name, summary: "nothing", options: {} });
    for (const [name, words] of [
      ["l2-anchor", 'There is a strategy "l2-anchor" already'],
      ["ewc", 'There is a strategy "ewc" already'],
      ["Mine!", '"Mine!" cannot be the name of a strategy: use lower-case letters'],
    ]) {
      const { kind, message } = await failure(
        Promise.resolve().then(() => {
          registerStrategy(named(name));
        }),
      );
      expect(kind).toBe("usage");
      expect(message).toContain(words);
    }
  });
});
