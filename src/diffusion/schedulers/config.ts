/**
 * @file Reads the options of a `scheduler_config.json`: a missing option takes the default of diffusers, an option of another scheduler
 * is ignored as diffusers does, and a value that is malformed or not supported is an error that names the option. null (Python's None)
 * is not the default: it leaves an option off that may be off, and is an error elsewhere, as in diffusers.
 */
import { KeepsakeError } from "../../errors.ts";

/** The options of one scheduler, as read from JSON. */
export class SchedulerConfig {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #source: string;

  /**
   * @param values The parsed JSON object.
   * @param source How error messages call it, for example the path of the file.
   * @throws KeepsakeError if `values` is not a JSON object.
   */
  constructor(values: unknown, source: string) {
    if (typeof values !== "object" || values === null || Array.isArray(values)) {
      throw new KeepsakeError("input", `${source}: expected a JSON object of scheduler options.`);
    }
    this.#values = new Map(Object.entries(values));
    this.#source = source;
  }

  /** A finite number in [min, max]. */
  number(name: string, defaultValue: number, min = -Infinity, max = Infinity): number {
    const value = this.#get(name, defaultValue);
    if (typeof value !== "number" || !Number.isFinite(value) || value < min || value > max) {
      throw this.#error(name, value, `it has to be a number${range(min, max)}`);
    }
    return value;
  }

  /** A whole number in [min, max]. */
  integer(name: string, defaultValue: number, min: number, max = Infinity): number {
    const value = this.number(name, defaultValue, min, max);
    if (!Number.isInteger(value)) throw this.#error(name, value, `it has to be a whole number${range(min, max)}`);
    return value;
  }

  /** null counts as false, as None does in Python's conditions. */
  boolean(name: string, defaultValue: boolean): boolean {
    const value = this.#get(name, defaultValue) ?? false;
    if (typeof value !== "boolean") throw this.#error(name, value, "it has to be true or false");
    return value;
  }

  /** One of the supported `choices`. */
  choice<T extends string | null>(name: string, choices: readonly T[], defaultValue: T): T {
    const value = this.#get(name, defaultValue);
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) throw this.#error(name, value, `supported: ${choices.join(", ")}`);
    return choice;
  }

  /** A list of numbers in [min, max], or undefined if the option is missing or null. */
  numbers(name: string, min: number, max: number): readonly number[] | undefined {
    const value: unknown = this.#get(name) ?? undefined;
    if (value === undefined) return undefined;
    const items: unknown[] = Array.isArray(value) ? value : [];
    const numbers = items.filter((item): item is number => typeof item === "number" && item >= min && item <= max);
    if (items.length === 0 || numbers.length !== items.length) {
      throw this.#error(name, value, `it has to be a list of numbers${range(min, max)}`);
    }
    return numbers;
  }

  /** Refuses an option whose effect is not implemented unless it is missing, null or has one of the values that leave it off. */
  requireOff(name: string, ...off: readonly unknown[]): void {
    const value = this.#get(name) ?? undefined;
    if (value === undefined || off.includes(value) || (Array.isArray(value) && value.length === 0)) return;
    throw this.#error(name, value, off.length === 0 ? "leave it out" : `only ${off.map(show).join(" or ")}`);
  }

  /** Refuses an option of which one way alone is implemented, unless it is missing or asks for that. null asks for another. */
  requireOneOf(name: string, ...supported: readonly unknown[]): void {
    const value = this.#get(name, supported[0]);
    if (!supported.includes(value)) throw this.#error(name, value, `only ${supported.map(show).join(" or ")}`);
  }

  /** The error for an option that has a good value in itself but not together with others. */
  conflict(name: string, explanation: string): KeepsakeError {
    return this.#error(name, this.#get(name), explanation);
  }

  #get(name: string, defaultValue?: unknown): unknown {
    return this.#values.has(name) ? this.#values.get(name) : defaultValue;
  }

  #error(name: string, value: unknown, explanation: string): KeepsakeError {
    return new KeepsakeError(
      "input",
      `${this.#source}: scheduler option "${name}" ${show(value)} is not supported (${explanation}).`,
    );
  }
}

function range(min: number, max: number): string {
  if (max === Infinity) return min === -Infinity ? "" : ` of at least ${min}`;
  return ` from ${min} to ${max}`;
}

function show(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "(not set)");
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
