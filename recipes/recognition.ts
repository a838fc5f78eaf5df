/**
 * @file Can a learned concept be recognised? Teaches each of the ten example concepts alone, with the defaults, and
 * draws it six times in places where it was never shown. Writes sheets for eyes that know nothing of it: what was
 * learned from, by number, and all drawings in random order; and, apart from them, the key.
 *
 * `npx tsx recipes/recognition.ts --model build/model/model --output build/recognition [--threads 1] [--smoke]`
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../src/io/atomic.ts";
import { decodeImage, writePng } from "../src/io/images/image.ts";
import { labelledSheet } from "../src/io/images/labelled-sheet.ts";
import type { RgbImage } from "../src/io/images/rgb-image.ts";
import { CONCEPTS } from "./concepts/concepts.ts";
import { DRAWING_SEED, drawnWhenTaughtAlone, NEW_PLACES } from "./evaluation/taught-alone.ts";
import { Dice } from "./world/dice.ts";
import { threads } from "../src/cli/options.ts";
import { readArguments, tool } from "../scripts/tool.ts";

const values = readArguments(
  tool("Teaches each example concept alone and draws it in new places: sheets for fresh eyes, and the key apart.")
    .option("--model <folder>", "checkpoint (default: the built-in model)")
    .option("--output <folder>", "where the sheets go", join("build", "recognition"))
    .option("--threads <n>", "processor threads", threads)
    .option("--smoke", "one concept, two steps: shows that it runs", false),
).opts<{ model?: string; output: string; threads?: number; smoke: boolean }>();
const COLUMNS = 6;
const ROWS_OF_A_SHEET = 5;
const program = values.threads === undefined ? {} : { threads: values.threads };
const concepts = values.smoke ? CONCEPTS.slice(0, 1) : CONCEPTS;
const trainingFolder = (name: string) => join("examples", "concepts", name, "train");

const { model } = values;
const places = values.smoke ? NEW_PLACES.slice(0, 2) : NEW_PLACES;
const training = values.smoke ? { training: { steps: 2 } } : {};

/** Writes `rows` of pictures, five rows on a sheet. */
async function writeSheets(kind: string, title: string, rows: readonly { label: string; pictures: RgbImage[] }[]) {
  for (let first = 0; first < rows.length; first += ROWS_OF_A_SHEET) {
    const some = rows.slice(first, first + ROWS_OF_A_SHEET);
    const sheet = labelledSheet(
      [title],
      some.map(({ label, pictures }) => ({ label, groups: [pictures] })),
    );
    await writePng(join(values.output, `${kind}-${1 + first / ROWS_OF_A_SHEET}.png`), sheet);
  }
}

await mkdir(values.output, { recursive: true });
const learnedFrom = await Promise.all(
  concepts.map(async ({ name }, i) => {
    const files = Array.from({ length: COLUMNS }, (_, k) => join(trainingFolder(name), `0${k}.png`));
    return { label: `thing ${i + 1}`, pictures: await Promise.all(files.map((file) => decodeImage(file))) };
  }),
);
await writeSheets("things", "what was learned from", learnedFrom);

const drawn: { readonly thing: number; readonly image: RgbImage }[] = [];
for (const [i, { name, classNoun }] of concepts.entries()) {
  const started = performance.now();
  const concept = { name, classNoun, photos: [trainingFolder(name)], ...training };
  for (const image of await drawnWhenTaughtAlone(concept, { model, program, places }))
    drawn.push({ thing: i + 1, image });
  process.stderr.write(`${name}: ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
}
const order = new Dice(DRAWING_SEED, "order of the drawings").sampleOf(drawn, drawn.length);
const rows = Array.from({ length: Math.ceil(order.length / COLUMNS) }, (_, row) => {
  const some = order.slice(row * COLUMNS, (row + 1) * COLUMNS);
  const label = `drawings ${row * COLUMNS + 1} to ${row * COLUMNS + some.length}`;
  return { label, pictures: some.map(({ image }) => image) };
});
await writeSheets("drawings", "drawn, in random order", rows);
const key = {
  things: Object.fromEntries(concepts.map(({ name }, i) => [i + 1, name])),
  drawings: Object.fromEntries(order.map(({ thing }, i) => [i + 1, thing])),
};
await writeFileAtomic(join(values.output, "key.json"), `${JSON.stringify(key, undefined, 2)}\n`);
