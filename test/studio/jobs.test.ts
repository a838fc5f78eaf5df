/**
 * @file What a page does with the studio: photos are dropped and cropped, a concept is learned while events tell of it,
 * drawn, asked for, undone, exported. Jobs outlive the page and the processes that work.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventsOf } from "../../scripts/studio-events.ts";
import type { Job, JobProgress, NamesCheck, StudioPhoto } from "../../src/studio/api.ts";
import { merged } from "../../src/studio/progress.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "../keepsake/support.ts";
import { isOver, learning, noisePhoto, TestStudio } from "./support.ts";

let studio: TestStudio;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "keepsake-studio-jobs-"));
  studio = await TestStudio.start(join(folder, "library"));
});

afterAll(async () => {
  await studio.end();
  rmSync(folder, { recursive: true, force: true });
});

const dropPhotos = async (subject: string): Promise<StudioPhoto[]> => [
  await studio.drop("1.png", await noisePhoto(`${subject} 1`)),
  await studio.drop("2.png", await noisePhoto(`${subject} 2`)),
];

describe("A new library", () => {
  it("is made on a model that is chosen, and on another one as long as it knows nothing", async () => {
    const place = mkdtempSync(join(tmpdir(), "keepsake-studio-model-"));
    const other = await TestStudio.start(join(place, "library"));
    try {
      await other.done({ kind: "choose-model", model: "built-in" });
      expect((await other.state()).model).toMatchObject({ model: "built-in", isUsable: true });
      await other.done({ kind: "choose-model", model: MODEL });
      expect(await other.state()).toMatchObject({ model: { model: MODEL }, defaults: { resolution: 128 } });
      const missing = await other.until((await other.ask({ kind: "choose-model", model: "no/model" })).id);
      expect(missing).toMatchObject({ status: "failed", fault: { kind: "input" } });
    } finally {
      await other.end();
      rmSync(place, { recursive: true, force: true });
    }
  });

  it("is not made by looking", async () => {
    const { library, concepts, jobs, history, defaults, limits } = await studio.state();
    expect(library).toEqual({ folder: join(folder, "library"), exists: false });
    expect([concepts, jobs, history]).toEqual([[], [], undefined]);
    expect(defaults).toMatchObject({ resolution: 128, strategy: "kv-nullspace" });
    expect(limits.photos).toBeGreaterThan(20);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("A photo", () => {
  it("shows the square that training will see, which can be moved", async () => {
    const photo = await studio.drop("wide.png", await noisePhoto("wide", 200, 160));
    expect(photo).toMatchObject({ name: "wide.png", width: 200, height: 160, crop: { x: 0.1, y: 0, size: 1 } });
    const crop = { x: 0, y: 0.2, size: 0.8 };
    const edited = await studio.call<StudioPhoto>("PATCH", `/api/photos/${photo.id}`, { crop });
    expect(edited).toMatchObject({ crop, version: photo.version + 1 });
    const { body } = await studio.send("GET", `/api/photos/${photo.id}/crop.png?v=2`);
    expect(await sharp(body).metadata()).toMatchObject({ format: "png", width: 128, height: 128 });
    // 0.8 of 160 pixels are 128: the crop is these pixels themselves.
    const source = sharp(await noisePhoto("wide", 200, 160)).extract({ left: 0, top: 32, width: 128, height: 128 });
    expect(await sharp(body).raw().toBuffer()).toEqual(await source.raw().toBuffer());
    await studio.send("DELETE", `/api/photos/${photo.id}`);
    expect(await studio.call("GET", "/api/photos")).toEqual([]);
  });

  it("says what may be wrong with it", async () => {
    const [one] = await dropPhotos("warned");
    const again = await studio.drop("again.png", await noisePhoto("warned 1"));
    const flat = await sharp({ create: { width: 200, height: 200, channels: 3, background: "#888" } })
      .png()
      .toBuffer();
    const grey = await studio.drop("grey.png", flat);
    expect(one.warnings.join(" ")).toMatch(/enlarged/);
    expect(again.warnings.join(" ")).toMatch(/almost the same as 1\.png/);
    expect(grey.warnings.join(" ")).toMatch(/blurred/);
    for (const { id } of await studio.call<StudioPhoto[]>("GET", "/api/photos"))
      await studio.send("DELETE", `/api/photos/${id}`);
  });

  it("takes a mask of its proportions, and no other", async () => {
    const photo = await studio.drop("masked.png", await noisePhoto("masked", 144, 128));
    const mask = (width: number, height: number) =>
      sharp({ create: { width, height, channels: 3, background: "black" } })
        .composite([
          { input: { create: { width: 8, height: 8, channels: 3, background: "white" } }, left: 20, top: 10 },
        ])
        .png()
        .toBuffer();
    const headers = { "content-type": "image/png" };
    const path = `/api/photos/${photo.id}/mask`;
    const fits = await studio.send("PUT", path, { headers, body: await mask(72, 64) });
    expect(JSON.parse(fits.body.toString())).toMatchObject({ hasMask: true });
    // It can be looked at, and painted further: white where it was, as large as the photo.
    const kept = await studio.send("GET", `${path}.png`);
    const { data, info } = await sharp(kept.body).raw().toBuffer({ resolveWithObject: true });
    expect([kept.headers["content-type"], info.width, info.height]).toEqual(["image/png", 144, 128]);
    const brightAt = (x: number, y: number) => data[(y * info.width + x) * info.channels];
    expect([brightAt(48, 28), brightAt(100, 100)]).toEqual([255, 0]);
    const wide = await studio.send("PUT", path, { headers, body: await mask(144, 64) });
    expect([wide.status, wide.body.toString()]).toEqual([422, expect.stringMatching(/mask of masked\.png/)]);
    expect(await studio.call("DELETE", path)).toMatchObject({ hasMask: false });
    expect((await studio.send("GET", `${path}.png`)).status).toBe(404);
    await studio.send("DELETE", `/api/photos/${photo.id}`);
  });
});

describe("A name", () => {
  it("is checked as it is typed", async () => {
    const check = (name: string, classNoun: string) =>
      studio.call<NamesCheck>("POST", "/api/names/check", { name, classNoun });
    expect(await check("mochi", "dog")).toEqual({});
    expect(await check("", "")).toEqual({});
    expect((await check("Mein Hund!", "dog")).name?.message).toMatch(/mein-hund/);
    expect((await check("mochi", "<dog>")).classNoun?.kind).toBe("usage");
  });
});

describe("A concept", () => {
  let before: Job;

  it("is planned without a change of anything", async () => {
    const photos = await dropPhotos("mochi");
    const { result } = await studio.done({ ...learning("mochi", photos), kind: "plan" });
    expect(result).toMatchObject({ kind: "plan", plan: { steps: 6, photos: 2, seconds: { extras: 0 } } });
    // Samples on the way take their time, too.
    const drawing = { ...learning("mochi", photos, 6, { sampleEvery: 2 }), kind: "plan" } as const;
    const { result: longer } = await studio.done(drawing);
    if (longer?.kind !== "plan") throw new Error("no plan");
    expect(longer.plan.seconds.extras).toBeGreaterThan(0);
    expect((await studio.state()).library.exists).toBe(false);
  });

  it("is learned, and every event of it arrives once and in order, also where the stream breaks off", async () => {
    const photos = await studio.call<StudioPhoto[]>("GET", "/api/photos");
    const { lastEvent } = await studio.state();
    const { id } = await studio.ask(learning("mochi", photos, 8, { sampleEvery: 4 }));
    const ids: number[] = [];
    let [job, progress]: [Job | undefined, JobProgress] = [undefined, {}];
    while (job === undefined || !isOver(job)) {
      // Each connection reads three events and is cut.
      const stream = await studio.open("GET", `/api/events?after=${lastEvent}`, {
        headers: ids.length === 0 ? {} : { "last-event-id": String(ids.at(-1)) },
      });
      expect(stream.headers["content-type"]).toBe("text/event-stream");
      let left = 3;
      for await (const { id: number, event } of eventsOf(stream)) {
        ids.push(number);
        if (event.kind === "job" && event.job.id === id) [job, progress] = [event.job, event.job.progress];
        if (event.kind === "progress" && event.id === id) progress = merged(progress, event.progress);
        left -= 1;
        if (left === 0 || (job !== undefined && isOver(job))) break;
      }
      stream.destroy();
    }
    expect(ids).toEqual(ids.map((_, i) => lastEvent + 1 + i));
    expect(job).toMatchObject({ status: "done", result: { kind: "learn", token: "<mochi>", step: 8, steps: 8 } });
    expect(progress).toMatchObject({ done: 8, count: 8, firstStep: 1, phase: "training" });
    expect(progress.losses).toHaveLength(8);
    // Asked for every so many steps, from before the first one to after the last.
    expect(progress.samples?.map(({ step, concept }) => [step, concept])).toEqual([
      [0, "mochi"],
      [4, "mochi"],
      [8, "mochi"],
    ]);
    expect(progress).toEqual((await studio.until(id)).progress);
    before = job;
  });

  it("is in the library then, and its photos are gone", async () => {
    const { concepts, history, library } = await studio.state();
    expect(library.exists).toBe(true);
    expect(concepts).toMatchObject([{ name: "mochi", classNoun: "dog", steps: 8, previews: [] }]);
    expect(history?.states).toHaveLength(2);
    expect(await studio.call("GET", "/api/photos")).toEqual([]);
    const again = await studio.send("POST", "/api/jobs", { body: JSON.stringify(before.request) });
    expect([again.status, again.body.toString()]).toEqual([404, expect.stringMatching(/drop it again/)]);
    expect(readdirSync(folder)).toEqual(["library"]);
  });

  it("is drawn, with or without its prompt in the file", async () => {
    const request = {
      kind: "draw",
      prompt: "<mochi> on the beach",
      n: 2,
      seed: 5,
      steps: 2,
      width: 32,
      height: 32,
    } as const;
    const { progress, result } = await studio.done(request);
    expect(result).toEqual({ kind: "draw", pictures: progress.pictures });
    const [picture] = progress.pictures ?? [];
    const plain = await studio.send("GET", `/api/pictures/${picture}.png`);
    const told = await studio.send("GET", `/api/pictures/${picture}.png?metadata=yes&download=mochi.png`);
    expect(plain.headers["content-type"]).toBe("image/png");
    expect(plain.body.includes("on the beach")).toBe(false);
    expect(told.body.includes("<mochi> on the beach")).toBe(true);
    expect(told.headers["content-disposition"]).toBe("attachment; filename*=UTF-8''mochi.png");
    const again = await studio.done(request);
    const same = await studio.send("GET", `/api/pictures/${again.progress.pictures?.[0]}.png`);
    expect(same.body).toEqual(plain.body);
  });

  it("has previews, which are drawn once for each state", async () => {
    await studio.done({ kind: "previews" });
    const [{ previews }] = (await studio.state()).concepts;
    expect(previews).toHaveLength(2);
    expect((await studio.send("GET", `/api/pictures/${previews[0]}.png`)).status).toBe(200);
    await studio.done({ kind: "previews" });
    expect((await studio.state()).concepts[0].previews).toEqual(previews);
  });

  it("is undone and redone while nothing is learned, and its previews come back with it", async () => {
    const [{ previews }] = (await studio.state()).concepts;
    const undone = await studio.done({ kind: "undo" });
    expect(undone.result).toMatchObject({ facts: { changed: true, concepts: [] } });
    expect((await studio.state()).concepts).toEqual([]);
    await studio.done({ kind: "redo" });
    expect((await studio.state()).concepts).toMatchObject([{ name: "mochi", previews }]);
  });

  it("is remembered in every state", async () => {
    const { result, progress } = await studio.done({ kind: "remember" });
    expect(result).toEqual({ kind: "remember", cells: progress.cells });
    expect(progress.cells).toMatchObject([{ concept: "mochi", change: 0 }]);
  });

  it("is asked for with a photo, and the bars narrow", async () => {
    const photo = await studio.drop("what.png", await noisePhoto("what"));
    const { result, progress } = await studio.done({ kind: "ask", photo: photo.id });
    expect(progress.bars?.length).toBeGreaterThan(1);
    if (result?.kind !== "ask") throw new Error("not an answer");
    expect(["concept", "none", "unsure"]).toContain(result.answer.kind);
    await studio.send("DELETE", `/api/photos/${photo.id}`);
  });

  it("is exported as a file that can be taken once", async () => {
    for (const format of ["kohya", "textual-inversion"] as const) {
      const { result } = await studio.done({ kind: "export", format });
      if (result?.kind !== "export") throw new Error("not an export");
      const { status, headers, body } = await studio.send("GET", `/api/files/${result.id}`);
      expect([status, headers["content-type"], body.length]).toEqual([200, "application/octet-stream", result.bytes]);
      expect(body.subarray(0, 2).toString() === "PK").toBe(format === "kohya");
      expect(JSON.stringify(result)).not.toContain(tmpdir());
      expect((await studio.send("GET", `/api/files/${result.id}`)).status).toBe(404);
    }
  });

  it("cannot be learned as a new one twice, and the fault says so in words of the page", async () => {
    const photos = await dropPhotos("again");
    const job = await studio.until((await studio.ask(learning("mochi", photos))).id);
    expect(job).toMatchObject({ status: "failed", fault: { kind: "state" } });
    expect(job.fault?.message).toMatch(/already knows "mochi"; say on Teach whether it is taught more or begins anew/);
    const { known } = await studio.call<NamesCheck>("POST", "/api/names/check", { name: "<mochi>", classNoun: "dog" });
    expect(known).toBe("mochi");
    for (const { id } of photos) await studio.send("DELETE", `/api/photos/${id}`);
  });

  it("is taught more photos, or begun anew, where that is asked for", async () => {
    const more = { ...learning("mochi", await dropPhotos("more"), 4), again: "more" } as const;
    expect((await studio.done({ ...more, kind: "plan" })).result).toMatchObject({ plan: { steps: 4 } });
    expect((await studio.done(more)).result).toMatchObject({ token: "<mochi>", steps: 4 });
    expect((await studio.state()).concepts).toMatchObject([{ name: "mochi", taught: 2, steps: 4 }]);
    await studio.done({ ...learning("mochi", await dropPhotos("anew"), 5), classNoun: "cat", again: "replaced" });
    const { concepts, history } = await studio.state();
    expect(concepts).toMatchObject([{ name: "mochi", classNoun: "cat", steps: 5 }]);
    expect(concepts[0].taught).toBeUndefined();
    expect(history?.states.slice(0, 2).map(({ change }) => change)).toEqual([
      { kind: "learned", concept: "mochi", again: "replaced" },
      { kind: "learned", concept: "mochi", again: "more" },
    ]);
    const odd = await studio.send("POST", "/api/jobs", { body: JSON.stringify({ ...more, again: "twice" }) });
    expect([odd.status, odd.body.toString()]).toEqual([400, expect.stringContaining("again")]);
    await studio.done({ kind: "undo" });
    await studio.done({ kind: "undo" });
  });
});

describe("A learning", () => {
  it("stops after its step, and goes on with the same losses as one that was never stopped", async () => {
    const photos = await dropPhotos("ember");
    const { id } = await studio.ask(learning("ember", photos, 90));
    await studio.until(id, ({ progress }) => (progress.done ?? 0) >= 3);
    // What needs no model does not wait for it, and is refused by the lock of the library.
    const refused = await studio.until((await studio.ask({ kind: "undo" })).id);
    expect(refused).toMatchObject({ status: "failed", fault: { kind: "state" } });
    expect(refused.fault?.message).toMatch(/learning ember/);
    await studio.call("POST", `/api/jobs/${id}/stop`);
    const stopped = await studio.until(id);
    expect(stopped).toMatchObject({ status: "stopped", canResume: true });
    const { unfinished } = await studio.state();
    expect(unfinished).toMatchObject({ name: "ember", classNoun: "dog", step: stopped.progress.done, steps: 90 });
    await studio.call("POST", `/api/jobs/${id}/resume`);
    const done = await studio.until(id);
    expect(done).toMatchObject({ status: "done", result: { step: 90 } });
    expect(done.progress.losses).toHaveLength(90);
    expect(done.progress.losses?.slice(0, unfinished?.step)).toEqual(stopped.progress.losses);
    const after = treeOf(join(folder, "library", "blobs"));

    await studio.done({ kind: "undo" });
    const same = await studio.done(learning("ember", await dropPhotos("ember"), 90));
    expect(same.progress.losses).toEqual(done.progress.losses);
    expect(treeOf(join(folder, "library", "blobs"))).toEqual(after);
  });

  it("whose process is killed is stopped, the library is whole, and the learning goes on", async () => {
    const { id } = await studio.ask(learning("rex", await dropPhotos("rex"), 100));
    await studio.until(id, ({ progress }) => (progress.done ?? 0) >= 27);
    process.kill(await lanePid(studio), "SIGKILL");
    const stopped = await studio.until(id);
    expect(stopped).toMatchObject({ status: "stopped", canResume: true, fault: { kind: "environment" } });
    expect((await studio.done({ kind: "verify" })).result).toEqual({ kind: "verify", faults: [] });
    await studio.call("POST", `/api/jobs/${id}/resume`);
    const done = await studio.until(id);
    expect(done, JSON.stringify(done.fault)).toMatchObject({ status: "done", result: { step: 100 } });
    expect(done.progress.losses).toHaveLength(100);
    expect(done.progress.firstStep).toBe(1);
  });

  it("that waits is stopped before it begins", async () => {
    const first = await studio.ask({ kind: "draw", prompt: "a dog", n: 2, steps: 20, width: 64, height: 64 });
    const second = await studio.ask({ kind: "draw", prompt: "a cat", steps: 2, width: 32, height: 32 });
    expect(second.status).toBe("waiting");
    await studio.call("POST", `/api/jobs/${second.id}/stop`);
    await studio.call("POST", `/api/jobs/${first.id}/stop`);
    expect(await studio.until(second.id)).toMatchObject({ status: "stopped" });
    expect(await studio.until(first.id)).toMatchObject({ status: "stopped" });
    expect((await studio.until(second.id)).began).toBeUndefined();
    await studio.send("DELETE", `/api/jobs/${second.id}`);
    expect((await studio.send("GET", `/api/jobs/${second.id}`)).status).toBe(404);
  });
});

it("A concept is renamed and keeps its previews; an undo brings the old name back", async () => {
  await studio.done({ kind: "previews" });
  const before = (await studio.state()).concepts;
  await studio.done({ kind: "rename", name: "rex", to: "max" });
  const { concepts } = await studio.state();
  expect(concepts.map(({ name }) => name)).toEqual(["mochi", "ember", "max"]);
  expect(concepts.map(({ previews }) => previews)).toEqual(before.map(({ previews }) => previews));
  expect(concepts[2].previews).not.toEqual([]);
  const refused = await studio.until((await studio.ask({ kind: "rename", name: "max", to: "mochi" })).id);
  expect(refused).toMatchObject({ status: "failed", fault: { kind: "state" } });
  await studio.done({ kind: "undo" });
});

it("A run that teaches a concept further, begun on the command line, goes on when the same photos are dropped", async () => {
  const library = join(folder, "further");
  const photos = await writePhotos(join(folder, "photos"), "further");
  await learnQuickly({ library, name: "mochi", photos: [photos] });
  const controller = new AbortController();
  const { status } = await learnQuickly({
    ...{ library, name: "mochi", photos: [photos], more: true, training: { steps: 10 }, signal: controller.signal },
    onProgress: (progress) => {
      if (progress.kind === "step" && progress.step === 4) controller.abort();
    },
  });
  expect(status).toBe("interrupted");
  const other = await TestStudio.start(library);
  expect((await other.state()).unfinished).toEqual({
    ...{ name: "mochi", classNoun: "dog", step: 4, steps: 10, again: "more" },
  });
  const dropped = [];
  for (const name of ["0.png", "1.png"]) dropped.push(await other.drop(name, readFileSync(join(photos, name))));
  const { progress } = await other.done({ ...learning("mochi", dropped), settings: { sampleEvery: 0 } });
  expect(progress).toMatchObject({ firstStep: 5, count: 10 });
  expect((await other.state()).unfinished).toBeUndefined();
  await other.end();
});

it("A library that cannot be read is said to be so on a page that opens, and the doctor can be asked", async () => {
  const broken = join(folder, "broken");
  mkdirSync(broken);
  writeFileSync(join(broken, "library.json"), '{"format":"keepsake-library","version":99}');
  const other = await TestStudio.start(broken);
  const { library, concepts } = await other.state();
  expect(library).toMatchObject({
    exists: true,
    fault: { kind: "state", message: expect.stringContaining("99") as string },
  });
  expect(concepts).toEqual([]);
  expect((await other.done({ kind: "doctor" })).result).toMatchObject({ kind: "doctor" });
  await other.end();
});

it("What is forgotten is gone, and can be brought back", async () => {
  const { result } = await studio.done({ kind: "forget", name: "rex" });
  expect(result).toMatchObject({ facts: { forgot: "concept" } });
  expect((await studio.state()).concepts.map(({ name }) => name)).toEqual(["mochi", "ember"]);
  await studio.done({ kind: "keep", keep: 7 });
  expect((await studio.state()).history?.keep).toBe(7);
});

it("Ctrl-C ends a quiet studio with exit code 0, and its lanes with it", async () => {
  const pid = await lanePid(studio);
  expect(await studio.end("SIGINT")).toBe(0);
  expect(() => process.kill(pid, 0)).toThrow();
});

/** The process that learns and draws: the child of the studio that has used most time. */
async function lanePid({ child }: TestStudio): Promise<number> {
  const { readFileSync } = await import("node:fs");
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, rest = ""] = readFileSync(`/proc/${name}/stat`, "utf8").split(") ");
        const fields = rest.split(" ");
        return Number(fields[1]) === child.pid
          ? [{ pid: Number(name), time: Number(fields[11]) + Number(fields[12]) }]
          : [];
      } catch {
        return [];
      }
    });
  return children.sort((a, b) => b.time - a.time)[0].pid;
}
