/** @file What every error for the user has in common. */
import { expect } from "vitest";
import { KeepsakeError } from "../../src/errors.ts";

/** The error of something that must fail, after a check that it is a KeepsakeError of one line. */
export async function failure(doing: Promise<unknown>): Promise<KeepsakeError> {
  const error: unknown = await doing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof KeepsakeError)) throw new Error("This was to fail with a KeepsakeError.", { cause: error });
  // eslint-disable-next-line no-control-regex -- they are what must not be there
  expect(error.message).not.toMatch(/[\u0000-\u001f\u007f]/);
  return error;
}
