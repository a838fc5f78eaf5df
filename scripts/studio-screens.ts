/**
 * @file Photographs the studio's screens for docs/studio/, each at three sizes and in both themes, with concepts that
 * were really learned:
 *
 *     npm run build && npx tsx scripts/studio-screens.ts --library <folder>
 *
 * The library is one of at least three concepts on the built-in model; it is not changed, but for what Watch shows: the
 * rabbit of the examples is learned for a few steps and undone.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { inBrowser } from "./studio-in-browser.ts";
import sharp from "sharp";
import { KeepsakeError } from "../src/errors.ts";
import { atLeastOne, readArguments, tool } from "./tool.ts";

const values = readArguments(
  tool("Photographs the studio's screens, each at three sizes and in both themes.")
    .requiredOption(
      "--library <folder>",
      "of at least three concepts on the built-in model; for Watch a rabbit is taught in it and undone",
    )
    .option("--steps <n>", "that Watch shows", atLeastOne, 100)
    .option("--screens <names>", "comma-separated", "concepts,remember,draw,ask,settings,teach,watch")
    .option("--output <folder>", "where they go", join("docs", "studio")),
).opts<{ library: string; steps: number; screens: string; output: string }>();

const PHOTOS = join("examples", "concepts", "pip", "train");
const ASKED = join("examples", "concepts", "mochi", "test", "00.png");
/** Milliseconds that anything may take. */
const LONG = 900_000;

const SIZES = {
  phone: { width: 360, height: 740 },
  desk: { width: 1280, height: 800 },
  wall: { width: 3840, height: 2160 },
} as const;
type Size = keyof typeof SIZES;
const THEMES = ["light", "dark"] as const;
type Theme = (typeof THEMES)[number];

const SCREENS: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  ...{ concepts, remember, draw, ask, settings, teach, watch },
};

const { library, output } = values;
const screens = values.screens.split(",");
const unknown = screens.find((screen) => !Object.hasOwn(SCREENS, screen));
if (unknown !== undefined) {
  const known = Object.keys(SCREENS).join(", ");
  throw new KeepsakeError("usage", `There is no screen "${unknown}"; choose from ${known}.`);
}
await inBrowser(library, async (browser, address) => {
  mkdirSync(output, { recursive: true });
  const context = await browser.newContext({ reducedMotion: "reduce" });
  context.setDefaultTimeout(LONG);
  const page = await context.newPage();
  await page.goto(address);
  for (const screen of screens) await SCREENS[screen]?.(page);
});

async function concepts(page: Page): Promise<void> {
  await go(page, "concepts");
  await page.locator(".card img").first().waitFor();
  await page.locator(".activity-none").waitFor({ state: "attached" });
  await takeAll(page, "concepts");
}

async function remember(page: Page): Promise<void> {
  await go(page, "remember");
  await page.locator(".cell-number").last().waitFor();
  await page.locator(".status").waitFor({ state: "detached" });
  await takeAll(page, "remember");
}

async function draw(page: Page): Promise<void> {
  await go(page, "draw");
  await page.getByRole("textbox", { name: "Prompt" }).fill("<mochi> in the forest");
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  await page.locator(".drawn-pictures img").nth(3).waitFor();
  await page.getByRole("button", { name: "Draw again" }).waitFor();
  await takeAll(page, "draw");
}

async function ask(page: Page): Promise<void> {
  await go(page, "ask");
  await page.locator('input[type="file"]').setInputFiles(ASKED);
  await page.getByText("It answers “not sure”").waitFor();
  await takeAll(page, "ask");
}

async function settings(page: Page): Promise<void> {
  await go(page, "settings");
  await page.getByText("Built-in model").first().waitFor();
  await page.evaluate("document.querySelector('.path').textContent = '~/keepsake-library'");
  await takeAll(page, "settings");
}

async function fillInTeach(page: Page): Promise<void> {
  await go(page, "teach");
  if ((await page.locator(".photo").count()) > 0) return;
  const files = readdirSync(PHOTOS).map((name) => join(PHOTOS, name));
  await page.locator('input[type="file"][multiple]').setInputFiles(files);
  await page.getByRole("textbox", { name: "Name" }).fill("pip");
  await page.getByRole("textbox", { name: "Kind of thing" }).fill("rabbit");
  await page.locator(".plan-time").waitFor();
}

async function teach(page: Page): Promise<void> {
  await fillInTeach(page);
  await takeAll(page, "teach");
}

async function watch(page: Page): Promise<void> {
  await fillInTeach(page);
  await page.getByText("For experts").click();
  await page.getByRole("spinbutton", { name: "Steps", exact: true }).fill(String(values.steps));
  await page.getByRole("button", { name: "Teach pip" }).click();
  await page.locator(".watch-earlier .before-after").first().waitFor();
  await page.locator(".loss canvas").waitFor();
  await takeAll(page, "watch");
  await page.getByRole("heading", { name: "pip is learned" }).waitFor();
  await go(page, "remember");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText(/^Your library is back at/).waitFor();
}

async function go(page: Page, screen: string): Promise<void> {
  await page.goto(`${new URL(page.url()).origin}/#/${screen}`);
  await page.locator(`.screen-${screen} .page-head h1`).waitFor();
}

async function takeAll(page: Page, screen: string): Promise<void> {
  for (const size of Object.keys(SIZES) as Size[]) {
    for (const theme of THEMES) await take(page, screen, size, theme);
  }
}

/** A window's content as WebP; of the wall a third of the pixels. */
async function take(page: Page, screen: string, size: Size, colorScheme: Theme): Promise<void> {
  await page.setViewportSize(SIZES[size]);
  await page.emulateMedia({ colorScheme });
  await page.evaluate("scrollTo(0, 0)");
  await page.waitForTimeout(800);
  const png = await page.screenshot();
  const width = size === "wall" ? SIZES.wall.width / 3 : undefined;
  const file = join(values.output, `${screen}-${size}-${colorScheme}.webp`);
  await sharp(png).resize({ width }).webp({ quality: 82, effort: 6 }).toFile(file);
  process.stderr.write(`${file}\n`);
}
