/** @file An empty folder for the tests of one file, gone when they are done. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll } from "vitest";

/** Makes a folder, and returns the path of a file in it. */
export function temporaryFolder(): (...parts: string[]) => string {
  const folder = mkdtempSync(path.join(tmpdir(), "keepsake-test-"));
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return (...parts) => path.join(folder, ...parts);
}
