/**
 * @file Reads the options of a `scheduler_config.json`: a missing option takes the default of diffusers, an option of
 * another scheduler is ignored as diffusers does, and a value that is malformed or not supported is an error that names
 * the option. null (Python's None) is not the default: it leaves an option off that may be off, and is an error
 * elsewhere, as in diffusers. A config that was made for another class binds a scheduler only in what it says of the
 * model: how that other class samples is taken over where this one can do the same, and else left at this one's
 * default.
 */
import { KeepsakeError } from "../../errors.ts";

/** The options of one scheduler, as read from JSON. */
export class SchedulerConfig {
  /** Whether the config was made for another class than the one that reads it. */
  readonly isForeign: boolean;
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #source: string;
  readonly #reader: string | undefined;

  /**
   * @param values The parsed JSON object.
   * @param source How error messages call it, for example the path of the file.
   * @param reader The class that reads it; the config's own unless `_class_name` says another one.
   * @throws KeepsakeError if `values` is not a JSON object.
   */
  constructor(values: unknown, source: string, reader?: string) {
    if (typeof values !== "object" || values === null || Array.isArray(values)) {
      throw new KeepsakeError("input", `${source}: expected a JSON object of scheduler options.`);
    }
    this.#values = new Map(Object.entries(values));
    this.#source = source;
    this.#reader = reader;
    const madeFor = this.#get("_class_name");
    this.isForeign = reader !== undefined && typeof madeFor === "string" && madeFor !== reader;
  }

  /** Without options that the class that reads it does not have. */
  without(...names: readonly string[]): SchedulerConfig {
    const rest = Object.fromEntries([...this.#values].filter(([name]) => !names.includes(name)));
    return new SchedulerConfig(rest, this.#source, this.#reader);
  }

  /** With these options in place of those it has. */
  with(options: Readonly<Record<string, unknown>>): SchedulerConfig {
    return new SchedulerConfig({ ...Object.fromEntries(this.#values), ...options }, this.#source, this.#reader);
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

  /** One of the supported `choices` for what the model itself is, whichever class reads it. */
  choice<T extends string | null>(name: string, choices: readonly T[], defaultValue: T): T {
    const value = this.#get(name, defaultValue);
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined) throw this.#error(name, value, `supported: ${choices.join(", ")}`);
    return choice;
  }

  /** As {@link SchedulerConfig.choice}, for how to sample. */
  sampling<T extends string | null>(name: string, choices: readonly T[], defaultValue: T): T {
    const isSupported = choices.some((choice) => choice === this.#get(name));
    return this.isForeign && !isSupported ? defaultValue : this.choice(name, choices, defaultValue);
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

  /**
   * Refuses a way of sampling that is not implemented, unless it is missing, has one of the values that leave it off,
   * or was meant for another class.
   */
  requireOff(name: string, ...off: readonly unknown[]): void {
    if (this.isForeign) return;
    const value = this.#get(name) ?? undefined;
    if (value === undefined || off.includes(value) || (Array.isArray(value) && value.length === 0)) return;
    throw this.#error(name, value, off.length === 0 ? "leave it out" : `only ${off.map(show).join(" or ")}`);
  }

  /**
   * Refuses an option of which one way alone is implemented, unless it is missing or asks for that. null asks for
   * another.
   */
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
