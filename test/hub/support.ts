/** @file What the tests of the hub have in common: a small model as files, and a pull that waits for nothing. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { pullModel, type PullRequest, type PullResult } from "../../src/hub/pull.ts";
import { MODEL } from "../keepsake/support.ts";
import { COMMIT, FakeHub, REPO } from "./fake-hub.ts";

/** The tiny Stable Diffusion of the fixtures, in a variant as well, and what else lies in repositories. */
export function modelFiles(): Map<string, Buffer> {
  const files = new Map<string, Buffer>(
    readdirSync(MODEL, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const file = join(entry.parentPath, entry.name);
        return [file.slice(MODEL.length + 1), readFileSync(file)];
      }),
  );
  for (const [name, content] of Array.from(files)) {
    if (!name.endsWith(".safetensors")) continue;
    files.set(name.replace(".safetensors", ".fp16.safetensors"), content);
    files.set(name.replace(".safetensors", ".bin"), Buffer.from("a pickle"));
    // Told from the variant by one more byte of padding.
    files.set(name, padded(content));
  }
  files.set("README.md", Buffer.from("# A tiny model\n"));
  files.set("safety_checker/config.json", Buffer.from("{}"));
  files.set("safety_checker/model.safetensors", Buffer.from("not needed"));
  files.set("größe 猫.txt", Buffer.from("a name beyond ASCII"));
  return files;
}

/** The same tensors behind a header that is eight spaces longer. */
function padded(content: Buffer): Buffer {
  const length = Number(content.readBigUInt64LE());
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(length + 8));
  return Buffer.concat([
    size,
    content.subarray(8, 8 + length),
    Buffer.from(" ".repeat(8)),
    content.subarray(8 + length),
  ]);
}

/** A hub for the tests of a file, without faults at the start of each. */
export function hubForTests(files: ReadonlyMap<string, Buffer> = modelFiles()): FakeHub {
  const hub = new FakeHub(files);
  const { listed, pageSize } = hub;
  beforeAll(() => hub.start());
  afterAll(() => hub.stop());
  beforeEach(() => {
    hub.seen.length = 0;
    Object.assign(hub, { fault: () => false, listed, pageSize, commit: COMMIT });
  });
  return hub;
}

/** The environment of a pull: nothing of this machine's. */
export function environment(hub: FakeHub, home: string): Record<string, string> {
  return { HF_HOME: home, HF_ENDPOINT: hub.endpoint, HOME: home };
}

/** Pulls the model, with pauses that are over at once. */
export function pull(hub: FakeHub, home: string, request: Partial<PullRequest> = {}): Promise<PullResult> {
  return pullModel({
    model: REPO,
    timeout: 2000,
    wait: () => new Promise((resolve) => setTimeout(resolve, 2)),
    ...request,
    env: { ...environment(hub, home), ...request.env },
  });
}
