/**
 * @file `keepsake learn-all` and the previews after each learning, in processes of their own: results, interruptions at
 * the worst moments, and mistakes.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { Library } from "../../src/library/library.ts";
import { verifyLibrary } from "../keepsake/one-shot.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "../keepsake/support.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { failureLine, keepsake, keepsakeHere, learn, succeeded, type Outcome } from "./support.ts";

const [USAGE, INPUT, STATE, INTERRUPTED] = [2, 3, 5, 130];
const inFolder = temporaryFolder();
let things: string[];
let straight: Outcome;

/** Library and sheet are in one folder, so that both can be compared at once. */
const at = (name: string) => inFolder(name, "library");
const sheetAt = (name: string) => inFolder(name, "library.previews.png");

const learnAll = (name: string, given: readonly string[], ...more: string[]): string[] => [
  ...["learn-all", ...given, "--library", at(name), "--model", MODEL, "--steps", "3", "--resolution", "32"],
  ...[
    "--strategy",
    "sequential",
    "--rank",
    "2",
    "--snapshot-every",
    "1",
    "--threads",
    "1",
    "--previews",
    sheetAt(name),
    ...more,
  ],
];
const signals = (...pairs: [words: string, signal: string][]) => ({
  hooks: ["signal-at-news"],
  env: { SIGNAL_AT: JSON.stringify(pairs) },
});

beforeAll(async () => {
  const photos = await Promise.all(["rex", "mug = 2: old"].map((name) => writePhotos(inFolder(name), name)));
  things = [`rex:dog=${photos[0]}`, `mug:old mug=${photos[1]}`];
  straight = succeeded(await keepsake(learnAll("straight", things)));
}, 3_000_000);

