import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { initLibrary, verifyLibrary } from "./one-shot.ts";
import { forgetConcept } from "../../src/library/forget.ts";
import { libraryHistory } from "../../src/library/history.ts";
import { Library } from "../../src/library/library.ts";
import { undo } from "../../src/library/undo.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
let photos: string[];

beforeAll(async () => {
  photos = [await writePhotos(inFolder("photos"), "dog")];
});

describe("initLibrary", () => {
  it("makes the very library that learning would have begun", async () => {
    const [begun, straight] = [inFolder("begun"), inFolder("straight")];
    await initLibrary({ library: begun, model: MODEL });
    expect(Object.keys(treeOf(begun) ?? {})).toEqual(["library.json"]);
    expect(await libraryHistory(begun)).toMatchObject({
      keep: 3,
      states: [{ change: { kind: "begun" }, concepts: [] }],
    });
    await learnQuickly({ library: begun, name: "dog", photos, model: undefined });
    await learnQuickly({ library: straight, name: "dog", photos });
    expect(treeOf(begun)).toEqual(treeOf(straight));
  });

  it("remembers how many earlier states to keep", async () => {
    const library = inFolder("keep");
    await initLibrary({ library, model: MODEL, keep: 0 });
    await learnQuickly({ library, name: "dog", photos });
    expect((await Library.open(library)).manifest).toMatchObject({ keep: 0, earlier: [] });
  });

  it("refuses a folder that holds a library, and a model that is none, and leaves nothing behind", async () => {
    const library = inFolder("twice");
    await initLibrary({ library, model: MODEL });
    const before = treeOf(library);
    expect((await failure(initLibrary({ library, model: MODEL }))).message).toContain("is a library already");
    expect(treeOf(library)).toEqual(before);
    const fresh = inFolder("fresh");
    expect((await failure(initLibrary({ library: fresh, model: inFolder("x") }))).message).toContain("no such folder");
    expect((await failure(initLibrary({ library: fresh, model: MODEL, keep: -1 }))).kind).toBe("usage");
    expect(existsSync(fresh)).toBe(false);
  });

  it("takes the built-in model unless another is named, and does not say where that lies", async () => {
    const library = inFolder("built-in");
    await initLibrary({ library });
    expect((await Library.open(library)).manifest.model.folder).toBe("built-in");
    expect(await verifyLibrary(library)).toMatchObject({ faults: [], model: "checked" });
  });
});

describe("an unfinished run", () => {
  it("is not pulled the ground from under, and can be given up by forgetting its concept", async () => {
    const library = inFolder("unfinished");
    await learnQuickly({ library, name: "dog", photos });
    const controller = new AbortController();
    const onProgress = ({ kind }: { kind: string }) => {
      if (kind === "step") controller.abort();
    };
    await learnQuickly({ library, name: "mug", photos, signal: controller.signal, onProgress });
    const before = treeOf(library);
    for (const change of [() => undo({ library }), () => forgetConcept({ library, name: "dog", purge: true })]) {
      const { kind, message } = await failure(change());
      expect(kind).toBe("state");
      expect(message).toMatch(
        /holds an unfinished run of "mug" \(step 1\): .* give it up by "keepsake forget mug --library /,
      );
      expect(treeOf(library)).toEqual(before);
    }
    expect(await forgetConcept({ library, name: "mug" })).toMatchObject({ forgot: "run", remains: "nothing" });
    expect(existsSync(`${library}/run.safetensors`)).toBe(false);
    await undo({ library });
    expect((await Library.open(library)).concepts).toEqual([]);
  });

  it("that has ended, but was killed before it could clear up, does not come back with an undo", async () => {
    const library = inFolder("ended");
    await initLibrary({ library, model: MODEL });
    const controller = new AbortController();
    const onProgress = ({ kind }: { kind: string }) => {
      if (kind === "step") controller.abort();
    };
    await learnQuickly({ library, name: "dog", photos, signal: controller.signal, onProgress });
    const snapshot = readFileSync(`${library}/run.safetensors`);
    await learnQuickly({ library, name: "dog", photos });
    writeFileSync(`${library}/run.safetensors`, snapshot);
    await undo({ library });
    expect(Object.keys(treeOf(library) ?? {}).filter((name) => !name.startsWith("blobs"))).toEqual(["library.json"]);
  });
});
