import { spawn } from "node:child_process";
import { once } from "node:events";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { writePhotos } from "../keepsake/support.ts";
import { learn, MAIN } from "./support.ts";

const inFolder = temporaryFolder();
let photos: string;

beforeAll(async () => {
  photos = await writePhotos(inFolder("photos"), "dog");
});

describe("the signal at which Node opens a port for debuggers", () => {
  it("opens none", async () => {
    const args = [MAIN, ...learn(inFolder("debugged"), "dog", [photos], "--steps", "60")];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    let news = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      news += text;
      if (text.includes("2 photos")) child.kill("SIGUSR1");
    });
    await once(child, "exit");
    expect(news).toContain("step 60/60");
    expect(news).not.toMatch(/debugger/i);
  });
});

describe("a signal, while ONNX Runtime computes", () => {
  // One step on such a picture takes longer than both signals.
  const endless = (library: string) => learn(library, "dog", [photos], "--steps", "10", "--resolution", "1024");

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "is answered at once, and the second %s ends the process",
    async (signal) => {
      const child = spawn(process.execPath, [MAIN, ...endless(inFolder(signal))], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      let news = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        news += text;
        if (text.includes("2 photos") || text.includes("stopping after this step")) child.kill(signal);
      });
      const [code, endedBy] = (await once(child, "exit")) as unknown[];
      expect([code, endedBy]).toEqual([null, signal]);
      expect(news).toContain("stopping after this step");
      expect(news).not.toContain("step 1/");
    },
  );
});
