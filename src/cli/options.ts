/**
 * @file Parsers for the values of options: each gives a number that makes sense or a usage error that names the option.
 */
import { InvalidArgumentError } from "commander";
import { PROVIDERS, type Provider } from "../graph/index.ts";

/** A whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
    }
    return value;
  };
}

/** A number larger than `above`. */
export function numberAbove(above: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value <= above) {
      throw new InvalidArgumentError(`It must be a number larger than ${above}.`);
    }
    return value;
  };
}

/** A number of at least `least`. */
export function numberFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < least) {
      throw new InvalidArgumentError(`It must be a number of at least ${least}.`);
    }
    return value;
  };
}

/** One of ONNX Runtime's execution providers. */
export function provider(text: string): Provider {
  const known = PROVIDERS.find((name) => name === text);
  if (known === undefined) throw new InvalidArgumentError(`It must be one of ${PROVIDERS.join(", ")}.`);
  return known;
}
