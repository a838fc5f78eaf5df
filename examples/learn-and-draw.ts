/**
 * @file Teaches the built-in model one example concept and draws it somewhere else. Run it with
 * `npx tsx examples/learn-and-draw.ts <folder>`; a number of steps may follow.
 */
import { join } from "node:path";
import { Keepsake } from "keepsake";

const [folder = "my-library", steps] = process.argv.slice(2);
const photos = join(import.meta.dirname, "concepts", "mochi", "train");

const keepsake = await Keepsake.open(folder);
const learning = keepsake.learn({
  name: "mochi",
  classNoun: "cat",
  photos: [photos],
  training: steps === undefined ? {} : { steps: Number(steps) },
});
for await (const progress of learning) {
  if (progress.kind === "step" && progress.step === progress.steps) console.log(`${progress.steps} steps`);
}
console.log(`learned ${(await learning).token}`);

const [picture] = await keepsake.generate({ prompt: "<mochi> on the beach", seed: 1 });
console.log(await picture.save(`${folder}-mochi-on-the-beach.png`));
await keepsake.close();
