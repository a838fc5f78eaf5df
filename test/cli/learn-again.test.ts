/**
 * `keepsake learn` of a name that the library knows, with further training options, and with pictures on the way.
 */
import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { treeOf, writePhotos } from "../keepsake/support.ts";
import { failureLine, keepsakeHere, learn, succeeded } from "./support.ts";

const inFolder = temporaryFolder();
const library = inFolder("library");
const [USAGE, STATE] = [2, 5];
let dog: string;
let spring: string;
/** The same photos and options, for what the library knows: its class is not named again. */
const again = (...more: string[]) => {
  const args = learn(library, "dog", [spring], ...more);
  return [...args.slice(0, args.indexOf("--class")), ...args.slice(args.indexOf("--class") + 2)];
};

beforeAll(async () => {
  dog = await writePhotos(inFolder("dog"), "dog");
  spring = await writePhotos(inFolder("spring"), "spring");
  succeeded(await keepsakeHere(learn(library, "dog", [dog])));
});

describe("keepsake learn of a name that the library knows", () => {
  it("is refused, and the line says what can be done", async () => {
    const line = failureLine(await keepsakeHere(learn(library, "dog", [spring])), STATE);
    expect(line).toContain('already knows "dog"; add --more to go on teaching it, --replace to begin it anew');
    expect(failureLine(await keepsakeHere(again("--more", "--replace")), USAGE)).toContain("leave one of the two out");
    expect(failureLine(await keepsakeHere(again()), STATE)).toContain('already knows "dog"; add --more');
    const unknown = again().map((arg) => (arg === "dog" ? "hat" : arg));
    const asked = failureLine(await keepsakeHere(unknown), USAGE);
    expect(asked).toContain("Say what the thing is with --class <noun>, e.g. keepsake learn hat ");
    expect(asked).toContain(`--class cat --library ${library}`);
  });

  it("goes on with --more, begins anew with --replace, and undo takes them back one by one", async () => {
    const before = treeOf(library);
    succeeded(await keepsakeHere(again("--more")));
    const list = async () => succeeded(await keepsakeHere(["list", "--library", library])).stdout;
    expect(await list()).toMatch(/<dog> +dog +6 steps \(taught 2 times\) +sequential/);
    succeeded(await keepsakeHere(again("--replace", "--no-previews")));
    expect(await list()).not.toContain("taught");
    const { stdout } = succeeded(await keepsakeHere(["history", "--library", library]));
    expect(stdout.split("\n").slice(0, 3).join("\n")).toMatch(
      /learned dog anew .*\n.*learned more of dog .*\n.*learned dog /,
    );
    for (let undone = 0; undone < 2; undone++) succeeded(await keepsakeHere(["undo", "--library", library]));
    const blobs = Object.keys(before ?? {}).filter((name) => name.startsWith("blobs/"));
    expect(Object.keys(treeOf(library) ?? {})).toEqual(expect.arrayContaining(blobs));
  });
});

describe("keepsake learn with more to see and to set", () => {
  it("writes samples, tells the error on what is held back, and draws pictures of the class first", async () => {
    const heldBack = (await writePhotos(inFolder("held back"), "held back", 1)) + "/0.png";
    const samples = inFolder("samples");
    const shown = ["--sample-every", "3", "--samples", samples, "--validation", heldBack, "--validation-every", "6"];
    const set = ["--min-snr-gamma", "5", "--noise-offset", "0.05", "--warmup-steps", "1", "--ema", "0.9"];
    const prior = ["--gradient-accumulation", "2", "--prior-weight", "1", "--prior-pictures", "2"];
    const args = learn(inFolder("shown"), "cup", [dog], ...shown, ...set, ...prior);
    const { stderr } = succeeded(await keepsakeHere(args));
    expect(readdirSync(samples)).toEqual(["cup-0.png", "cup-3.png", "cup-6.png"]);
    expect(stderr).toContain(`sample of <cup> at step 3: ${samples}/cup-3.png`);
    expect(stderr).toMatch(/step 0: error on what is held back \d/);
    expect(stderr).toMatch(/step 6: error on what is held back \d/);
    expect(stderr).toContain("pictures of the class 2/2");
  });

  it.each([
    [["--samples", "here"], "--samples needs --sample-every"],
    [["--sample-others"], "--sample-others needs --sample-every"],
    [["--validation-every", "5"], "--validation-every needs a photo"],
    [["--prior-pictures", "5"], "add --prior-weight"],
    [["--warmup-steps", "6"], "A warm-up of 6 steps does not end within the 6 steps"],
    [["--ema", "1"], "It must be a number from 0 to 0.999999"],
  ])("refuses %j in one line", async (options, words) => {
    expect(failureLine(await keepsakeHere(learn(inFolder("none"), "cup", [dog], ...options)), USAGE)).toContain(words);
    expect(treeOf(inFolder("none"))).toBeUndefined();
  });

  it("has a help in groups, with all that is off unless given in one", async () => {
    const { stdout } = succeeded(await keepsakeHere(["learn", "--help"]));
    const groups = [
      "Options:",
      "What is trained:",
      "Photos:",
      "Training:",
      "Further training options, off unless given:",
    ];
    const places = [...groups, "The run, and how it is shown:", "The machine:"].map((group) => stdout.indexOf(group));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
  });
});
