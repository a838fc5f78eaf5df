/**
 * @file Throws damaged files at every reader: safetensors, JSON, configurations, tokenizers, adapters, embeddings,
 * pictures, captions, manifests. A reader may succeed, or fail with one line for a person; anything else, a hang or a
 * flood of memory is a defect.
 *
 * `npm run fuzz -- --seconds 600 --seed 7`. Every case has an address: what fails prints the command that repeats it
 * alone.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeepsakeError } from "../src/errors.ts";
import { RandomStream } from "../src/random/random.ts";
import { makeTargets, type FuzzTarget } from "./fuzz/targets.ts";
import { trainingSeed } from "../src/cli/options.ts";
import { aboveZero, readArguments, tool } from "./tool.ts";

const values = readArguments(
  tool("Throws damaged files at every reader; one may succeed, or fail with one line for a person.", "npm run fuzz --")
    .option("--seconds <n>", "how long", aboveZero, 10)
    .option("--seed <n>", "seed of the damage", trainingSeed, 0)
    .option("--target <name>", "one kind of file alone")
    .option("--case <n>", "number of one case alone", trainingSeed),
).opts<{ seconds: number; seed: number; target?: string; case?: number }>();

/** Far above what any case takes, so that a busy machine does not fail, and far below a hang. */
const maxMilliseconds = 10_000;
/** What one case may add to the memory of the process, in bytes. */
const maxGrowth = 1_000_000_000;
/** The longest message: two thousand characters, and what cuts it. */
const maxMessageLength = 2010;

/** Counts of one target. */
interface Tally {
  read: number;
  refused: number;
}

const folder = await mkdtemp(join(tmpdir(), "keepsake-fuzz-"));
try {
  await fuzz();
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function fuzz(): Promise<void> {
  const all = await makeTargets(folder);
  const targets = all.filter(({ name }) => values.target === undefined || name === values.target);
  if (targets.length === 0) {
    throw new KeepsakeError(
      "usage",
      `--target ${values.target}: choose one of ${all.map(({ name }) => name).join(", ")}.`,
    );
  }
  const tallies = new Map(targets.map(({ name }): [string, Tally] => [name, { read: 0, refused: 0 }]));
  const end = performance.now() + 1000 * values.seconds;
  const { case: only } = values;
  let failures = 0;
  for (let index = only ?? 0; index === only || (only === undefined && performance.now() < end); index++) {
    for (const target of targets) {
      const fault = await tryCase(target, index, tallies.get(target.name));
      if (fault === undefined) continue;
      failures += 1;
      process.exitCode = 1;
      console.error(`${target.name}: ${fault}`);
      console.error(`  npm run fuzz -- --seed ${values.seed} --target ${target.name} --case ${index}`);
    }
    if (only !== undefined) break;
  }
  for (const [name, { read, refused }] of tallies) console.log(`${name}: ${read} read, ${refused} refused`);
  console.log(failures === 0 ? "no defect" : `${failures} defects`);
}

/** @returns What is wrong, or undefined. */
async function tryCase(target: FuzzTarget, index: number, tally: Tally | undefined): Promise<string | undefined> {
  const random = new RandomStream(values.seed, "fuzz", target.name, index);
  await target.prepare(random);
  const memory = process.memoryUsage().rss;
  const start = performance.now();
  let fault: string | undefined;
  try {
    await target.read();
    if (tally !== undefined) tally.read += 1;
  } catch (error) {
    fault = faultOf(error);
    if (tally !== undefined) tally.refused += 1;
  }
  const [milliseconds, growth] = [performance.now() - start, process.memoryUsage().rss - memory];
  if (fault !== undefined) return fault;
  if (milliseconds > maxMilliseconds) return `took ${Math.round(milliseconds)} ms`;
  return growth > maxGrowth ? `took ${Math.round(growth / 1e6)} MB of memory` : undefined;
}

function faultOf(error: unknown): string | undefined {
  if (!(error instanceof KeepsakeError))
    return `is a defect: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  const { message } = error;
  // eslint-disable-next-line no-control-regex -- what no message may hold
  if (/[\0-\x1f\x7f]/.test(message)) return `has control characters in its message: ${JSON.stringify(message)}`;
  return message.length > maxMessageLength ? `has a message of ${message.length} characters` : undefined;
}
