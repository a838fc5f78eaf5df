/**
 * @file Events are numbered, kept for a while, and gathered where they come too fast.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { JobProgress } from "../../src/studio/api.ts";
import { EventLog } from "../../src/studio/events.ts";
import { zipped } from "../../src/studio/lanes/zip.ts";
import { Gathered, merged } from "../../src/studio/progress.ts";

/** What a stream holds by now. */
async function read(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  let text = "";
  for (;;) {
    const piece = await Promise.race([reader?.read(), sleep(50)]);
    if (piece === undefined || piece.done) break;
    text += Buffer.from(piece.value as Uint8Array).toString();
  }
  await reader?.cancel();
  return text;
}

describe("The events", () => {
  it("after one that is known are told, and none twice", async () => {
    const events = new EventLog();
    for (const id of ["a", "b", "c"]) events.add({ kind: "job-removed", id });
    const text = await read(events.stream(1));
    expect(text.match(/^(id|data).*$/gm)).toEqual([
      ...["id: 2", 'data: {"kind":"job-removed","id":"b"}'],
      ...["id: 3", 'data: {"kind":"job-removed","id":"c"}'],
    ]);
    expect(await read(events.stream(3))).not.toContain("data");
  });

  it("that are no longer kept, or of an earlier studio, are not made up: the page is told to ask anew", async () => {
    const events = new EventLog();
    for (let i = 0; i < 5000; i++) events.add({ kind: "library" });
    for (const after of [0, 500, 6000, Number.NaN, -1]) {
      expect((await read(events.stream(after))).match(/^(id|data).*$/gm)).toEqual([
        "id: 5000",
        'data: {"kind":"reset"}',
      ]);
    }
  });

  it("that are too many to wait for a page are told as far as they go, and the page comes back for the rest", async () => {
    const events = new EventLog();
    const id = "x".repeat(100_000);
    for (let i = 0; i < 120; i++) events.add({ kind: "job-removed", id });
    let after = 0;
    for (let visits = 0; after < 120 && visits < 5; visits++) {
      const numbers = [...(await read(events.stream(after))).matchAll(/^id: (\d+)$/gm)].map(([, number]) =>
        Number(number),
      );
      expect(numbers[0]).toBe(after + 1);
      after = numbers.at(-1) ?? after;
    }
    expect(after).toBe(120);
  });

  it("are told to those alone who still listen", async () => {
    const events = new EventLog();
    const streams = Array.from({ length: 5 }, () => events.stream());
    expect(events.watchers).toBe(5);
    for (const { body } of streams) await body?.cancel();
    expect(events.watchers).toBe(0);
  });
});

describe("Progress", () => {
  it("grows in its lists, and is replaced in all else", () => {
    const before: JobProgress = { done: 1, losses: [3], bars: [], phase: "training" };
    const bar = { label: "a cat", probability: 1, isOut: false };
    expect(merged(before, { done: 2, losses: [4, 5], bars: [bar] })).toEqual({
      ...{ done: 2, losses: [3, 4, 5], bars: [bar], phase: "training" },
    });
  });

  it("that comes many times a second is told a few times, and none of it is lost", async () => {
    const told: JobProgress[] = [];
    const gathered = new Gathered((news) => told.push(news));
    for (let i = 0; i < 100; i++) {
      gathered.add({ done: i, losses: [i] });
      if (i % 10 === 0) await sleep(5);
    }
    gathered.flush();
    expect(told.length).toBeLessThan(6);
    expect(told.flatMap(({ losses = [] }) => losses)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
});

it("Files in one ZIP are found by their names, with sums that fit", () => {
  const bytes = Buffer.from("123456789");
  const zip = Buffer.from(zipped([{ name: "a/b.txt", bytes }]));
  expect(zip.readUInt32LE(0)).toBe(0x04034b50);
  // The check value of CRC-32.
  expect(zip.readUInt32LE(14)).toBe(0xcbf43926);
  expect(zip.subarray(30, 37).toString()).toBe("a/b.txt");
  expect(zip.subarray(37, 46)).toEqual(bytes);
  expect(zip.readUInt32LE(zip.length - 22)).toBe(0x06054b50);
  expect(zip.readUInt32LE(zip.length - 6)).toBe(46);
});
