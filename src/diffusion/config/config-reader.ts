/**
 * @file Reads a model's config.json option by option. Every option must be read, declared harmless, or declared
 * unsupported: an option that nobody knows is an error, because a silently ignored option gives a model that is almost
 * right. null is a value (Python's None) and not a missing option: it is read where the reference gives it a meaning,
 * and refused elsewhere.
 */
import { KeepsakeError, shown } from "../../errors.ts";

type Scalar = string | number | boolean | null;

/** One JSON object of options. All errors are `KeepsakeError`s that name the file, the option and its value. */
export class ConfigReader {
  readonly #file: string;
  readonly #options: Readonly<Record<string, unknown>>;
  readonly #known = new Set<string>();

  /** @param file what to call the object in messages: the path of its file. */
  constructor(file: string, json: unknown) {
    if (!isObject(json)) throw new KeepsakeError("input", `${file}: expected a JSON object with the model's options.`);
    this.#file = file;
    this.#options = json;
  }

  /** An integer >= `least`. A missing option has the value `fallback`. */
  integer(name: string, fallback: number, least = 1): number {
    const value = this.#stated(name, fallback);
    if (!isIntegerFrom(value, least)) throw this.#wrong(name, `an integer of at least ${least} and at most a million`);
    return value;
  }

  /** An integer >= 1, or undefined where the option is missing or null (for options whose default is null). */
  optionalInteger(name: string): number | undefined {
    const value = this.#value(name);
    if (value === undefined || value === null) return undefined;
    if (!isIntegerFrom(value, 1)) throw this.#wrong(name, "an integer of at least 1 and at most a million, or null");
    return value;
  }

  number(name: string, fallback: number): number {
    const value = this.#stated(name, fallback);
    if (typeof value !== "number" || !Number.isFinite(value)) throw this.#wrong(name, "a number");
    return value;
  }

  /** What is added to a variance before its root is taken: above 0. */
  epsilon(name: string, fallback: number): number {
    const value = this.number(name, fallback);
    if (!(value > 0 && value <= 1)) throw this.#wrong(name, "a number above 0 and at most 1");
    return value;
  }

  /** null counts as false, as None does in Python's conditions. */
  boolean(name: string, fallback: boolean): boolean {
    const stated = this.#value(name);
    const value = stated === undefined ? fallback : (stated ?? false);
    if (typeof value !== "boolean") throw this.#wrong(name, "true or false");
    return value;
  }

  /** One of the given values, of which null may be one. */
  oneOf<T extends string | null>(name: string, supported: readonly T[], fallback: T): T {
    const stated = this.#value(name);
    const value = stated === undefined ? fallback : stated;
    const found = supported.find((candidate) => candidate === value);
    if (found === undefined) throw this.#unsupported(name, value, supported);
    return found;
  }

  /** One of the given strings, or undefined where the option is missing or null (for options whose default is null). */
  optionalOneOf<T extends string>(name: string, supported: readonly T[]): T | undefined {
    const value = this.#value(name) ?? undefined;
    const found = supported.find((candidate) => candidate === value);
    if (found === undefined && value !== undefined) throw this.#unsupported(name, value, [...supported, null]);
    return found;
  }

  /** A list of the given strings. */
  listOf<T extends string>(name: string, supported: readonly T[], fallback: readonly T[]): T[] {
    const value = this.#stated(name, fallback);
    if (!Array.isArray(value) || value.length === 0) throw this.#wrong(name, "a list of block types");
    return value.map((item: unknown) => {
      const found = supported.find((candidate) => candidate === item);
      if (found === undefined) throw this.#unsupported(name, item, supported);
      return found;
    });
  }

  /** A non-empty list of integers >= 1. */
  integers(name: string, fallback: readonly number[]): number[] {
    const value = this.#stated(name, fallback);
    if (!Array.isArray(value) || value.length === 0 || !value.every((item) => isIntegerFrom(item, 1))) {
      throw this.#wrong(name, "a list of integers of at least 1 and at most a million");
    }
    if (value.length > mostLevels) throw this.#wrong(name, `a list of at most ${mostLevels} integers`);
    return value;
  }

  /** Three numbers, one for each colour channel. */
  triple(name: string, fallback: readonly [number, number, number]): readonly [number, number, number] {
    const value = this.#stated(name, fallback);
    const items: readonly unknown[] = Array.isArray(value) ? value : [];
    const [red, green, blue, ...rest] = items;
    if (typeof red !== "number" || typeof green !== "number" || typeof blue !== "number" || rest.length > 0) {
      throw this.#wrong(name, "a list of three numbers");
    }
    return [red, green, blue];
  }

