/** @file Ways to damage bytes, texts and JSON values, all drawn from one stream. */
import type { RandomStream } from "../../src/random/random.ts";

export function pick<T>(random: RandomStream, items: readonly T[]): T {
  return items[random.integer(items.length)];
}

/** Flips, inserts, deletes, repeats or cuts, some times over. */
export function mutateBytes(random: RandomStream, bytes: Uint8Array, times = 1 + random.integer(4)): Uint8Array {
  let changed = Buffer.from(bytes);
  for (let i = 0; i < times && changed.length > 0; i++) {
    const at = random.integer(changed.length);
    const length = random.integer(Math.min(64, changed.length - at) + 1);
    switch (random.integer(6)) {
      case 0:
        changed[at] ^= 1 << random.integer(8);
        break;
      case 1:
        changed[at] = random.integer(256);
        break;
      case 2:
        changed = Buffer.concat([changed.subarray(0, at), Buffer.from(pick(random, splinters)), changed.subarray(at)]);
        break;
      case 3:
        changed = Buffer.concat([changed.subarray(0, at), changed.subarray(at + length)]);
        break;
      case 4:
        changed = Buffer.concat([changed.subarray(0, at + length), changed.subarray(at)]);
        break;
      default:
        if (random.integer(4) === 0) changed = changed.subarray(0, at);
        else changed[at] = pick(random, [0, 0x22, 0x2c, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0xff]);
    }
  }
  return changed;
}

/** Bits of text that mean something to one reader or another. */
const splinters: readonly string[] = [
  ...['"', ",", ":", "[", "]", "{", "}", "\\", "\\ud800", "\0", "\n", "\r\n", "\u001b[2J", "\ufeff", "é", "\u2028"],
  ...["-0", "1.0", "4e0", "1e999", "NaN", "null", "true", "9007199254740993", '"__proto__":1,', "[".repeat(130)],
];

const strangeNumbers = [0, -1, -0, 0.5, 1e9, 2 ** 31, 2 ** 53, 1e308, 7, 3, 10_000];
const strangeTexts = ["", "__proto__", "constructor", "x\ny", "\u001b[31m", "x".repeat(100_000), "../../etc/passwd"];

/** A value of any kind. */
function strangeValue(random: RandomStream): unknown {
  switch (random.integer(8)) {
    case 0:
      return null;
    case 1:
      return random.integer(2) === 0;
    case 2:
      return pick(random, strangeTexts);
    case 3:
      return [];
    case 4:
      return {};
    case 5:
      return Array.from({ length: random.integer(5) }, () => strangeValue(random));
    case 6:
      return nested(random.integer(90));
    default:
      return pick(random, strangeNumbers);
  }
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { x: value };
  return value;
}

/** The same value with some entries, at any depth, replaced, removed or added. */
export function mutateJson(random: RandomStream, value: unknown, chance = 0.05): unknown {
  if (random.integer(1000) < 1000 * chance * 0.5) return strangeValue(random);
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => mutateJson(random, item, chance));
    return random.integer(30) === 0 ? [...items, ...items] : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    if (random.integer(1000) < 1000 * chance * 0.3) continue;
    entries.push([key, mutateJson(random, item, chance)]);
  }
  if (random.integer(20) === 0) entries.push([pick(random, strangeTexts), strangeValue(random)]);
  return Object.fromEntries(entries);
}

/** JSON as a file, mostly valid. */
export function jsonFile(random: RandomStream, value: unknown): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(mutateJson(random, value)) ?? "");
  return random.integer(4) === 0 ? mutateBytes(random, bytes) : bytes;
}
