import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { forgetConcept } from "../../src/library/forget.ts";
import { libraryHistory, listConcepts } from "../../src/library/history.ts";
import { Library } from "../../src/library/library.ts";
import { lockFolder } from "../../src/library/lock/lock.ts";
import { redo, undo } from "../../src/library/undo.ts";
import { findUnfinishedRun } from "../../src/library/run/unfinished-run.ts";
import { verifyLibrary } from "../keepsake/one-shot.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, treeOf, writePhotos } from "../keepsake/support.ts";
import { createStrategy } from "../../src/strategies/registry.ts";
import { addConcept, emptyLibrary } from "./support.ts";

const inFolder = temporaryFolder();
/** Knows <dog>, has undone <mug>, and holds an unfinished run of <cup>. */
const library = inFolder("it's mine");
let photos: string[];

async function stopAfterOneStep(folder: string, request: Partial<Parameters<typeof learnQuickly>[0]>): Promise<void> {
  const controller = new AbortController();
  const onProgress = ({ kind }: { kind: string }) => {
    if (kind === "step") controller.abort();
  };
  await learnQuickly({ library: folder, name: "cup", photos, signal: controller.signal, onProgress, ...request });
}

beforeAll(async () => {
  photos = [await writePhotos(inFolder("photos"), "cup")];
  await emptyLibrary(library);
  await addConcept(library, "dog", { seed: 1 });
  await addConcept(library, "mug", { seed: 2 });
  await undo({ library });
  await stopAfterOneStep(library, { classNoun: "coffee cup", training: { learningRate: 2e-4, flip: true } });
});

const quoted = () => `'${library.replace("'", "'\\''")}'`;
const command = () =>
  `keepsake learn cup <the same photos> --class 'coffee cup' --library ${quoted()} ` +
  "--strategy sequential --steps 4 --lr 0.0002 --seed 3 --resolution 32 --flip";
const giveUp = () => `keepsake forget cup --library ${quoted()}`;

describe("an unfinished run", () => {
  it("is told by everything that looks at the library, with the commands that go on with it or give it up", async () => {
    const run = { concept: "cup", step: 1, inUse: false, command: command(), giveUp: giveUp() };
    expect((await listConcepts(library)).unfinishedRun).toEqual(run);
    expect((await libraryHistory(library)).unfinishedRun).toEqual(run);
    expect((await verifyLibrary(library)).unfinishedRun).toEqual(run);
  });

  it("stops undo, redo, forgetting and other runs, which name these commands in one line", async () => {
    const before = treeOf(library);
    const changes = [
      await failure(undo({ library })),
      await failure(redo({ library })),
      await failure(forgetConcept({ library, name: "dog" })),
    ];
    const runs = [
      await failure(learnQuickly({ library, name: "hat", photos })),
      await failure(learnQuickly({ library, name: "cup", photos })),
    ];
    for (const { kind, message } of [...changes, ...runs]) {
      expect(kind).toBe("state");
      expect(message).toContain(`go on with it by "${command()}", or `);
      expect(message).not.toContain("\n");
    }
    for (const { message } of changes) expect(message).toContain(`or give it up by "${giveUp()}".`);
    for (const { message } of runs) expect(message).toContain("or add --restart to give it up.");
    expect(runs.at(-1)?.message).toContain("begun with other --class and training options");
    expect(treeOf(library)).toEqual(before);
  });

  it.each<{ what: string; strategy: string; strategyOptions: Record<string, number>; shown: string }>([
    {
      what: "a plain strategy",
      strategy: "ewc-dc",
      strategyOptions: { lambda: 7 },
      shown: "ewc-dc --strategy-option lambda=7",
    },
    { what: "one that stacks a matrix", strategy: "kv-nullspace", strategyOptions: {}, shown: "kv-nullspace" },
    { what: "one that leaves it", strategy: "textual-inversion", strategyOptions: {}, shown: "textual-inversion" },
  ])(
    "of a first concept names the adapter too, as it was asked for, with $what",
    async ({ strategy, strategyOptions, shown }) => {
      const folder = inFolder(strategy);
      await stopAfterOneStep(folder, { strategy, strategyOptions, adapter: { rank: 3, loraAlpha: 1 } });
      const run = await findUnfinishedRun(await Library.open(folder));
      expect(run?.command).toContain(`--rank 3 --alpha 1 --strategy ${shown} --steps 4`);
    },
  );

  it.each([{ strategy: "kv-nullspace" }, { strategy: "ewc" }])(
    "with the built-in model names no rate that suits what is trained, with $strategy",
    async ({ strategy }) => {
      const folder = inFolder("built-in", strategy);
      await stopAfterOneStep(folder, { model: undefined, strategy });
      const run = await findUnfinishedRun(await Library.open(folder));
      expect(run?.command).not.toMatch(/--(lr|token-lr|targets)/);
    },
  );

  it("names the options in which it differs from what the library was learned with", async () => {
    const folder = inFolder("options");
    const learned = { strategy: "ewc", strategyOptions: { lambda: 7, draws: 1 } };
    await learnQuickly({ library: folder, name: "dog", photos, ...learned, training: { steps: 1 } });
    const ofRun = async (strategy: string, strategyOptions: Record<string, number>) => {
      await stopAfterOneStep(folder, { strategy, strategyOptions, restart: true });
      return (await findUnfinishedRun(await Library.open(folder)))?.command;
    };
    expect(await ofRun("ewc", {})).toContain("--strategy ewc --steps");
    const lambda = Number(createStrategy("ewc").options.lambda);
    expect(await ofRun("ewc", { lambda })).toContain(`--strategy ewc --strategy-option lambda=${lambda} --steps`);
    expect(await ofRun("sequential", {})).toContain("--strategy sequential --steps");
  });

  it("may be the one that another process is at work on", async () => {
    const unlock = await lockFolder(library, "learning cup");
    expect((await listConcepts(library)).unfinishedRun?.inUse).toBe(true);
    await unlock();
    expect((await listConcepts(library)).unfinishedRun?.inUse).toBe(false);
  });

  it("whose saved state is damaged keeps nobody from looking", async () => {
    const folder = inFolder("damaged");
    await emptyLibrary(folder);
    writeFileSync(join(folder, "run.safetensors"), readFileSync(join(library, "run.safetensors")).subarray(0, 50));
    expect((await listConcepts(folder)).unfinishedRun).toBeUndefined();
    expect((await verifyLibrary(folder)).faults).toHaveLength(1);
  });
});
