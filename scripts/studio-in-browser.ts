/** @file A studio and a browser, for scripts that measure or photograph the page. */
import { spawn } from "node:child_process";
import { chromium, type Browser } from "playwright-core";

/** Runs `work` on a studio that is started for it; both end with it. @param library - on the built-in model */
export async function inBrowser(
  library: string,
  work: (browser: Browser, address: string) => Promise<void>,
): Promise<void> {
  const studio = spawn(process.execPath, ["bin/keepsake.cjs", "studio", "--no-open", "--library", library]);
  studio.stderr.pipe(process.stderr);
  try {
    const address = await new Promise<string>((resolve, reject) => {
      studio.stdout.on("data", (data: Buffer) => {
        const found = /http:\S+/.exec(data.toString())?.[0];
        if (found !== undefined) resolve(found);
      });
      studio.on("exit", () => {
        reject(new Error("the studio did not start"));
      });
    });
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox"],
    });
    try {
      await work(browser, address);
    } finally {
      await browser.close();
    }
  } finally {
    studio.kill();
  }
}
