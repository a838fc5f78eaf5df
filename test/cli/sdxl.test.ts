/** @file The command line on SDXL. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { writePhotos } from "../keepsake/support.ts";
import { generate, keepsake, learn, succeeded } from "./support.ts";

const inFolder = temporaryFolder();
const MODEL = join(import.meta.dirname, "..", "fixtures", "models", "tiny-sdxl");

it("keepsake learns, draws and finds a concept again on SDXL", async () => {
  const library = inFolder("library");
  const photos = await writePhotos(inFolder("rex"), "rex", 1);
  const { stderr } = succeeded(await keepsake(learn(library, "rex", [photos], "--model", MODEL, "--steps", "2")));
  // Each can take a minute, in which nothing else is said.
  expect(stderr).toMatch(/\nplanning the run .*\nabout .*\nencoding the photos\ncompiling the first step\nstep 1\/2/s);
  const picture = inFolder("rex.png");
  succeeded(await keepsake(generate(library, "a <rex>", picture)));
  expect(existsSync(picture)).toBe(true);
  const asked = ["classify", join(photos, "0.png"), "--library", library, "--resolution", "32", "--draws", "2"];
  const { stdout } = succeeded(await keepsake([...asked, "--threads", "1"]));
  expect(stdout).toContain("rex");
});
