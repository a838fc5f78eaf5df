import { beforeAll, describe, expect, it } from "vitest";
import { Keepsake } from "../../src/keepsake/keepsake.ts";
import type { ForgettingMatrixProgress } from "../../src/keepsake/previews/forgetting-matrix.ts";
import { pictureChanges } from "../../src/keepsake/previews/picture-change.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
/** Knows <rex>, then <mug>, then <hat>. */
const library = inFolder("library");
const open = () => Keepsake.open(library, { model: MODEL, program: { threads: 1 } });

beforeAll(async () => {
  const photos = await writePhotos(inFolder("photos"), "rex");
  const training = { steps: 4, learningRate: 1e-2, tokenLearningRate: 1e-1 };
  for (const name of ["rex", "mug", "hat"]) await learnQuickly({ library, name, photos: [photos], training });
});

describe("the forgetting matrix", () => {
  it("has every concept in every state that knows it, compared with the state in which it was learned", async () => {
    await using keepsake = await open();
    const before = treeOf(library);
    const { states, concepts, cells } = await keepsake.forgettingMatrix();
    const history = await keepsake.history();
    expect(states.map(({ id }) => id)).toEqual(history.states.map(({ id }) => id).toReversed());
    expect(concepts).toEqual(["rex", "mug", "hat"]);
    const [, first, second, third] = states.map(({ id }) => id);
    const known = cells.map(({ concept, state }) => [concept, [first, second, third].indexOf(state)]);
    expect(known).toEqual([
      ["rex", 0],
      ["rex", 1],
      ["rex", 2],
      ["mug", 1],
      ["mug", 2],
      ["hat", 2],
    ]);
    const changes = cells.map(({ change }) => change);
    expect([changes[0], changes[3], changes[5]]).toEqual([0, 0, 0]);
    for (const i of [1, 2, 4]) expect(changes[i]).toBeGreaterThan(0);
    expect(treeOf(library)).toEqual(before);
  });

  it("shows the pictures that generate draws, and changes as the preview sheet reckons them", async () => {
    await using keepsake = await open();
    const { states } = await keepsake.forgettingMatrix({ concepts: ["rex"] });
    const { cells } = await keepsake.forgettingMatrix({
      concepts: ["rex"],
      states: states.slice(-2).map(({ id }) => id),
    });
    const [before, after] = cells.map(({ pictures }) => pictures.map(({ image }) => image));
    expect(cells[1].change).toBeCloseTo(pictureChanges([{ before, after }])[0], 10);
    const drawn = await keepsake.generate({ prompt: "a photo of a <rex>", n: 2, steps: 30, width: 32, height: 32 });
    expect(after).toEqual(drawn.map(({ image }) => image));
  });

  it("tells each cell as it is drawn, and stops when the signal fires", async () => {
    await using keepsake = await open();
    const controller = new AbortController();
    const told: ForgettingMatrixProgress[] = [];
    const asked = keepsake.forgettingMatrix({
      signal: controller.signal,
      onProgress: (progress) => {
        told.push(progress);
        if (progress.done === 2) controller.abort(new Error("enough"));
      },
    });
    await expect(asked).rejects.toThrow("enough");
    expect(told.map(({ done, count }) => [done, count])).toEqual([
      [1, 6],
      [2, 6],
    ]);
    expect(told.map(({ cell }) => cell.concept)).toEqual(["rex", "mug"]);
  });

  it("draws only what has changed: after an undo and a redo nothing has", async () => {
    await using keepsake = await open();
    await keepsake.undo();
    const undone = await keepsake.forgettingMatrix();
    expect(undone.concepts).toEqual(["rex", "mug"]);
    await keepsake.redo();
    expect((await keepsake.forgettingMatrix()).concepts).toEqual(["rex", "mug", "hat"]);
  });

  it("has one row for a concept that was renamed, with what it was under its older name", async () => {
    await using keepsake = await open();
    const before = await keepsake.forgettingMatrix();
    await keepsake.rename({ name: "rex", to: "max" });
    const { concepts, cells } = await keepsake.forgettingMatrix();
    expect(concepts).toEqual(["max", "mug", "hat"]);
    const row = cells.filter(({ concept }) => concept === "max");
    expect(row.map(({ nameThen }) => nameThen)).toEqual(["rex", "rex", "rex", "max"]);
    const changes = before.cells.filter(({ concept }) => concept === "rex").map(({ change }) => change);
    expect(row.map(({ change }) => change)).toEqual([...changes, changes.at(-1)]);
    expect(row.map(({ pictures: [{ prompt }] }) => prompt).slice(2)).toEqual([
      "a photo of a <rex>",
      "a photo of a <max>",
    ]);
    await keepsake.undo();
  });

  it("names a state that is not kept", async () => {
    await using keepsake = await open();
    const { kind, message } = await failure(keepsake.forgettingMatrix({ states: ["0123abcd"] }));
    expect([kind, message]).toEqual(["state", expect.stringContaining("keeps no state 0123abcd")]);
  });
});
