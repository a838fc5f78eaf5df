/**
 * @file A training run and the page that watches it: the page may be reloaded, the run stopped and gone on with, the
 * server may end; and all of it can be done with the keyboard.
 */
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { writePhotos } from "../keepsake/support.ts";
import { askForSmallSteps, fillIn, goTo, inBrowser, withPage } from "./page-support.ts";
import { TestStudio } from "./support.ts";

/** So many steps that the run is still going on when it is looked at. */
const MANY = 4000;

const run = inBrowser("jobs-page");
const open = withPage(run, () => TestStudio.start(join(run.folder, "library")));

/** Moves the focus on until it is on what is looked for. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    if (await page.locator(`${selector}:focus`).count()) return;
  }
  throw new Error(`no Tab leads to ${selector}`);
}

it("a concept is taught with the keyboard alone", async () => {
  const { page, faults } = open;
  const photos = await writePhotos(join(run.folder, "rex"), "rex");
  await goTo(page, "teach");
  const chooser = page.waitForEvent("filechooser");
  await tabTo(page, 'input[type="file"]');
  await page.keyboard.press("Enter");
  await (await chooser).setFiles([join(photos, "0.png"), join(photos, "1.png")]);
  await page.getByRole("img", { name: "Photo 2, 1.png, as training sees it" }).waitFor();
  await tabTo(page, 'input[placeholder="mochi"]');
  await page.keyboard.type("rex");
  await tabTo(page, 'input[placeholder="cat"]');
  await page.keyboard.type("dog");
  await tabTo(page, ".expert summary");
  await page.keyboard.press("Enter");
  await tabTo(page, "select");
  await page.keyboard.type("No");
  await page.getByText("One concept after another is trained; earlier ones are forgotten.").waitFor();
  await tabTo(page, 'input[type="number"]');
  await page.keyboard.type("4");
  await tabTo(page, ".plan .button-main");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "rex is learned" }).waitFor();
  expect(faults).toEqual([]);
});

it("a page that is reloaded shows the run as it stands; stopped, it goes on", async () => {
  const { page, faults } = open;
  const photos = await writePhotos(join(run.folder, "ember"), "ember");
  await fillIn(page, "ember", "mug", [join(photos, "0.png"), join(photos, "1.png")]);
  await askForSmallSteps(page, MANY);
  await page.getByRole("button", { name: "Teach ember" }).click();
  const progress = page.getByRole("region", { name: "Progress" }).getByText(/\d of 4,000/);
  await progress.waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Learning ember" }).waitFor();
  await progress.waitFor();
  await page.getByRole("img", { name: /^The running mean of the loss/ }).waitFor();
  await page.getByRole("button", { name: "Stop and keep" }).click();
  await page.getByRole("heading", { name: "ember is stopped" }).waitFor();
  // The run can be given up here too, where it can be gone on with.
  await page.getByRole("button", { name: "Give it up" }).waitFor();
  await page.getByRole("button", { name: "Go on" }).last().click();
  await page.getByRole("heading", { name: "Learning ember" }).waitFor();
  expect(faults).toEqual([]);
});

it("a server that ends is said, and the page comes back with the next one", async () => {
  const { page } = open;
  const { port } = open.studio.url;
  await open.studio.end();
  await page.getByText("Keepsake does not answer.").waitFor();
  open.studio = await TestStudio.start(join(run.folder, "library"), "--port", port);
  // The new one has a new secret: whoever opens its address lets the old page in, too.
  await page.getByText("This page then comes back by itself.").waitFor();
  const beside = await page.context().newPage();
  await beside.goto(open.studio.url.href);
  await page.getByText("This page then comes back by itself.").waitFor({ state: "detached" });
  await goTo(page, "concepts");
  await page.getByText(/^ember is unfinished: /).waitFor();
});