  /** One integer >= 1 for all of `count` levels, or a list with one for each. */
  integerPerLevel(name: string, count: number, fallback: number): number[] {
    const value = this.#stated(name, fallback);
    if (isIntegerFrom(value, 1)) return new Array<number>(count).fill(value);
    if (!Array.isArray(value) || value.length !== count || !value.every((item) => isIntegerFrom(item, 1))) {
      throw this.#wrong(name, `an integer of at least 1, or a list of ${count} of them`);
    }
    return value;
  }

  /**
   * One integer >= 1 for all layers, or a list with one for each level or a list for each level's layers.
   * @param layers how many layers each level has.
   * @returns a list for each level, with a number for each of its layers.
   */
  integerPerLayer(name: string, layers: readonly number[], fallback: number): number[][] {
    const value = this.#stated(name, fallback);
    const levels: readonly unknown[] = Array.isArray(value) ? value : layers.map(() => value);
    const expected = `an integer of at least 1, or a list of ${layers.length}: integers, or lists of one for each layer`;
    if (levels.length !== layers.length) throw this.#wrong(name, `${expected} (${layers.join(", ")})`);
    return levels.map((level, i) => {
      const items: readonly unknown[] = Array.isArray(level) ? level : new Array<unknown>(layers[i]).fill(level);
      const numbers = items.filter((item): item is number => isIntegerFrom(item, 1));
      if (items.length === layers[i] && numbers.length === items.length) return numbers;
      throw this.#wrong(name, `${expected} (${layers.join(", ")})`);
    });
  }

  /** Whether an option is there, and not null. */
  isStated(name: string): boolean {
    return (this.#value(name) ?? null) !== null;
  }

  /** An option that has to be missing or, alone or as every item of a list, one of the given values. */
  only(name: string, ...supported: readonly Scalar[]): void {
    const value = this.#value(name);
    if (value === undefined) return;
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (!values.every((item) => supported.some((candidate) => candidate === item))) {
      throw this.#unsupported(name, value, supported);
    }
  }

  /** Options that do not change what the model computes. */
  harmless(...names: readonly string[]): void {
    for (const name of names) this.#known.add(name);
  }

  /** Checks `_class_name`, where the file states it. */
  className(expected: string): void {
    const value = this.#value("_class_name");
    if (value === undefined || value === expected) return;
    const fault = `this is the config of a ${shown(value)}, expected ${expected}`;
    throw new KeepsakeError("input", `${this.#file}: ${fault}.`);
  }

  /** To be called last: names the first option that nobody has asked for. Names that begin with "_" are notes. */
  end(): void {
    for (const name of Object.keys(this.#options)) {
      if (name.startsWith("_") || this.#known.has(name)) continue;
      throw new KeepsakeError(
        "input",
        `${this.#file}: unknown option ${shown(name)} (value ${shown(this.#options[name])}): ` +
          "it might change what the model computes, so the model is not loaded.",
      );
    }
  }

  /** An error about the value of an option. `expected` completes "expected ...". */
  error(name: string, expected: string): KeepsakeError {
    return this.#wrong(name, expected);
  }

  /** The value of an option for which null means nothing. */
  #stated(name: string, fallback: unknown): unknown {
    const value = this.#value(name);
    if (value === undefined) return fallback;
    if (value !== null) return value;
    throw new KeepsakeError(
      "input",
      `${this.#file}: option ${shown(name)} null is not supported; give a value, or leave the option out (default: ${shown(fallback)}).`,
    );
  }

  #value(name: string): unknown {
    this.#known.add(name);
    return Object.hasOwn(this.#options, name) ? this.#options[name] : undefined;
  }

  #wrong(name: string, expected: string): KeepsakeError {
    const value = shown(Object.hasOwn(this.#options, name) ? this.#options[name] : undefined);
    return new KeepsakeError("input", `${this.#file}: option ${shown(name)} is ${value}, expected ${expected}.`);
  }

  #unsupported(name: string, value: unknown, supported: readonly Scalar[]): KeepsakeError {
    const list = supported.map((item) => JSON.stringify(item)).join(", ");
    const fault =
      value === null
        ? `option ${shown(name)} null is not supported`
        : `option ${shown(name)} has the value ${shown(value)}, which is not supported`;
    return new KeepsakeError("input", `${this.#file}: ${fault} (supported: ${list}).`);
  }
}

/** No width, count or id of a model is larger; sums and products of a few such numbers are exact. */
const largestInteger = 1_000_000;
/** No network has more levels. */
const mostLevels = 16;

/** Narrows JSON to an object. */
export function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function isIntegerFrom(value: unknown, least: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= largestInteger;
}
