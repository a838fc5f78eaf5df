/**
 * @file The studio is killed, as by a power cut, at many moments of a job: the library is whole, the run goes on when
 * the same photos are dropped again, no process is left behind, and no byte of a photo is on the disk.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Job } from "../../src/studio/api.ts";
import { treeOf } from "../keepsake/support.ts";
import { learning, noisePhoto, TestStudio } from "./support.ts";

let folder: string;
/** Runs of bytes by which the photos would be found: of the files as they were dropped, and of their pixels. */
const traces: Buffer[] = [];
const photos: Buffer[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "keepsake-killed-"));
  mkdirSync(join(folder, "temporary"));
  for (const subject of ["killed 1", "killed 2"]) {
    const png = await noisePhoto(subject);
    const pixels = await sharp(png).raw().toBuffer();
    photos.push(png);
    for (const bytes of [png, pixels]) for (const at of [0.3, 0.6]) traces.push(piece(bytes, at));
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function piece(bytes: Buffer, at: number): Buffer {
  const start = Math.floor(at * bytes.length);
  return bytes.subarray(start, start + 24);
}

/** Files below a folder that hold a piece of a photo. */
function photoFiles(place: string): string[] {
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => {
      const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
      return traces.some((trace) => bytes.includes(trace));
    });
}

/** Processes that hold the library or the studio's pipes: children of a process that is gone have another parent. */
function lanesOf(library: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        return environment.includes(`KEEPSAKE_TEST_MARK=${library}\0`);
      } catch {
        return false;
      }
    });
}

async function startAt(library: string): Promise<TestStudio> {
  process.env.TMPDIR = join(folder, "temporary");
  process.env.KEEPSAKE_TEST_MARK = library;
  try {
    return await TestStudio.start(library);
  } finally {
    delete process.env.TMPDIR;
    delete process.env.KEEPSAKE_TEST_MARK;
  }
}

const dropAll = async (studio: TestStudio) => [
  await studio.drop("1.png", photos[0]),
  await studio.drop("2.png", photos[1]),
];

/**
 * When the studio is killed: after how much of a learning of 60 steps, with a snapshot every 25. Each studio goes on
 * where the one before was killed.
 */
const MOMENTS: Readonly<Record<string, (job: Job) => boolean>> = {
  "as soon as it is asked for": () => true,
  "while it loads": ({ progress }) => progress.phase === "loading",
  "while it reads the photos": ({ progress }) => progress.phase === "encoding",
  "at the first step": ({ progress }) => (progress.done ?? 0) >= 1,
  "before the first snapshot": ({ progress }) => (progress.done ?? 0) >= 5,
  "in the middle": ({ progress }) => (progress.done ?? 0) >= 15,
  "at the first snapshot": ({ progress }) => (progress.done ?? 0) >= 25,
  "after the first snapshot": ({ progress }) => (progress.done ?? 0) >= 27,
  "near the end": ({ progress }) => (progress.done ?? 0) >= 34,
  "at the end": ({ progress }) => (progress.done ?? 0) >= 59,
};

it("the search finds what is there to be found", () => {
  const file = join(folder, "temporary", "probe");
  expect(photoFiles(folder)).toEqual([]);
  return import("node:fs/promises").then(async ({ writeFile, rm }) => {
    await writeFile(file, Buffer.concat([Buffer.alloc(100), photos[1]]));
    expect(photoFiles(folder)).toEqual([file]);
    await rm(file);
  });
});

it("killed at any moment of a learning, it leaves a whole library, and the same photos end in the same bytes", async () => {
  const undisturbed = join(folder, "undisturbed");
  const first = await startAt(undisturbed);
  await first.done(learning("rex", await dropAll(first), 60));
  await first.end();

  const library = join(folder, "killed");
  /** Asks as the page does, which does not remember how the run was begun: the library does. */
  const ask = async (studio: TestStudio): Promise<{ readonly id: string; readonly firstStep: number }> => {
    const { unfinished } = await studio.state();
    const photos = await dropAll(studio);
    const request = learning("rex", photos, unfinished === undefined ? 60 : undefined);
    const { id } = await studio.ask(unfinished === undefined ? request : { ...request, settings: { sampleEvery: 0 } });
    return { id, firstStep: (unfinished?.step ?? 0) + 1 };
  };
  let reached = 0;
  for (const [moment, is] of Object.entries(MOMENTS)) {
    const studio = await startAt(library);
    const { library: facts, concepts, unfinished } = await studio.state();
    expect([moment, facts.fault]).toEqual([moment, undefined]);
    // What was killed at its end may have been learned all the same.
    if (concepts.length > 0) {
      await studio.end();
      break;
    }
    if (facts.exists) expect((await studio.done({ kind: "verify" })).result).toEqual({ kind: "verify", faults: [] });
    // What was trained before the kill is not lost.
    expect([moment, (unfinished?.step ?? 0) >= reached]).toEqual([moment, true]);
    const { id, firstStep } = await ask(studio);
    const job = await studio.until(id, (each) => is(each) || each.status === "done");
    if (job.progress.firstStep !== undefined) expect([moment, job.progress.firstStep]).toEqual([moment, firstStep]);
    reached = job.progress.done ?? reached;
    await studio.end("SIGKILL");
    // The lanes see that they are alone: what is being trained ends its step and is saved.
    while (lanesOf(library).length > 0) await sleep(20);
    expect([moment, photoFiles(folder)]).toEqual([moment, []]);
  }
  expect(reached).toBeGreaterThanOrEqual(34);

  const last = await startAt(library);
  if ((await last.state()).concepts.length === 0) {
    const { id } = await ask(last);
    expect(await last.until(id)).toMatchObject({ status: "done", result: { step: 60 } });
  }
  expect((await last.done({ kind: "verify" })).result).toEqual({ kind: "verify", faults: [] });
  await last.end();
  expect(treeOf(join(library, "blobs"))).toEqual(treeOf(join(undisturbed, "blobs")));
  expect(photoFiles(folder)).toEqual([]);
  expect(readdirSync(join(folder, "temporary"))).toEqual([]);
}, 360_000);

it("killed with photos that were only dropped, or asked about, it leaves nothing of them", async () => {
  const library = join(folder, "dropped");
  const studio = await startAt(library);
  const [photo] = await dropAll(studio);
  await studio.ask({ kind: "ask", photo: photo.id });
  await studio.end("SIGKILL");
  while (lanesOf(library).length > 0) await sleep(20);
  expect(photoFiles(folder)).toEqual([]);
  expect(existsSync(library)).toBe(false);
  expect(readdirSync(join(folder, "temporary"))).toEqual([]);
});
