import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { chosenStrategy } from "../../src/keepsake/chosen-strategy.ts";
import { Library } from "../../src/library/library.ts";
import { type Manifest, readManifest, serializeManifest, writeManifest } from "../../src/library/manifest/manifest.ts";
import type { ConceptEntry, LibraryState } from "../../src/library/manifest/state.ts";
import { undo } from "../../src/library/undo.ts";
import { DEFAULT_TRAINING } from "../../src/learning/learn-settings.ts";
import { failure } from "../io/failure.ts";
import type { TrainingSettings } from "../../src/training/training-settings.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { MODEL, treeOf } from "../keepsake/support.ts";
import { ADAPTER, addConcept, emptyLibrary } from "./support.ts";

const inFolder = temporaryFolder();

async function libraryOf(folder: string, ...names: string[]): Promise<Library> {
  await emptyLibrary(folder);
  for (const [seed, name] of names.entries()) await addConcept(folder, name, { seed });
  return Library.open(folder);
}

/** Puts other states into a library. */
function withStates(library: Library, states: Partial<Pick<Manifest, "keep" | "earlier" | "later">>): void {
  writeFileSync(join(library.folder, "library.json"), serializeManifest({ ...library.manifest, ...states }));
}

describe("a manifest", () => {
  const concept = (changes: Partial<ConceptEntry>) => (state: Manifest) => ({
    concepts: state.concepts.map((entry) => ({ ...entry, ...changes })),
  });
  const training = (changes: Partial<TrainingSettings>) => (state: Manifest) => {
    const [{ training: before }] = state.concepts;
    return before === undefined ? {} : concept({ training: { ...before, ...changes } })(state);
  };
  const adapter = (changes: Partial<LibraryState["adapter"]>) => (state: Manifest) => ({
    adapter: state.adapter && { ...state.adapter, ...changes },
  });

  it.each<{ what: string; change: (state: Manifest) => Partial<Manifest> }>([
    { what: "a class noun of any length", change: concept({ classNoun: "x".repeat(10_001) }) },
    { what: "targets of any length", change: adapter({ targets: "to_k,".repeat(3000) }) },
    { what: "an alpha without end", change: adapter({ loraAlpha: Infinity }) },
    { what: "a projection key below 0", change: adapter({ kind: "vera", projectionKey: -1 }) },
    { what: "a rate that is no number", change: training({ learningRate: NaN }) },
    { what: "a gradient without bound", change: training({ maxGradNorm: Infinity }) },
    { what: "a batch larger than any", change: training({ batchSize: 257 }) },
    { what: "a concept that was taught half a time", change: concept({ taught: 0.5 }) },
    { what: "a beginning that is no hash", change: concept({ begun: "../x" }) },
    { what: "an average that never moves", change: training({ emaDecay: 1 }) },
    { what: "a part of a state to keep", change: () => ({ keep: 0.5 }) },
    { what: "an option that is no number", change: () => ({ strategy: { name: "ewc", options: { lambda: NaN } } }) },
  ])("that could not be read again is not written: $what", async ({ what, change }) => {
    const { folder, manifest } = await libraryOf(inFolder(what), "dog");
    const before = treeOf(folder);
    const { message } = await failure(writeManifest(folder, { ...manifest, ...change(manifest) }));
    expect(message).toContain(`${join(folder, "library.json")}: with this change the file could not be read again`);
    expect(treeOf(folder)).toEqual(before);
    await writeManifest(folder, manifest);
    expect(await readManifest(folder)).toEqual(manifest);
  });

  it("does not grow beyond what can be read: the change is refused, and before any training", async () => {
    const library = await libraryOf(inFolder("large"), "dog");
    const [dog] = library.concepts;
    const { change, adapter } = library.manifest;
    const stateWith = (classNoun: string): LibraryState => {
      return { change, ...(adapter && { adapter }), concepts: [{ ...dog, classNoun }] };
    };
    const sizeOf = (earlier: LibraryState[]) =>
      Buffer.byteLength(serializeManifest({ ...library.manifest, keep: 10_000, earlier }));
    // As large as a manifest can be, but for a few bytes.
    const bytes = sizeOf([stateWith("x"), stateWith("x")]) - sizeOf([stateWith("x")]);
    const count = Math.floor((32_000_000 - sizeOf([]) - bytes - 100) / (bytes + 4999));
    const states = Array.from({ length: count }, (_, i) => stateWith(String(i).padStart(5000, "x")));
    const left = 32_000_000 - sizeOf([...states, stateWith("y")]);
    states.push(stateWith("y".repeat(left)));
    withStates(library, { keep: 10_000, earlier: states });
    const before = treeOf(library.folder);
    const advice = 'nothing has been changed; keep fewer states with "keepsake history --keep".';
    expect((await failure(addConcept(library.folder, "mug"))).message).toContain(advice);
    const settings = { ...DEFAULT_TRAINING, resolution: 64 };
    const mug = { name: "mug", classNoun: "mug", vectors: 1, training: settings };
    const opened = await Library.open(library.folder);
    expect(() => {
      opened.checkNext({ ...ADAPTER, form: "low-rank" }, mug, { name: "sequential", options: {} });
    }).toThrow(advice);
    expect(treeOf(library.folder)).toEqual(before);
  });

  it("does not hold more states than can be read", async () => {
    const library = await libraryOf(inFolder("many states"), "dog");
    const later = new Array<LibraryState>(100_000).fill({ change: { kind: "begun" }, concepts: [] });
    withStates(library, { keep: 200_000, later });
    const before = treeOf(library.folder);
    const { kind, message } = await failure(undo({ library: library.folder }));
    expect(kind).toBe("state");
    expect(message).toContain('keep fewer states with "keepsake history --keep"');
    expect(treeOf(library.folder)).toEqual(before);
  });

  it("with a strategy that is not registered, or an option that there is not, is at fault itself", async () => {
    const { folder } = await libraryOf(inFolder("strategy"));
    await addConcept(folder, "dog", { memory: new Map([["anchor", { shape: [1], data: Float32Array.of(1) }]]) });
    const path = join(folder, "library.json");
    const text = readFileSync(path, "utf8");
    for (const [from, to, fault] of [
      ['"name": "ewc"', '"name": "foo"', 'The library was learned with the strategy "foo", which is not registered'],
      ['"lambda": 10', '"lambda": -1', `${path}: the manifest is damaged (`],
    ]) {
      writeFileSync(path, text.replace(from, to));
      const library = await Library.open(folder);
      expect(() => chosenStrategy({}, library)).toThrow(fault);
      expect(chosenStrategy({ strategy: "sequential" }, library).name).toBe("sequential");
    }
  });

  it.each(["", "foo"])("with targets that the model does not have (%j) is at fault itself", async (targets) => {
    const { folder } = await libraryOf(inFolder(`targets ${targets}`), "dog");
    const path = join(folder, "library.json");
    writeFileSync(path, readFileSync(path, "utf8").replace('"targets": "crossattn-kv"', `"targets": "${targets}"`));
    const { kind, message } = await failure(
      (await Library.open(folder)).adapter(await StableDiffusionPipeline.load(MODEL)),
    );
    expect(kind).toBe("state");
    expect(message).toContain(`${path}: the manifest is damaged (`);
  });
});