describe("keepsake learn-all", () => {
  it("shares a budget out over the things that it has still to learn", async () => {
    const givenSteps = (arg: string) => arg === "--steps" || arg === "3";
    // Steps so long that no machine takes the least number of them in two seconds.
    const args = (name: string) => [
      ...learnAll(name, things, "--budget", "2s").filter((arg) => !givenSteps(arg)),
      ...["--batch-size", "64"],
    ];
    expect(failureLine(await keepsakeHere(args("budget")), USAGE)).toMatch(/^error: 1 s are too short: /);
    const half = inFolder("half", "library");
    cpSync(at("straight"), half, { recursive: true });
    succeeded(await keepsakeHere(["undo", "--library", half]));
    const { code, stderr } = await keepsakeHere(args("half"));
    expect([code, stderr]).toEqual([USAGE, expect.stringMatching(/^error: 2 s are too short: /m)]);
  });

  it("learns each thing as keepsake learn does, as a change of its own", async () => {
    const library = inFolder("one by one");
    for (const [i, noun] of ["dog", "old mug"].entries()) {
      const [name, photos] = [["rex", "mug"][i], things[i].slice(things[i].indexOf("=") + 1)];
      succeeded(await keepsakeHere(learn(library, name, [photos], "--steps", "3", "--class", noun)));
    }
    expect(treeOf(at("straight"))).toEqual(treeOf(library));
    cpSync(at("straight"), inFolder("undone"), { recursive: true });
    const undone = succeeded(await keepsakeHere(["undo", "--library", inFolder("undone")]));
    expect(undone.stdout).toContain("(learned rex). It knows <rex>.");
  });

  it("says on stdout what came of each, and how much earlier concepts have changed", () => {
    expect(straight.stdout.split("\n")).toEqual([
      `Learned <rex>. Draw it: keepsake generate "a photo of a <rex>" --library ${at("straight")}`,
      `Previews: ${sheetAt("straight")} (rows: <rex>; left before, right now)`,
      `Learned <mug>. Draw it: keepsake generate "a photo of a <mug>" --library ${at("straight")}`,
      `Previews: ${sheetAt("straight")} (rows: <rex>, <mug>; left before, right now)`,
      "changed",
      expect.stringMatching(/^<rex> {4} *\d+\.\d %$/),
      "(0 %: drawn as before, to the pixel; 100 %: as different as two drawings from different noise)",
      "",
    ]);
    expect(straight.stderr).toMatch(/^rex \(1 of 2\)\nwarning: 32x32 pixels are far from [^\n]+\n2 photos\n/);
    expect(straight.stderr).toMatch(/^previews 4\/4, 0 s left\nmug \(2 of 2\)\n/m);
  });

  it("prints one JSON array with --json; repeated, it learns nothing again and ends in the same bytes", async () => {
    const before = treeOf(inFolder("straight"));
    const again = succeeded(await keepsakeHere(learnAll("straight", things, "--json")));
    const changes = [{ concept: "rex", change: expect.any(Number) as unknown }];
    const previews = { sheet: sheetAt("straight"), concepts: ["rex", "mug"], changes };
    expect(JSON.parse(again.stdout)).toMatchObject([
      { status: "skipped", name: "rex", token: "<rex>" },
      { status: "skipped", name: "mug", token: "<mug>", previews },
    ]);
    expect(again.stderr).toContain("the library knows rex already\n");
    expect(again.stderr).not.toContain("step ");
    expect(treeOf(inFolder("straight"))).toEqual(before);
    const quiet = succeeded(await keepsakeHere(learnAll("quiet", things.slice(0, 1), "--no-previews", "--json")));
    expect(JSON.parse(quiet.stdout)).toEqual([expect.objectContaining({ status: "learned", name: "rex" })]);
    expect(quiet.stdout).not.toContain("previews");
    expect(existsSync(sheetAt("quiet"))).toBe(false);
  });

  it("that is killed again and again ends in the same bytes when it is repeated", async () => {
    const args = learnAll("killed again", things);
    // In the first thing, in its previews, between the two, in the last previews.
    for (const words of ["step 2/3", "learned <rex>", "mug (2 of 2)", "learned <mug>"]) {
      expect((await keepsake(args, signals([words, "SIGKILL"]))).code).toBe("SIGKILL");
      expect((await verifyLibrary(at("killed again"))).faults).toEqual([]);
    }
    const { stderr } = succeeded(await keepsakeHere(args));
    for (const name of ["rex", "mug"]) expect(stderr).toContain(`the library knows ${name} already`);
    expect(treeOf(inFolder("killed again"))).toEqual(treeOf(inFolder("straight")));
  });

  it("that is stopped says where, with exit code 130, and goes on", async () => {
    const args = learnAll("stopped", things);
    const inTraining = await keepsake(args, signals(["step 1/3", "SIGINT"]));
    expect(inTraining.code).toBe(INTERRUPTED);
    expect(inTraining.stdout).toMatch(
      /^Stopped at step \d of 3; .*\nNot begun: 1\. The same command goes on from there\.\n$/,
    );
    const inPreviews = await keepsake(args, signals(["drawing previews", "SIGINT"]));
    expect(inPreviews.code).toBe(INTERRUPTED);
    expect(inPreviews.stdout).toContain(
      `The previews were stopped: "keepsake previews --library ${at("stopped")}" draws them.\nNot begun: 1.`,
    );
    succeeded(await keepsakeHere(args));
    expect(treeOf(inFolder("stopped"))).toEqual(treeOf(inFolder("straight")));
  });

  it("looks at every thing before it learns the first, and changes nothing if one is impossible", async () => {
    const [rex, mug] = things;
    writeFileSync(inFolder("text.jpg"), "dear diary");
    const cases: [given: string[], code: number, words: string][] = [
      [["rex"], USAGE, '"rex" does not say what to learn: write name:class=photos'],
      [["rex:dog"], USAGE, "write name:class=photos"],
      [["rex=./rex"], USAGE, "write name:class=photos"],
      [[rex, "../x:dog=./rex"], USAGE, '"../x" cannot be the name of a concept'],
      [[rex, "cat: =./rex"], USAGE, "The class noun is empty"],
      [[rex, rex], USAGE, '"rex" comes twice'],
      [[rex, mug, `cat:cat=${inFolder("nowhere")}`], INPUT, `Cannot read ${inFolder("nowhere")}`],
      [[rex, `cat:cat=${inFolder("text.jpg")}`], INPUT, "is not a picture"],
      [[mug.replace("old mug", "cup")], STATE, 'already knows "mug", with the class "old mug" and not "cup"'],
    ];
    const before = treeOf(inFolder());
    for (const [given, code, words] of cases) {
      const where = code === STATE ? "straight" : "new";
      expect(failureLine(await keepsakeHere(learnAll(where, given)), code)).toContain(words);
    }
    const jpg = [...learnAll("new", things), "--previews", "x.jpg"];
    expect(failureLine(await keepsakeHere(jpg), USAGE)).toContain("give a name that ends in .png");
    expect(treeOf(inFolder())).toEqual(before);
  });
});

