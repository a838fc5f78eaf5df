import { describe, expect, it } from "vitest";
import { conceptName } from "../../src/prompts/concept-name.ts";
import { learnAll, learnConcept } from "../keepsake/one-shot.ts";
import { Library } from "../../src/library/library.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, writePhotos } from "../keepsake/support.ts";

const inFolder = temporaryFolder();

describe("the name of a concept", () => {
  it.each(["mug", "<mug>", " <mug> "])("may be asked for as %j", (asked) => {
    expect(conceptName(asked)).toBe("mug");
  });

  it.each(["", "<>", "<<mug>>", "<mug", "mug>", "Mug", "< mug >", "../mug", "mug\n"])("cannot be %j", async (asked) => {
    const error = await failure(Promise.resolve().then(() => conceptName(asked)));
    expect(error.kind).toBe("usage");
    expect(error.message).toContain("cannot be the name of a concept");
  });

  it("is the same with brackets when it is learned, one or several", async () => {
    const library = inFolder("library");
    const photos = [await writePhotos(inFolder("photos"), "mug")];
    expect(await learnQuickly({ library, name: "<mug>", photos, training: { steps: 1 } })).toMatchObject({
      ...{ name: "mug", token: "<mug>" },
    });
    const things = [{ name: "<mug>", classNoun: "dog", photos }];
    expect(await learnAll({ library, things, previews: false })).toMatchObject([{ status: "skipped", name: "mug" }]);
    expect((await Library.open(library)).concepts.map(({ name }) => name)).toEqual(["mug"]);
  });
});

describe("a class noun", () => {
  it.each([
    { classNoun: "cat\n<dog>  dog  400 steps", fault: "line breaks or control characters" },
    { classNoun: "cat\u2028dog", fault: "line breaks or control characters" },
    { classNoun: "cat\u001b[2J", fault: "line breaks or control characters" },
    { classNoun: "cat\u202etac", fault: "line breaks or control characters" },
    { classNoun: "cat ".repeat(100), fault: "has 400 characters, at most 200" },
    { classNoun: " ", fault: "is empty" },
  ])("with $fault is refused", async ({ classNoun, fault }) => {
    const request = { library: inFolder("none"), model: MODEL, name: "mug", photos: [], classNoun };
    const { kind, message } = await failure(learnConcept(request));
    expect(kind).toBe("usage");
    expect(message).toContain(fault);
    expect(message).not.toContain("\n");
  });
});
