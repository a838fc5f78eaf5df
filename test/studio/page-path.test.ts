/**
 * @file The way of someone who has only a browser: teaches an example concept, sees what it did to two earlier ones,
 * draws, undoes, draws the same again, and takes the LoRA away.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import {
  askForSmallSteps,
  examplePhotos,
  fillIn,
  goTo,
  inBrowser,
  libraryOfTwo,
  PATIENT,
  withPage,
} from "./page-support.ts";
import { TestStudio } from "./support.ts";

const run = inBrowser("path");
const open = withPage(run, async () => TestStudio.start(await libraryOfTwo(run.folder)));

it("a concept is taught from photos, with a plan first", async () => {
  const { page } = open;
  await fillIn(page, "pip", "bunny", examplePhotos("pip"));
  // Text files beside the photos became captions.
  await expect
    .poll(() => page.getByRole("textbox", { name: "What else 00.png shows" }).inputValue(), PATIENT)
    .not.toBe("");
  await page.getByRole("radio", { name: /^Quick/ }).check();
  await page.getByText(/^About \d/).waitFor();
  await page.getByRole("button", { name: "Teach pip" }).click();
  await page.getByRole("heading", { name: "pip is learned" }).waitFor();
  await page.getByRole("img", { name: /^The running mean of the loss/ }).waitFor();
});

it("the two earlier concepts are shown before and after", async () => {
  const { page } = open;
  await page.getByRole("link", { name: "See what changed" }).click();
  await page.getByRole("button", { name: "Compare all kept states" }).click();
  await page
    .getByRole("gridcell", { name: /^rex, learned pip: \d+ % changed$|^rex, learned pip: < 1 % changed$/ })
    .waitFor();
  for (const name of ["rex", "ember"]) {
    const slider = page.getByRole("slider", { name: `${name}: before and after` });
    await slider.press("ArrowRight");
    expect(await slider.getAttribute("aria-valuetext")).toBe("51 % first, the rest now");
    for (const when of ["first", "now"])
      await page.getByRole("img", { name: `${name}, ${when}`, exact: true }).waitFor();
  }
  const isDrawn = "[...document.querySelectorAll('.before-after img')].every(({ naturalWidth }) => naturalWidth > 0)";
  await expect.poll(() => page.evaluate<boolean>(isDrawn), PATIENT).toBe(true);
});

it("it is drawn; after an undo the same seed is drawn again", async () => {
  const { page } = open;
  await goTo(page, "draw");
  const prompt = page.getByRole("textbox", { name: "Prompt" });
  await prompt.fill("<rex> and <pi");
  await prompt.press("p");
  await page.getByRole("option", { name: "<pip>" }).waitFor();
  await prompt.press("Enter");
  expect(await prompt.inputValue()).toBe("<rex> and <pip>");
  await page.getByRole("radio", { name: "1", exact: true }).check();
  await page.getByText("More settings").click();
  await page.getByRole("combobox", { name: "Scheduler" }).selectOption({ label: "Euler" });
  await page.getByText("The simplest: one straight line for each step.").waitFor();
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await page.getByRole("img", { name: "Picture 1: <rex> and <pip>" }).waitFor();

  await goTo(page, "remember");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Your library is back at: learned ember.").waitFor();
  await goTo(page, "draw");
  await page.getByRole("button", { name: "Draw again" }).click();
  await expect.poll(() => page.getByRole("img", { name: "Picture 1: <rex> and <pip>" }).count(), PATIENT).toBe(2);
  await goTo(page, "remember");
  await page.getByRole("button", { name: "Redo" }).click();
  await page.getByText("Your library is back at: learned pip.").waitFor();
});

it("a picture is saved with its prompt or without", async () => {
  const { page } = open;
  await goTo(page, "draw");
  await page.getByRole("button", { name: "Picture 1: <rex> and <pip>" }).first().click();
  const save = async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByText("Save PNG").click()]);
    expect(download.suggestedFilename()).toMatch(/^rex-and-pip-\d+\.png$/);
    return readFileSync(await download.path()).includes("<rex>");
  };
  expect(await save()).toBe(true);
  await page.getByRole("checkbox", { name: "Keep the prompt in the file" }).uncheck();
  expect(await save()).toBe(false);
});

it("a concept is taught more photos: the plan and Watch say so", async () => {
  const { page } = open;
  await goTo(page, "concepts");
  await page.keyboard.press("Escape");
  await page.getByLabel("More for ember").click();
  await page.getByRole("button", { name: "Teach more photos" }).click();
  await page.locator(".screen-teach .page-head h1").waitFor();
  await page.locator('input[type="file"][multiple]').setInputFiles(examplePhotos("pip").slice(0, 2));
  const noun = page.getByRole("textbox", { name: "Kind of thing" });
  expect([await noun.inputValue(), await noun.isEditable()]).toEqual(["dog", false]);
  await page.getByText("ember is taught more: it goes on from what it is.").waitFor();
  await page.getByRole("radio", { name: /^Begin it anew/ }).check();
  await page.getByText(/^ember begins anew/).waitFor();
  expect(await noun.isEditable()).toBe(true);
  await page.getByRole("radio", { name: /^Teach it more/ }).check();
  await askForSmallSteps(page, 4);
  await page.getByText(/^About \d/).waitFor();
  await page.getByRole("button", { name: "Teach ember more" }).click();
  await page.getByRole("heading", { name: "More of ember is learned" }).waitFor();
  await page.getByRole("heading", { name: "Taught more" }).waitFor();
  await goTo(page, "concepts");
  await page.getByText(/taught 2 times/).waitFor();
});

it("everything is taken away as a LoRA", async () => {
  const { page, faults } = open;
  await goTo(page, "concepts");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Save all as LoRA" }).click();
  await page.getByRole("button", { name: "Prepare the file" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: /^Save \S+\.(zip|safetensors) / }).click(),
  ]);
  expect(readFileSync(await download.path()).length).toBeGreaterThan(1000);
  expect(faults).toEqual([]);
});
