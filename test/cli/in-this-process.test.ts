/**
 * @file What most tests of the command line rest on: a command says the same here as in a process of its own.
 */
import { beforeAll, expect, it } from "vitest";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, writePhotos } from "../keepsake/support.ts";
import { generate, keepsake, keepsakeHere, learn } from "./support.ts";

const inFolder = temporaryFolder();
const library = inFolder("library");

beforeAll(async () => {
  await learnQuickly({ library, name: "dog", photos: [await writePhotos(inFolder("photos"), "dog")] });
});

it.each([
  { code: 0, args: ["list", "--library", library] },
  { code: 0, args: generate(library, "a <dog>", inFolder("x.png"), "--json") },
  { code: 0, args: ["undo", "--help"] },
  { code: 2, args: ["lern"] },
  { code: 2, args: generate(library, " ", "out") },
  { code: 2, args: [] },
  { code: 3, args: learn(library, "cat", [inFolder("nowhere.jpg")]) },
  { code: 3, args: generate(undefined, "a dog", "out", "--model", inFolder("photos")) },
  { code: 4, args: generate(library, "a dog", "/proc/new/folder") },
  { code: 5, args: learn(library, "dog", [inFolder("photos")]) },
  { code: 5, args: ["init", library, "--model", MODEL] },
])("$args ends with $code, here and there", async ({ code, args }) => {
  const there = await keepsake(args, { cwd: inFolder() });
  expect(there.code).toBe(code);
  expect(await keepsakeHere(args, { cwd: inFolder() })).toEqual(there);
});
