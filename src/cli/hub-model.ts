/**
 * @file Models of the Hugging Face Hub in commands: `--model <owner>/<name>` is found in the cache, or pulled after a
 * question. The one file that reaches the network code (`src/hub/`), and only when something is to be pulled.
 */
import { readSync } from "node:fs";
import { isatty } from "node:tty";
import { formatHubModel } from "../hub-cache/hub-model.ts";
import { findModel, notInCache } from "../hub-cache/model-on-disk.ts";
import type { PullProgress, PullRequest, PullResult } from "../hub/pull.ts";
import { formatBytes, formatDuration } from "../units.ts";
import { stopSignal } from "./exit.ts";
import { Output } from "./output.ts";
import { stderr } from "./streams.ts";

/**
 * Turns what was given as --model into what is opened. Folders and files go before names of the hub.
 *
 * @param yes - whether to download without asking
 * @throws KeepsakeError for a model of the hub that is not there and is not to be downloaded
 */
export async function modelOnDisk(given: string | undefined, yes: boolean): Promise<string | undefined> {
  if (given === undefined) return undefined;
  const found = await findModel(given, process.env);
  if ("path" in found) return found.path;
  const name = formatHubModel(found.missing);
  if (!yes && !mayDownload(name)) throw notInCache(given, found.missing, " (or add --yes)");
  return (await pullAndReport({ model: name }, new Output({ json: false }))).folder;
}

/** Pulls a model, and says how far it is. Ctrl-C stops it, and what has come is kept. */
export async function pullAndReport(request: PullRequest, output: Output): Promise<PullResult> {
  const { pullModel } = await import("../hub/pull.ts");
  const signal = stopSignal();
  try {
    return await pullModel({ ...request, signal, onProgress: reporter(output) });
  } catch (error) {
    if (signal.aborted) output.info("What was downloaded is kept; the same command goes on from there.");
    throw error;
  }
}

/** Milestones are said every ten per cent, and the moving line is written a few times a second. */
function reporter(output: Output): (progress: PullProgress) => void {
  const startedAt = performance.now();
  let [first, lastAt, lastTenth]: [number | undefined, number, number] = [undefined, -Infinity, 0];
  return (progress) => {
    if (progress.kind === "waiting") output.info(`${progress.reason} Waiting for it.`);
    if (progress.kind === "plan") {
      const { files, bytes, missing } = progress;
      output.info(`${files} files, ${formatBytes(bytes)}; ${formatBytes(missing)} to be downloaded`);
    }
    if (progress.kind !== "bytes" || progress.missing === 0) return;
    const { file, done, missing } = progress;
    first ??= done;
    const tenth = Math.floor((10 * done) / missing);
    const now = performance.now();
    if (tenth === lastTenth && now - lastAt < 200) return;
    const rate = (done - first) / Math.max(0.001, (now - startedAt) / 1000);
    const left = rate > 0 ? `, ${formatBytes(rate)}/s, ${formatDuration((missing - done) / rate)} left` : "";
    const share = `${Math.floor((100 * done) / missing)} %`;
    output.progress(`${share} of ${formatBytes(missing)}${left} (${file})`, tenth > lastTenth);
    [lastAt, lastTenth] = [now, tenth];
  };
}

/** Asks on a terminal; elsewhere nobody is there to say yes. */
function mayDownload(name: string): boolean {
  if (!isatty(0) || !isatty(2)) return false;
  const endpoint = process.env.HF_ENDPOINT ?? "huggingface.co";
  stderr.write(`${name} is not in the Hugging Face cache. Download it from ${endpoint}, some gigabytes? [y/N] `);
  return /^y(es)?$/i.test(readLine().trim());
}

/** A line from the terminal. This thread waits; the main thread goes on listening to signals. */
function readLine(): string {
  const byte = Buffer.alloc(1);
  const bytes: number[] = [];
  while (bytes.length < 1000) {
    try {
      if (readSync(0, byte, 0, 1, null) === 0 || byte[0] === 10) break;
      bytes.push(byte.readUInt8());
    } catch (error) {
      // Another process may have made the terminal non-blocking.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) break;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
  return Buffer.from(bytes).toString("utf8");
}
