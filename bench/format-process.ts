/**
 * @file Opening, learning and drawing on one checkpoint, in a process of its own. Started by formats.ts with a
 * `FormatJob` as JSON; answers with a `FormatResult`.
 */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Keepsake } from "../src/index.ts";
import type { FormatJob, FormatResult } from "./formats.ts";

const PHOTOS = fileURLToPath(new URL("../examples/concepts/mochi/train", import.meta.url));

const { library, model, steps, resolution, drawing } = JSON.parse(process.argv[2] ?? "") as FormatJob; // written by formats.ts
const seconds: number[] = [];
let last = performance.now();
const lap = () => {
  const now = performance.now();
  seconds.push((now - last) / 1000);
  last = now;
};
await using keepsake = await Keepsake.open(library, { model });
lap();
await keepsake.learn({
  ...{ name: "mochi", photos: [PHOTOS], classNoun: "cat", strategy: "sequential", previews: false },
  training: { steps, resolution },
  onProgress: (progress) => {
    // The first step ends where everything is compiled; the others are what a step takes.
    if (progress.kind === "step" && progress.step === 1) lap();
  },
});
lap();
await keepsake.generate({ prompt: "a <mochi>", ...drawing });
lap();
if (process.send === undefined) throw new Error("nobody asked");
const [open = 0, firstStep = 0, otherSteps = 0, draw = 0] = seconds;
const result: FormatResult = { open, firstStep, step: otherSteps / Math.max(1, steps - 1), draw };
process.send(result);
await once(process, "disconnect");
