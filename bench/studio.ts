/**
 * @file How quick the studio's page is while a model trains: the first paint, and the time from a key or click to the
 * next frame.
 *
 *     npm run build && npx tsx bench/studio.ts --library <folder>
 *
 * The library is on the built-in model. What is learned meanwhile is stopped and given up.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { inBrowser } from "../scripts/studio-in-browser.ts";
import { readArguments, tool } from "../scripts/tool.ts";

const values = readArguments(
  tool("How quick the studio's page is while a model trains.").requiredOption(
    "--library <folder>",
    "on the built-in model; what is learned meanwhile is stopped and given up",
  ),
).opts<{ library: string }>();

const PHOTOS = join("examples", "concepts", "pip", "train");
const CLICKS = 40;
const LONG = 600_000;

await inBrowser(values.library, async (browser, address) => {
  const page = await browser.newPage();
  page.setDefaultTimeout(LONG);
  // The longest of an event's handlers, layout and paint, as the browser measures it; those under 16 ms are not told.
  await page.addInitScript(`
    globalThis.interactions = [];
    new PerformanceObserver((list) => {
      for (const { interactionId, duration } of list.getEntries()) if (interactionId) interactions.push(duration);
    }).observe({ type: "event", durationThreshold: 16, buffered: true });`);
  await page.goto(address);
  print("first contentful paint, idle", await firstPaint(page));
  await startTraining(page, address);
  await page.reload();
  await page.getByRole("heading", { level: 1 }).waitFor();
  print("first contentful paint, training", await firstPaint(page));
  const times = await clickThrough(page);
  print("interaction, training, median", times[Math.floor(times.length / 2)] ?? 0);
  print("interaction, training, 95th percentile", times[Math.floor(times.length * 0.95)] ?? 0);
  print("interaction, training, longest", times.at(-1) ?? 0);
  await page.goto(`${new URL(address).origin}/#/watch`);
  await page.getByRole("button", { name: "Stop and keep" }).click();
  await page.getByRole("button", { name: "Give it up" }).click();
  await page.getByRole("button", { name: "Give it up" }).waitFor({ state: "detached" });
});

/** Milliseconds from the navigation. */
function firstPaint(page: Page): Promise<number> {
  const entry = "performance.getEntriesByName('first-contentful-paint')[0]";
  return page.waitForFunction(`${entry}?.startTime`).then((handle) => handle.jsonValue() as Promise<number>);
}

async function startTraining(page: Page, address: string): Promise<void> {
  await page.goto(`${new URL(address).origin}/#/teach`);
  const files = readdirSync(PHOTOS).map((name) => join(PHOTOS, name));
  await page.locator('input[type="file"][multiple]').setInputFiles(files);
  await page.getByRole("textbox", { name: "Name" }).fill("pip");
  await page.getByRole("textbox", { name: "Kind of thing" }).fill("bunny");
  await page.getByRole("button", { name: "Teach pip" }).click();
  await page.locator(".loss canvas").waitFor();
}

/** @returns milliseconds of each interaction, the shortest first; those that the browser does not tell count as 16 */
async function clickThrough(page: Page): Promise<number[]> {
  const links = page.getByRole("navigation").getByRole("link");
  const count = await links.count();
  for (let click = 0; click < CLICKS; click++) {
    await links.nth(click % count).click();
    await page.waitForTimeout(100);
  }
  const told = await page.evaluate<number[]>("interactions");
  const untold = Array.from({ length: Math.max(0, CLICKS - told.length) }, () => 16);
  return [...untold, ...told].sort((a, b) => a - b);
}

function print(what: string, milliseconds: number): void {
  process.stdout.write(`${what}: ${Math.round(milliseconds)} ms\n`);
}
