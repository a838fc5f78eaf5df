/**
 * @file The main job, end to end, offline: teaches two things one after another from pictures that it draws itself, then
 * draws both, all through the command line. It runs on the tests' tiny model with random weights, so the result looks like
 * noise; the pipeline is the real one. With --model <folder> it runs on a Stable Diffusion checkpoint.
 */
import { spawnSync } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "test/fixtures/models/tiny-sd1" },
    output: { type: "string", default: "demo-output" },
    steps: { type: "string", default: "40" },
  },
});

/** Stand-ins for photos: the same thing in six places. */
const THINGS = {
  mochi: {
    noun: "cat",
    draw: '<circle cx="0" cy="0" r="60" fill="#f4e3c1"/><path d="M-52-32-44-84-8-56ZM52-32 44-84 8-56Z" fill="#8a5a36"/><circle cx="-22" cy="-8" r="9"/><circle cx="22" cy="-8" r="9"/><path d="M-10 16H10L0 26Z" fill="#d9776c"/>',
  },
  mug: {
    noun: "cup",
    draw: '<rect x="-50" y="-50" width="84" height="104" rx="12" fill="#2f6db5"/><path d="M34-24h26v48H34" fill="none" stroke="#2f6db5" stroke-width="14"/><circle cx="-8" cy="0" r="20" fill="#ffd23f"/>',
  },
};
const BACKGROUNDS = ["#dfe7ee", "#c9dfc3", "#f2d5c4", "#d9cdea", "#efe6b8", "#bcd9df"];

async function drawPhotos(folder: string, drawing: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [i, background] of BACKGROUNDS.entries()) {
    const place = `translate(${150 + 20 * Math.cos(i)} ${150 + 20 * Math.sin(2 * i)}) rotate(${8 * (i - 2.5)}) scale(${1.1 - 0.08 * i})`;
    const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"><rect width="300" height="300" fill="${background}"/><g transform="${place}">${drawing}</g></svg>`;
    await sharp(Buffer.from(picture))
      .jpeg()
      .toFile(join(folder, `${i}.jpg`));
  }
}

function keepsake(...args: string[]): void {
  process.stderr.write(`\n$ keepsake ${args.map((arg) => (/^[\w./-]+$/.test(arg) ? arg : `"${arg}"`)).join(" ")}\n`);
  const { status } = spawnSync(process.execPath, ["dist/cli/main.js", ...args], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

const library = join(values.output, "library");
await rm(values.output, { recursive: true, force: true });
for (const [name, { noun, draw }] of Object.entries(THINGS)) {
  const photos = join(values.output, "photos", name);
  await drawPhotos(photos, draw);
  keepsake(
    "learn",
    name,
    photos,
    "--class",
    noun,
    "--library",
    library,
    "--model",
    values.model,
    "--steps",
    values.steps,
  );
}
const pictures = join(values.output, "pictures");
for (const prompt of ["a photo of a <mochi>", "a photo of a <mug>", "<mochi> next to <mug>, on the beach"]) {
  keepsake("generate", prompt, "--library", library, "-n", "2", "--steps", "15", "-o", pictures);
}
process.stderr.write(`\nThe pictures are in ${pictures}.\n`);
