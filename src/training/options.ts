/**
 * @file Options of strategies: what there is to set, its default and range, and how it is read from text such as
 * `lambda=100`.
 */
import { KeepsakeError } from "../errors.ts";

export type OptionValue = number | string | boolean;

interface Documented {
  /** One line: what it is, and what larger or other values do. */
  readonly help: string;
  /** Values of other options without which it counts for nothing. */
  readonly countsWith?: Readonly<Record<string, OptionValue>>;
}

export interface NumberOption extends Documented {
  readonly type: "number" | "integer";
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Whether `min` itself is not allowed. */
  readonly aboveMin?: boolean;
}

export interface ChoiceOption<Choice extends string = string> extends Documented {
  readonly type: "choice";
  readonly default: Choice;
  readonly choices: readonly Choice[];
}

export interface FlagOption extends Documented {
  readonly type: "flag";
  readonly default: boolean;
}

export type OptionSpec = NumberOption | ChoiceOption | FlagOption;
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The values of options, by name. */
export type OptionValues<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: Specs[Name] extends NumberOption
    ? number
    : Specs[Name] extends ChoiceOption<infer Choice>
      ? Choice
      : boolean;
};

/**
 * Every option with the value that was given, or its default.
 *
 * @param strategy - for messages
 * @throws KeepsakeError ("usage") for an unknown name, or a value of the wrong type or out of range
 */
export function resolveOptions<Specs extends OptionSpecs>(
  strategy: string,
  specs: Specs,
  given: Readonly<Record<string, OptionValue>>,
): OptionValues<Specs> {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(specs, name));
  if (unknown !== undefined) throw unknownOption(strategy, specs, unknown);
  const entries = Object.entries(specs).map(([name, spec]) => {
    const value = given[name] ?? spec.default;
    if (!fits(spec, value)) throw badValue(strategy, name, spec, value);
    return [name, value];
  });
  return Object.fromEntries(entries) as OptionValues<Specs>; // every value was checked against the spec of its name
}

/**
 * @param asked - the options that somebody gave
 * @param values - those of all options
 * @throws KeepsakeError ("usage") for one that counts for nothing beside the others
 */
export function checkThatAllCount(
  strategy: string,
  specs: OptionSpecs,
  asked: Readonly<Record<string, OptionValue>>,
  values: Readonly<Record<string, OptionValue>>,
): void {
  for (const name of Object.keys(asked)) {
    const needed = Object.entries(specs[name].countsWith ?? {}).find(([other, value]) => values[other] !== value);
    if (needed === undefined) continue;
    const [other, value] = needed;
    const fault = `The option ${name} of ${strategy} counts for nothing where ${other} is ${values[other]}`;
    throw new KeepsakeError("usage", `${fault}; add ${other}=${value}, or leave it out.`);
  }
}

/**
 * Reads options as they are written on a command line: `["lambda=100", "penalty=per-task"]`.
 *
 * @throws KeepsakeError ("usage") as {@link resolveOptions}, and for text that is not `name=value`
 */
export function parseOptions(
  strategy: string,
  specs: OptionSpecs,
  texts: readonly string[],
): Record<string, OptionValue> {
  const values: Record<string, OptionValue> = {};
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at < 1) throw new KeepsakeError("usage", `"${text}" is not an option of a strategy: write name=value.`);
    const [name, value] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
    if (!Object.hasOwn(specs, name)) throw unknownOption(strategy, specs, name);
    values[name] = parsed(strategy, name, specs[name], value);
  }
  resolveOptions(strategy, specs, values);
  return values;
}

/** Type and range of an option, in words: "number from 0 to 1". */
export function describeRange(spec: OptionSpec): string {
  switch (spec.type) {
    case "choice":
      return spec.choices.join(" or ");
    case "flag":
      return "true or false";
    case "number":
    case "integer": {
      const kind = spec.type === "integer" ? "whole number" : "number";
      const least = spec.aboveMin === true ? `larger than ${spec.min}` : `of at least ${spec.min}`;
      return spec.max === Infinity ? `${kind} ${least}` : `${kind} ${least} and at most ${spec.max}`;
    }
  }
}

function parsed(strategy: string, name: string, spec: OptionSpec, text: string): OptionValue {
  if (spec.type === "choice") return text;
  if (spec.type === "flag") {
    if (text === "true" || text === "false") return text === "true";
    throw badValue(strategy, name, spec, text);
  }
  const value = Number(text);
  if (text === "" || Number.isNaN(value)) throw badValue(strategy, name, spec, text);
  return value;
}

function fits(spec: OptionSpec, value: OptionValue): boolean {
  switch (spec.type) {
    case "choice":
      return spec.choices.some((choice) => choice === value);
    case "flag":
      return typeof value === "boolean";
    case "number":
    case "integer":
      if (typeof value !== "number" || !Number.isFinite(value)) return false;
      if (spec.type === "integer" && !Number.isSafeInteger(value)) return false;
      return value <= spec.max && (spec.aboveMin === true ? value > spec.min : value >= spec.min);
  }
}

function unknownOption(strategy: string, specs: OptionSpecs, name: string): KeepsakeError {
  const names = Object.keys(specs);
  const known = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
  return new KeepsakeError("usage", `The strategy ${strategy} has no option "${name}"; ${known}.`);
}

function badValue(strategy: string, name: string, spec: OptionSpec, value: OptionValue): KeepsakeError {
  const rule = `it must be ${spec.type === "choice" || spec.type === "flag" ? "" : "a "}${describeRange(spec)}`;
  return new KeepsakeError("usage", `The option ${name} of ${strategy} cannot be "${value}"; ${rule}.`);
}
