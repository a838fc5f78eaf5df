/**
 * @file One training run in a process of its own. Started by estimates.ts with an `EstimateJob` as JSON; answers with
 * an `EstimateResult`.
 */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Keepsake, type LearnPlan } from "../src/index.ts";
import type { EstimateJob, EstimateResult } from "./estimates.ts";

const PHOTOS = fileURLToPath(new URL("../examples/concepts/mochi/train", import.meta.url));

const { library, model, request } = JSON.parse(process.argv[2] ?? "") as EstimateJob; // written by estimates.ts
await using keepsake = await Keepsake.open(library, { lazy: true, ...(model !== undefined && { model }) });
let plan: LearnPlan | undefined;
const began = performance.now();
await keepsake.learn({
  ...{ name: "mochi", photos: [PHOTOS], classNoun: "cat", tellsPlan: true, ...request },
  onProgress: (progress) => {
    if (progress.kind === "plan") plan = progress.plan;
  },
});
if (plan === undefined || process.send === undefined) throw new Error("there is no plan, or nobody to tell it");
const result: EstimateResult = { plan, seconds: (performance.now() - began) / 1000 };
process.send(result);
await once(process, "disconnect");
