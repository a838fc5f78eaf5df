/**
 * @file Parsers for the values of options: each gives a number that makes sense or a usage error that names the option.
 */
import { InvalidArgumentError } from "commander";
import { describeReal, describeWhole, isReal, isWhole, LIMITS, REAL_LIMITS, type Range } from "../limits.ts";
import { maxThreads, PROVIDERS, type Provider } from "../graph/index.ts";

/** A whole number in a range. */
export function wholeNumber(range: Range): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? NaN : Number(text);
    if (!isWhole(value, range)) throw new InvalidArgumentError(`It must be ${describeWhole(range)}.`);
    return value;
  };
}

/** A number in a range. */
export function realNumber(range: Range): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? NaN : Number(text);
    if (!isReal(value, range)) throw new InvalidArgumentError(`It must be ${describeReal(range)}.`);
    return value;
  };
}

/** The largest seed that other programs show: the largest word of 64 bits. */
const LARGEST_SEED = 2n ** 64n - 1n;

/** A seed of what is drawn. */
export function pictureSeed(text: string): number | bigint {
  const value = text.trim() === "" ? NaN : Number(text);
  if (isWhole(value, LIMITS.trainingSeed)) return value;
  if (/^\s*\d{16,20}\s*$/.test(text) && BigInt(text) <= LARGEST_SEED) return BigInt(text);
  throw new InvalidArgumentError(`${notRandom(value)}It must be a whole number from 0 to ${LARGEST_SEED}.`);
}

/** A seed of what is trained or measured, which the library records as a number. */
export function trainingSeed(text: string): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (isWhole(value, LIMITS.trainingSeed)) return value;
  throw new InvalidArgumentError(`${notRandom(value)}It must be ${describeWhole(LIMITS.trainingSeed)}.`);
}

/** Other programs draw a seed for -1. */
function notRandom(seed: number): string {
  return seed === -1 ? "There is no random seed, every result can be repeated: choose any number. " : "";
}

/** Processor threads: many more than there are cores only get in each other's way. */
export const threads = wholeNumber([1, maxThreads()]);

/** A part of the noise schedule, `0.1-0.5`. */
export function scheduleRange(text: string): readonly [number, number] {
  const [, from, to] = /^\s*([\d.]+)\s*-\s*([\d.]+)\s*$/.exec(text) ?? [];
  const [low, high] = [Number(from), Number(to)];
  if (!(low >= 0 && low < high && high <= 1)) {
    throw new InvalidArgumentError("It must be two shares of the schedule from 0 to 1, such as 0.1-0.5.");
  }
  return [low, high];
}

/** A LoRA's file with its strength, `file` or `file:0.8`; given several times, one after another. */
export function loraFile(
  text: string,
  earlier: readonly { file: string; scale?: number }[] = [],
): readonly { file: string; scale?: number }[] {
  const [, file = text, scale] = /^(.+):([+-]?(?:\d+\.?\d*|\.\d+))$/s.exec(text) ?? [];
  const [least, most] = REAL_LIMITS.adapterScale;
  if (file === "") throw new InvalidArgumentError("It must be a file, or file:strength.");
  if (scale === undefined) return [...earlier, { file }];
  if (!isReal(Number(scale), [least, most])) {
    throw new InvalidArgumentError(`The strength must be ${describeReal([least, most])}.`);
  }
  return [...earlier, { file, scale: Number(scale) }];
}

/** A file; given several times, one after another. */
export function severalFiles(text: string, earlier: readonly string[] = []): readonly string[] {
  if (text === "") throw new InvalidArgumentError("It must be a file.");
  return [...earlier, text];
}

/** A time such as `90s`, `30m`, `2h` or `1h30m`, in seconds. */
export function duration(text: string): number {
  const parts = /^\s*(?:([\d.]+)\s*h)?\s*(?:([\d.]+)\s*m(?:in)?)?\s*(?:([\d.]+)\s*s)?\s*$/i.exec(text)?.slice(1) ?? [];
  const [hours, minutes, seconds] = parts.map((part) => Number(part ?? 0));
  const time = 3600 * hours + 60 * minutes + seconds;
  if (parts.every((part) => part === undefined) || time < 1 || !isReal(time, REAL_LIMITS.budget)) {
    throw new InvalidArgumentError("It must be a time from 1s to 720h, such as 90s, 30m, 2h or 1h30m.");
  }
  return time;
}

/** One of ONNX Runtime's execution providers. */
export function provider(text: string): Provider {
  const known = PROVIDERS.find((name) => name === text);
  if (known === undefined) throw new InvalidArgumentError(`It must be one of ${PROVIDERS.join(", ")}.`);
  return known;
}
