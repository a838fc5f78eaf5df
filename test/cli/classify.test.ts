import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { ClassifiedPicture } from "../keepsake/one-shot.ts";
import type { Verdict } from "../../src/classifier/picture-answer.ts";
import { MODEL, treeOf, writePhotos } from "../keepsake/support.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { failureLine, keepsake, keepsakeHere, learn, succeeded } from "./support.ts";

const inFolder = temporaryFolder();
/** Knows <rex>, a dog. */
const library = inFolder("my library – ü");
let photos: string;

beforeAll(async () => {
  photos = await writePhotos(inFolder("photos"), "rex");
  succeeded(await keepsakeHere(learn(library, "rex", [photos], "--steps", "2")));
});

const classify = (images: readonly string[], ...more: string[]): string[] => [
  ...[
    "classify",
    ...images,
    "--library",
    library,
    "--resolution",
    "32",
    "--draws",
    "4",
    "--threads",
    "1",
    "--others",
    "",
    ...more,
  ],
];

describe("keepsake classify", () => {
  it("prints an answer and a table for each picture on stdout and its progress on stderr, and stores nothing", async () => {
    writeFileSync(join(photos, "x.bmp"), "");
    const before = treeOf(inFolder());
    const { stdout, stderr } = succeeded(await keepsake(classify([photos]), { hooks: ["no-network"] }));
    const lines = stdout.split("\n");
    const row = /^ {2}(<rex>|none of these) +(\d+ %|[<>] 9?5 %)$/;
    const answer =
      /: (<rex>|none of these(, most like a dog)?|not sure: (<rex> or none of these|none of these or <rex>))$/;
    for (const [i, name] of ["0.png", "1.png"].entries()) {
      const [file, first, second, cost, end] = lines.slice(5 * i, 5 * i + 5);
      expect(file).toMatch(answer);
      expect(file.replace(answer, "")).toBe(join(photos, name));
      expect([first, second].map((line) => row.exec(line)?.[1]).sort()).toEqual(["<rex>", "none of these"]);
      expect(cost).toMatch(/^ {2}UNet evaluations: 12, \d+\.\d s$/);
      expect(end).toBe("");
    }
    // What to do about it, where an answer is not sure and there only.
    expect(stdout.includes("Not sure? --draws 16 looks longer")).toBe(
      lines.some((line) => line.includes(": not sure: ")),
    );
    expect(stderr).toContain(`warning: ${join(photos, "x.bmp")} is in a format that is not read`);
    expect(stderr).toMatch(/^picture 1\/2, UNet evaluations 4\npicture 2\/2, UNet evaluations 4$/m);
    expect(stderr).not.toContain("NETWORK");
    expect(treeOf(inFolder())).toEqual(before);
  });

  it("prints one JSON document with --json, the same for the same seed whatever else is asked", async () => {
    const file = join(photos, "0.png");
    const verdictsOf = async (images: string[], ...more: string[]): Promise<readonly Verdict[]> => {
      const { stdout } = succeeded(await keepsakeHere(classify(images, "--seed", "3", "--json", ...more)));
      const result = JSON.parse(stdout) as { pictures: ClassifiedPicture[] };
      expect(result).toMatchObject({ draws: 4, temperature: 0.01, seed: 3 });
      const [{ verdicts, answer, ...picture }] = result.pictures;
      expect(picture).toEqual({ file, evaluations: 12, seconds: picture.seconds });
      expect(["concept", "none", "unsure"]).toContain(answer.kind);
      expect(picture.seconds).toBeGreaterThan(0);
      expect(Object.fromEntries(verdicts.map(({ label, concept }) => [label, concept]))).toEqual({
        "<rex>": "rex",
        "a dog": undefined,
        "anything else": undefined,
      });
      expect(verdicts.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 10);
      return verdicts;
    };
    const moved = inFolder("moved model");
    cpSync(MODEL, moved, { recursive: true });
    const alone = await verdictsOf([file], "--temperature", "0.01");
    expect(await verdictsOf([file, join(photos, "1.png")], "--temperature", "0.01", "--model", moved)).toEqual(alone);
  });

  it("that is stopped says so and gives no answer", async () => {
    const env = { SIGNAL_AT: JSON.stringify([["picture 1/2", "SIGINT"]]) };
    const stopped = await keepsake(classify([photos], "--draws", "200"), { hooks: ["signal-at-news"], env });
    expect([stopped.code, stopped.stdout]).toEqual([130, ""]);
    expect(stopped.stderr.trimEnd().split("\n").at(-1)).toBe("stopped");
  });

  it("gives examples and defaults with --help", async () => {
    const { code, stdout, stderr } = await keepsakeHere(["classify", "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    const said = [
      "Examples:",
      "  keepsake classify ",
      "never stored",
      '"none of these"',
      '"not sure"',
      "--others <nouns>",
    ];
    for (const words of said) expect(stdout.replace(/\n(?=\S)/g, " ")).toContain(words);
    for (const option of ["draws <n>", "temperature <x>", "seed <n>"]) {
      expect(stdout).toMatch(new RegExp(`--${option} .*\\(default: [\\d.]+\\)`));
    }
  });
});

describe("what cannot be classified is said in one line, with an exit code, and changes nothing:", () => {
  it("pictures", async () => {
    const before = treeOf(inFolder());
    const refused = async (image: string) =>
      failureLine(await keepsakeHere(classify([join(photos, "0.png"), image])), 3);
    expect(await refused(join(photos, "x.bmp"))).toContain(`${join(photos, "x.bmp")} is empty`);
    expect(await refused(inFolder("nowhere.jpg"))).toContain(`${inFolder("nowhere.jpg")}: no such file`);
    expect(await refused(join(library, "library.json"))).toContain("library.json is not a picture");
    expect(treeOf(inFolder())).toEqual(before);
  });

  it("without a library", async () => {
    const line = failureLine(await keepsakeHere(["classify", "x.png", "--library", "none"], { cwd: inFolder() }), 5);
    expect(line).toContain("none: no library here yet");
  });

  it.each([
    { args: ["classify"], words: "missing required argument 'image'" },
    { args: ["classify", "x.png", "--draws", "0"], words: "argument '0' is invalid. It must be a whole number" },
    { args: ["classify", "x.png", "--timesteps", "0.5-0.1"], words: "such as 0.1-0.5" },
    { args: ["classify", "x.png", "--timesteps", "half"], words: "such as 0.1-0.5" },
    { args: ["classify", "x.png", "--temperature", "0"], words: "It must be a number above 0" },
    { args: ["classify", "x.png", "--resolution", "4"], words: "It must be a whole number from 8 to 16384" },
  ])("$args", async ({ args, words }) => {
    const { code, stdout, stderr } = await keepsakeHere(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(words);
  });
});
