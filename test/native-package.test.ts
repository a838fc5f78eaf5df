import { describe, expect, it } from "vitest";
import { loadNativePackage } from "../src/native-package.ts";
import { failure } from "./io/failure.ts";

const failing = (message: string) => failure(loadNativePackage("sharp", () => Promise.reject(new Error(message))));

describe("loadNativePackage", () => {
  it("gives what was loaded", async () => {
    expect(await loadNativePackage("sharp", () => Promise.resolve({ loaded: true }))).toEqual({ loaded: true });
  });

  it.each([
    "libonnxruntime.so.1: failed to map segment from shared object",
    "libvips-cpp.so: cannot allocate memory in static TLS block",
    "The paging file is too small for this operation to complete.",
  ])("says that memory is short: %s", async (message) => {
    // sharp says it in the second of many lines.
    const { kind, message: line } = await failing(
      `Could not load the "sharp" module\nERR_DLOPEN_FAILED: ${message}\nPossible`,
    );
    expect(kind).toBe("environment");
    expect(line).toMatch(/^There is too little free memory to load sharp \(.+\); close other programs\.$/);
    expect(line).toContain(message);
  });

  it("says what is to be done where the package was made for another machine", async () => {
    const { kind, message } = await failing(
      'Could not load the "sharp" module using the linux-x64 runtime\nPossible solutions:',
    );
    expect(kind).toBe("environment");
    expect(message).toBe(
      'The package sharp cannot be loaded on this machine: Could not load the "sharp" module using the linux-x64 runtime; install Keepsake anew on it.',
    );
  });
});
