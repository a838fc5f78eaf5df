/**
 * @file The main job, end to end, offline: teaches the built-in model two of the example concepts one after another, then draws both, all through the command line.
 * With --model <folder> it runs on a Stable Diffusion checkpoint.
 */
import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    output: { type: "string", default: "demo-output" },
    steps: { type: "string" },
  },
});

const CONCEPTS = { mochi: "cat", tilda: "teapot" };
const PROMPTS = [
  "<mochi> on a blue background",
  "<tilda> on a blue background",
  "<mochi> on the grass",
  "<tilda> on the beach",
];

function keepsake(...args: string[]): void {
  process.stderr.write(`\n$ keepsake ${args.map((arg) => (/^[\w./-]+$/.test(arg) ? arg : `"${arg}"`)).join(" ")}\n`);
  const { status } = spawnSync(process.execPath, ["dist/cli/main.js", ...args], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

const library = join(values.output, "library");
const model = values.model === undefined ? [] : ["--model", values.model];
const steps = values.steps === undefined ? [] : ["--steps", values.steps];
await rm(values.output, { recursive: true, force: true });
for (const [name, noun] of Object.entries(CONCEPTS)) {
  const photos = join("examples", "concepts", name, "train");
  keepsake("learn", name, photos, "--class", noun, "--library", library, ...model, ...steps);
}
const pictures = join(values.output, "pictures");
for (const prompt of PROMPTS) keepsake("generate", prompt, "--library", library, "-n", "2", "-o", pictures);
process.stderr.write(`\nThe pictures are in ${pictures}.\n`);
