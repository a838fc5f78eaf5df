/** @file What the tests of the hub have in common: a hub, and a pull that waits for nothing. */
import { afterAll, beforeAll, beforeEach } from "vitest";
import { pullModel, type PullRequest, type PullResult } from "../../src/hub/pull.ts";
import { COMMIT, FakeHub, REPO } from "./fake-hub.ts";
import { modelFiles } from "./model-files.ts";

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
