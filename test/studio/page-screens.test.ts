/**
 * @file Every screen, with a library that knows two concepts and with one that knows none: it breaks no serious rule of
 * accessibility in either theme, fits the narrowest window, and nothing goes wrong in the console.
 */
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import {
  examplePhotos,
  goTo,
  inBrowser,
  libraryOfTwo,
  overflow,
  PATIENT,
  SCREENS,
  seriousFindings,
  withPage,
  type ScreenName,
} from "./page-support.ts";
import { learning, noisePhoto, TestStudio } from "./support.ts";

const WINDOWS = { phone: { width: 360, height: 740 }, desk: { width: 1280, height: 800 } };

const run = inBrowser("screens");

describe("With concepts", () => {
  const open = withPage(run, async () => {
    const studio = await TestStudio.start(await libraryOfTwo(run.folder));
    // Something to see on every screen.
    const photo = await studio.drop("rex.png", await noisePhoto("rex 0"));
    await studio.done(learning("pip", [photo]));
    await studio.done({ kind: "remember" });
    await studio.done({ kind: "draw", prompt: "<rex> at sea", n: 2, seed: 1, steps: 2, width: 32, height: 32 });
    await studio.drop("next.png", await noisePhoto("next"));
    return studio;
  });

  it.each(SCREENS)("%s is accessible in both themes, and fits a phone", async (screen) => {
    const { page, faults } = open;
    await goTo(page, screen);
    await page.waitForLoadState("networkidle", PATIENT).catch(() => undefined);
    for (const colorScheme of ["light", "dark"] as const) {
      for (const size of Object.values(WINDOWS)) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(size);
        expect(await overflow(page)).toBe(0);
        expect(await seriousFindings(page)).toEqual([]);
      }
    }
    expect(faults).toEqual([]);
  });

  it("the dialogs are accessible", async () => {
    const { page, faults } = open;
    await goTo(page, "concepts");
    for (const action of ["Rename", "Save as LoRA", "Forget"]) {
      await page.getByLabel("More for rex").click();
      await page.getByRole("button", { name: action, exact: true }).click();
      await page.getByRole("dialog").waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      expect(await page.locator(":focus").getAttribute("aria-label")).toBe("More for rex");
    }
    await goTo(page, "teach");
    for (const name of ["Move the crop of next.png", "Paint a mask for next.png"]) {
      await page.getByRole("button", { name }).click();
      expect(await seriousFindings(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      // The focus is where it was.
      expect(await page.locator("button:focus").getAttribute("aria-label")).toBe(name);
    }
    expect(faults).toEqual([]);
  });

  it("a screen and a dialog have the focus as soon as they are there, however quickly a person types", async () => {
    const { page } = open;
    await goTo(page, "concepts");
    expect(await focusWhenThere(page, ".screen-draw h1", `location.hash = "#/draw"`)).toBe(true);
    await goTo(page, "concepts");
    const rename = `document.querySelector(".menu li:nth-of-type(2) button").click()`;
    expect(await focusWhenThere(page, "dialog", rename)).toBe(true);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  it("a prompt that an address brings does not replace what is typed there at once", async () => {
    const { page } = open;
    await goTo(page, "concepts");
    const type = `(prompt, resolve) => {
      prompt.value = "typed at once";
      prompt.dispatchEvent(new InputEvent("input", { bubbles: true }));
      // After two frames all that follows a painting has been done.
      requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve)));
    }`;
    await whenThere(page, ".screen-draw textarea", type, `location.hash = "#/draw?prompt=brought"`);
    expect(await page.getByRole("textbox", { name: "Prompt", exact: true }).inputValue()).toBe("typed at once");
  });

  it("a dialog takes the focus to its first control, keeps it, and gives it back", async () => {
    const { page } = open;
    const openers: readonly (readonly [ScreenName, open: () => Promise<void>, first: string])[] = [
      ["concepts", () => fromMenu("Rename"), "input:not([type])"],
      ["concepts", () => fromMenu("Save as LoRA"), "input[type=radio]:checked"],
      ["concepts", () => fromMenu("Forget"), "input[type=radio]:checked"],
      ["teach", () => byKeyboard("Move the crop of next.png"), "[role=application]"],
      ["teach", () => byKeyboard("Paint a mask for next.png"), "canvas"],
      ["draw", () => byKeyboard("Picture 1: <rex> at sea"), "input[type=checkbox]"],
      ["settings", () => keepFewer(), ".button-danger"],
    ];
    async function byKeyboard(name: string): Promise<void> {
      await page.getByRole("button", { name }).focus();
      await page.keyboard.press("Enter");
    }
    async function fromMenu(action: string): Promise<void> {
      await page.getByLabel("More for rex").focus();
      await page.keyboard.press("Enter");
      await byKeyboard(action);
    }
    async function keepFewer(): Promise<void> {
      await page.getByRole("spinbutton", { name: "States kept for undo" }).fill("1");
      await page.keyboard.press("Enter");
    }
    for (const [screen, openDialog, first] of openers) {
      await goTo(page, screen);
      await openDialog();
      const dialog = page.getByRole("dialog");
      await dialog.waitFor();
      expect(await dialog.locator(`:focus:is(${first})`).count(), `${screen} ${first}`).toBe(1);
      for (const key of ["Shift+Tab", "Tab", "Tab", "Tab"]) {
        await page.keyboard.press(key);
        expect(await dialog.locator(":focus").count(), `${screen} ${first} ${key}`).toBe(1);
      }
      // Round and round: as often as there are controls, and more.
      for (let presses = 0; presses < 12; presses++) await page.keyboard.press("Tab");
      expect(await dialog.locator(":focus").count()).toBe(1);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      expect(await page.locator(":focus:is(button, summary, input)").count()).toBe(1);
    }
    // Nothing was changed.
    expect((await open.studio.state()).history?.keep).toBe(3);
  });

  /** From its card. */
  async function forget(name: string): Promise<void> {
    const { page } = open;
    await goTo(page, "concepts");
    await page.getByLabel(`More for ${name}`).click();
    await page.getByRole("button", { name: "Forget", exact: true }).click();
    await page.getByRole("button", { name: `Forget ${name}` }).click();
    await page.getByText(`${name} is forgotten.`).waitFor();
    await page.getByLabel(`More for ${name}`).waitFor({ state: "detached" });
  }

  it("a concept that is forgotten takes the focus of its card to the next", async () => {
    const { page } = open;
    await forget("rex");
    expect(await page.locator(":focus").getAttribute("aria-label")).toBe("More for ember");
    await open.studio.done({ kind: "undo" });
    await page.getByLabel("More for rex").waitFor();
  });

  it("a mask that was painted can be painted further, stroke by stroke taken back, and cleared", async () => {
    const { page, faults } = open;
    await goTo(page, "teach");
    const canvas = page.getByRole("application", { name: "Mask of next.png" });
    const painted = () =>
      page.evaluate<number>(`{
        const canvas = document.querySelector("dialog canvas");
        const { data } = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, canvas.width, canvas.height);
        data.filter((value, index) => index % 4 === 3 && value > 127).length;
      }`);
    const save = async () => {
      await page.getByRole("button", { name: "Use this mask" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
    };
    await page.getByRole("button", { name: "Paint a mask for next.png" }).click();
    await canvas.press(" ");
    const dot = await painted();
    expect(dot).toBeGreaterThan(0);
    await save();

    await page.getByRole("button", { name: "Change the mask of next.png" }).click();
    await expect.poll(async () => Math.abs((await painted()) - dot) < 0.05 * dot).toBe(true);
    const before = await painted();
    const undo = page.getByRole("button", { name: "Undo", exact: true });
    expect(await undo.isEnabled()).toBe(false);
    for (let moves = 0; moves < 5; moves++) await canvas.press("ArrowRight");
    await canvas.press("Shift+ArrowRight");
    expect(await painted()).toBeGreaterThan(before);
    await canvas.press("Control+z");
    expect(await painted()).toBe(before);
    await page.getByRole("button", { name: "Clear" }).click();
    expect(await painted()).toBe(0);
    await undo.click();
    expect(await painted()).toBe(before);
    await page.getByRole("button", { name: "Clear" }).click();
    // Without anything painted there is no mask.
    await save();
    await page.getByRole("button", { name: "Paint a mask for next.png" }).waitFor();
    expect(faults).toEqual([]);
  });

  it("the forgetting matrix is read with the arrow keys", async () => {
    const { page } = open;
    await goTo(page, "remember");
    await page.getByRole("gridcell", { name: /^rex, learned rex: 0 % changed/ }).focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    const cell = page.locator("[role=grid] :focus");
    expect(await cell.getAttribute("aria-label")).toMatch(/^ember, learned ember: 0 % changed/);
  });

  it("a concept that is renamed stays one row of the matrix, with what was compared before", async () => {
    const { page } = open;
    await goTo(page, "remember");
    await open.studio.done({ kind: "rename", name: "ember", to: "coal" });
    await page.getByRole("rowheader", { name: "coal" }).waitFor();
    expect(await page.getByRole("rowheader").allTextContents()).toEqual(["rex", "coal", "pip"]);
    await page.getByRole("gridcell", { name: "coal, learned ember: 0 % changed" }).waitFor();
    await page.getByRole("gridcell", { name: "coal, renamed ember to coal: not compared yet" }).waitFor();
    await open.studio.done({ kind: "undo" });
    await page.getByRole("rowheader", { name: "ember" }).waitFor();
  });

  it("names are shown as they are written, and never as markup", async () => {
    const { page, faults } = open;
    await goTo(page, "draw");
    const prompt = '<img src=x onerror="throw 1"> & <b>bold</b>';
    await page.getByRole("textbox", { name: "Prompt" }).fill(prompt);
    await page.getByRole("button", { name: "Draw", exact: true }).click();
    await page.getByRole("heading", { name: prompt }).waitFor();
    expect(await page.locator(".drawn b").count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it("the theme that was chosen outlives a reload", async () => {
    const { page } = open;
    await goTo(page, "settings");
    await page.getByRole("radio", { name: "Dark" }).check();
    await page.reload();
    expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
    await page.getByRole("radio", { name: "As the system" }).check();
  });

  it("the last concept that is forgotten takes the focus to the heading of what comes then", async () => {
    const { page, studio } = open;
    const [last, ...others] = (await studio.state()).concepts.map(({ name }) => name);
    for (const name of others) await studio.done({ kind: "forget", name });
    await forget(last);
    await page.getByRole("heading", { name: "Teach a picture model the things you love" }).waitFor();
    expect(await page.locator("h1:focus").count()).toBe(1);
  });
});

describe("With nothing learned", () => {
  const open = withPage(run, () => TestStudio.start(join(run.folder, "new")));

  it("the first screen says what this is, and takes photos", async () => {
    const { page, faults } = open;
    await page.getByRole("heading", { name: "Teach a picture model the things you love" }).waitFor();
    await page.setViewportSize(WINDOWS.phone);
    expect(await overflow(page)).toBe(0);
    expect(await seriousFindings(page)).toEqual([]);
    await page.locator('input[type="file"][multiple]').setInputFiles(examplePhotos("mochi"));
    await page.getByRole("heading", { name: "Teach", exact: true }).waitFor();
    await page.getByRole("img", { name: "Photo 1, 00.png, as training sees it" }).waitFor(PATIENT);
    for (const screen of SCREENS) {
      await goTo(page, screen);
      expect(await overflow(page)).toBe(0);
      expect(await seriousFindings(page)).toEqual([]);
    }
    expect(faults).toEqual([]);
  });
});

/**
 * What is done in the moment in which an action brings an element to the page, before it is painted.
 *
 * @param then - in the page's language: is given the element, and what takes the result
 */
function whenThere<T>(page: Page, selector: string, then: string, action: string): Promise<T> {
  return page.evaluate<T>(`new Promise((resolve) => {
    new MutationObserver((_, observer) => {
      const there = document.querySelector(${JSON.stringify(selector)});
      if (there === null) return;
      observer.disconnect();
      (${then})(there, resolve);
    }).observe(document.body, { childList: true, subtree: true });
    ${action};
  })`);
}

function focusWhenThere(page: Page, selector: string, action: string): Promise<boolean> {
  return whenThere(page, selector, "(there, resolve) => resolve(there.contains(document.activeElement))", action);
}