describe("the previews of keepsake learn", () => {
  it("come by themselves with the built-in model, and lie beside the library", async () => {
    const photos = things[0].slice(things[0].indexOf("=") + 1);
    const library = inFolder("built-in", "my library");
    const args = ["learn", "rex", photos, "--class", "dog", "--library", library, "--steps", "1", "--threads", "1"];
    const { stdout } = succeeded(await keepsake([...args, "--json"], { hooks: ["no-network"] }));
    const sheet = inFolder("built-in", "my library.previews.png");
    expect(JSON.parse(stdout)).toMatchObject({
      status: "learned",
      previews: { sheet, concepts: ["rex"], changes: [] },
    });
    const { format, width, exif, comments } = await sharp(sheet).metadata();
    expect([format, width, exif]).toEqual(["png", 2 * (2 * 258 + 2) + 3 * 18, undefined]);
    expect(comments).toEqual([{ keyword: "Software", text: "Keepsake" }]);
  });

  it("that are killed leave the concept learned; keepsake previews draws them, and forgetting deletes them", async () => {
    const library = inFolder("killed", "library");
    const sheet = inFolder("killed", "library.previews.png");
    const photos = things[0].slice(things[0].indexOf("=") + 1);
    const args = learn(library, "rex", [photos], "--previews", sheet);
    expect((await keepsake(args, signals(["drawing previews", "SIGKILL"]))).code).toBe("SIGKILL");
    expect((await Library.open(library)).concepts).toHaveLength(1);
    expect(failureLine(await keepsakeHere(args), STATE)).toContain('already knows "rex"');
    expect(existsSync(sheet)).toBe(false);
    const on = (...command: string[]) => keepsakeHere([...command, "--library", library]);
    expect(succeeded(await on("previews", "--threads", "1")).stdout).toBe(
      `Previews: ${sheet} (rows: <rex>; left before, right now)\n`,
    );
    const drawn = readFileSync(sheet);
    rmSync(sheet);
    succeeded(await on("previews", "--threads", "1", "-o", inFolder("killed", "new", "x.png")));
    expect(readFileSync(inFolder("killed", "new", "x.png"))).toEqual(drawn);
    writeFileSync(sheet, drawn);
    succeeded(await on("forget", "rex"));
    expect(existsSync(sheet)).toBe(false);
    expect(failureLine(await on("previews"), STATE)).toContain("has nothing to compare: it knows nothing yet");
  });

  it("that cannot be written are refused before anything is learned", async () => {
    const folder = inFolder("a folder.png");
    mkdirSync(folder);
    const args = learn(inFolder("refused"), "rex", [join(inFolder("rex"), "0.png")], "--previews", folder);
    expect(failureLine(await keepsakeHere(args), INPUT)).toContain("a folder.png is a folder");
    expect(existsSync(inFolder("refused"))).toBe(false);
  });

  it("are not drawn with another model unless asked", async () => {
    await learnQuickly({ library: inFolder("tiny"), name: "rex", photos: [inFolder("rex")] });
    const { stdout } = succeeded(await keepsakeHere(learn(inFolder("tiny"), "mug", [inFolder("rex")])));
    expect(stdout).not.toContain("Previews");
  });
});
