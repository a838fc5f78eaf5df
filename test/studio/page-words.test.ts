/**
 * @file What the facade says to those who type commands is said on the page in words of the page.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { askedConcept, checkNaming } from "../../src/keepsake/training/asked-concept.ts";
import { redo, undo } from "../../src/library/undo.ts";
import { checkClassNoun } from "../../src/prompts/concept-name.ts";
import { classNounWarning } from "../../src/prompts/known-words.ts";
import { notInCache } from "../../src/hub-cache/model-on-disk.ts";
import { faultOf } from "../../src/studio/fault.ts";
import { inPageWords } from "../../src/studio/page-words.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, writePhotos } from "../keepsake/support.ts";

const inFolder = temporaryFolder();
const library = inFolder("library");
const COMMAND = /keepsake [a-z]+|--[a-z]/;

/** The page's words for what is thrown. */
const said = async (work: Promise<unknown>) => faultOf(await failure(work)).message;
const saidNow = (work: () => unknown) => said(Promise.resolve().then(work));

describe("A library with an unfinished run", () => {
  let photos: string;

  beforeAll(async () => {
    photos = await writePhotos(inFolder("photos"), "dog");
    const controller = new AbortController();
    const onProgress = ({ kind }: { readonly kind: string }) => {
      if (kind === "step") controller.abort();
    };
    await learnQuickly({ library, name: "dog", photos: [photos], signal: controller.signal, onProgress });
  });

  it("is gone on with, or the run given up, by buttons", async () => {
    const advice = "go on with it or give it up on Watch.";
    const another = await said(learnQuickly({ library, name: "cat", photos: [photos] }));
    expect(another).toBe(`${library} holds an unfinished run of "dog" (step 1): ${advice}`);
    const other = await said(learnQuickly({ library, name: "dog", classNoun: "cat", photos: [photos] }));
    expect(other).toBe(
      `${library} holds an unfinished run of "dog" (step 1), begun with other kind of thing: ${advice}`,
    );
  });

  it("has its states on Remember", async () => {
    expect(await said(undo({ library, to: "0".repeat(8) }))).toBe(
      `${library} keeps no state 00000000; History on Remember has those that are kept.`,
    );
    expect(await said(redo({ library }))).toMatch(/; History on Remember has the states that are kept\.$/);
  });
});

describe("On the page", () => {
  const known = { concepts: [{ name: "dog", token: "<dog>", classNoun: "dog", vectors: 1, embedding: "" }] };

  it("a known concept is taught more or anew on Teach", async () => {
    const ask = (asked: object) => saidNow(() => askedConcept({ name: "dog", ...asked }, known, "lib"));
    expect(await ask({})).toBe(
      'The library lib already knows "dog"; say on Teach whether it is taught more or begins anew, or choose another name.',
    );
    expect(await ask({ more: true, classNoun: "cat" })).not.toMatch(COMMAND);
    expect(await ask({ name: "mug", more: true })).not.toMatch(COMMAND);
    expect(await saidNow(() => checkNaming({ name: "dog" }))).toBe('Say what "dog" is with a class noun, e.g. cat.');
    expect(
      await saidNow(() => {
        checkClassNoun(" ");
      }),
    ).not.toMatch(COMMAND);
  });

  it("a model is downloaded in Settings", () => {
    const { message } = notInCache("someone/some-model", { repo: "someone/some-model", revision: "main" });
    expect(inPageWords(message)).toMatch(/; to download it, give its name to Download in Settings\.$/);
  });

  it("too little memory has the advice that can be followed there: checkpointing is chosen by itself", () => {
    const line = "Learning needs 9 GB, and 2 GB are free; ";
    expect(inPageWords(`${line}--resolution 96 would fit, and --checkpointing takes less.`)).toBe(
      `${line}resolution 96 would fit.`,
    );
    expect(
      inPageWords(`${line}use a smaller --batch-size, and --checkpointing takes less, or close other programs.`),
    ).toBe(`${line}close other programs.`);
  });

  it("what the command line alone can do stays as it is", () => {
    const line = "say where they are with --model <path>, or choose another library with --library.";
    expect(inPageWords(line)).toBe(line);
  });

  it("things that the model does not know come with some that it knows, and no command", () => {
    const nouns = ["cat", "mug", "house"];
    expect(inPageWords(classNounWarning("xylophone", { nouns, words: nouns }) ?? "")).toMatch(/and others\.$/);
  });
});
