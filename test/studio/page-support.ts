/**
 * @file What the tests of the studio's page share: Debian's chromium, a page that nothing may go wrong on, and the way
 * through the screens.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { learn, keepsakeHere, succeeded } from "../cli/support.ts";
import { writePhotos } from "../keepsake/support.ts";
import type { TestStudio } from "./support.ts";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const EXAMPLES = join(import.meta.dirname, "..", "..", "examples", "concepts");

export const SCREENS = ["concepts", "teach", "watch", "remember", "draw", "ask", "settings"] as const;
export type ScreenName = (typeof SCREENS)[number];

/** Milliseconds that a short training run may take on a busy machine. */
const LONG = 120_000;

/** For what may take a while. */
export const PATIENT = { timeout: LONG };

async function startBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`${CHROMIUM} is missing: install Debian's chromium, or name another one in CHROMIUM.`);
  }
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}

/** Photos of an example concept, with the text files beside them. */
export function examplePhotos(concept: string): string[] {
  const folder = join(EXAMPLES, concept, "train");
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
}

/** A folder and a browser, from the beginning of a file to its end. */
export interface InBrowser {
  /** That is gone afterwards. */
  readonly folder: string;
  readonly browser: Browser;
}

/** @param name - of the file, for the folder's name */
export function inBrowser(name: string): InBrowser {
  const folder = mkdtempSync(join(tmpdir(), `keepsake-studio-${name}-`));
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    get browser() {
      return opened(browser);
    },
  };
}

/** A studio with a page on it, for all tests of a file or a block. */
export interface WithPage extends OpenPage {
  /** Another one, if a test ends the first. */
  studio: TestStudio;
}

/** @param prepare - makes the library and what there is to see, before the page is opened */
export function withPage(run: InBrowser, prepare: () => Promise<TestStudio>): WithPage {
  let [studio, open]: [TestStudio?, OpenPage?] = [];
  beforeAll(async () => {
    studio = await prepare();
    open = await openPage(run.browser, studio);
    open.page.setDefaultTimeout(LONG);
  });
  afterAll(async () => {
    await studio?.end();
  });
  return {
    get studio() {
      return opened(studio);
    },
    set studio(another) {
      studio = another;
    },
    get page() {
      return opened(open).page;
    },
    get faults() {
      return opened(open).faults;
    },
  };
}

function opened<T>(what: T | undefined): T {
  if (what === undefined) throw new Error("it is opened before the first test");
  return what;
}

/** A library of two concepts on the tiny model. */
export async function libraryOfTwo(folder: string): Promise<string> {
  const library = join(folder, "library");
  for (const name of ["rex", "ember"]) {
    const photos = await writePhotos(join(folder, name), name);
    succeeded(await keepsakeHere(learn(library, name, [photos])));
  }
  return library;
}

/**
 * What went wrong on a page: errors and warnings of the console, refused content, answers that are faults, other hosts.
 */
export interface OpenPage {
  readonly page: Page;
  readonly faults: string[];
}

/** Opens the studio as the printed address does. */
export async function openPage(browser: Browser, studio: TestStudio): Promise<OpenPage> {
  // Colours that are on their way to others would be measured.
  const context = await browser.newContext({ reducedMotion: "reduce" });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (message) => {
    // A policy that is violated is told as an error.
    if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", ({ message }) => faults.push(`script: ${message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(studio.origin)) faults.push(`another host: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()}: ${response.url()}`);
  });
  await page.addInitScript({ path: AXE });
  await page.goto(studio.url.href);
  // Until then the page waits for the first answer.
  await page.locator(".page-head h1").waitFor();
  return { page, faults };
}

/** Goes to a screen by the navigation's address, and waits for its heading. */
export async function goTo(page: Page, screen: ScreenName): Promise<void> {
  await page.goto(`${new URL(page.url()).origin}/#/${screen}`);
  await page.locator(`.screen-${screen} .page-head h1`).waitFor();
}

/** Rules of axe that the page breaks in a serious or critical way, with where. */
export async function seriousFindings(page: Page): Promise<string[]> {
  const found = await page.evaluate<readonly AxeViolation[]>(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)",
  );
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} ${target.join(" ")}: ${failureSummary}`),
    );
}

interface AxeViolation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
}

/** How many pixels the page is wider than the window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
}

/** Drops photos on the screen Teach, and fills in the names. */
export async function fillIn(page: Page, name: string, classNoun: string, photos: readonly string[]): Promise<void> {
  await goTo(page, "teach");
  await page.locator('input[type="file"][multiple]').setInputFiles([...photos]);
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("textbox", { name: "Kind of thing" }).fill(classNoun);
  const pictures = photos.filter((file) => file.endsWith(".png"));
  await expect.poll(() => page.locator(".photo-caption").count(), PATIENT).toBe(pictures.length);
}

/** Opens the drawer for experts and asks for small steps, which the tiny model takes no time for. */
export async function askForSmallSteps(page: Page, steps: number): Promise<void> {
  await page.getByText("For experts").click();
  await page.getByRole("spinbutton", { name: "Steps", exact: true }).fill(String(steps));
  await page.getByRole("spinbutton", { name: "Resolution" }).fill("32");
  await page.getByRole("combobox", { name: "How earlier concepts are kept" }).selectOption("sequential");
}
